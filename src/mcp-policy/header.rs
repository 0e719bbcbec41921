//! Headers of the command line.

/// What a header must be, for messages.
pub const EXPECTED: &str = "must be `NAME: VALUE` or `NAME=VALUE`, such as `x-team: sre`";

/// Splits a header into name and value: at the first `:` or `=`, neither of which a name can have. `None` if there is
/// neither, or no name.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once([':', '='])?;
    let name = name.trim();
    (!name.is_empty()).then_some((name, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_where_its_name_ends() {
        for (text, expected) in [
            ("x-team: sre", Some(("x-team", "sre"))),
            ("x-team=sre", Some(("x-team", "sre"))),
            ("x-a:b=c:d", Some(("x-a", "b=c:d"))),
            ("x-a=b: c", Some(("x-a", "b: c"))),
            ("x-a:", Some(("x-a", ""))),
            ("x-a", None),
            (": a", None),
            ("", None),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
