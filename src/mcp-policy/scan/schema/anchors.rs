//! Expressions that find a match anywhere in a text.

/// Any run of characters.
const ANYTHING: &str = r"[\s\S]*";

/// Returns an expression that means the same and has both anchors; `None` if this one has them. A server that forgets
/// an anchor accepts more than it shows. Its calls must pass, and the author of the policy should see it.
pub fn anchored(pattern: &str) -> Option<String> {
    if has_alternatives(pattern) {
        return Some(format!("^{ANYTHING}(?:{pattern}){ANYTHING}$"));
    }
    let begins = pattern.starts_with('^');
    let escapes = pattern
        .strip_suffix('$')
        .map(|before| before.len().saturating_sub(before.trim_end_matches('\\').len()));
    let ends = escapes.is_some_and(|escapes| escapes.is_multiple_of(2));
    if begins && ends {
        return None;
    }
    let start = if begins { String::new() } else { format!("^{ANYTHING}") };
    let end = if ends { String::new() } else { format!("{ANYTHING}$") };
    Some(format!("{start}{pattern}{end}"))
}

/// Returns whether a `|` stands outside of all groups and classes.
fn has_alternatives(pattern: &str) -> bool {
    let (mut depth, mut in_class) = (0_usize, false);
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth = depth.saturating_add(1),
            ')' if !in_class => depth = depth.saturating_sub(1),
            '|' if !in_class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_expression_gets_anchors_and_means_the_same() {
        for (pattern, expected) in [
            ("^[a-z]+$", None),
            ("^(a|b)$", None),
            ("^[|]$", None),
            (r"^a\$", Some(r"^a\$[\s\S]*$")),
            ("a", Some(r"^[\s\S]*a[\s\S]*$")),
            ("^a|b$", Some(r"^[\s\S]*(?:^a|b$)[\s\S]*$")),
        ] {
            assert_eq!(anchored(pattern).as_deref(), expected, "{pattern}");
            let same = anchored(pattern).unwrap_or_else(|| pattern.to_owned());
            let (one, other) = (regex::Regex::new(pattern).unwrap(), regex::Regex::new(&same).unwrap());
            for text in ["a", "b", "ab", "xa", "bx", "a$", "a$x", "|", "xy\nab", ""] {
                assert_eq!(one.is_match(text), other.is_match(text), "{pattern} {text:?}");
            }
        }
    }
}
