//! Close matches for words with a slip.

/// Returns the word that is most like `word`, if one is so alike that a slip explains the difference: up to
/// three letters differ, fewer in a short word, or only case and punctuation.
pub fn closest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |text: &str| -> String {
        text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (own, length) = (plain(word), plain(word).chars().count());
    let alike = words.into_iter().filter_map(|other| {
        let others = plain(other);
        let differs = strsim::osa_distance(&own, &others);
        let longest = length.max(others.chars().count());
        let most = match longest {
            0..=2 => 0,
            3..=5 => 1,
            6..=11 => 2,
            _ => 3,
        };
        (other != word && longest > 0 && differs <= most).then_some((differs, other))
    });
    alike.min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_has_a_close_match() {
        for (word, expected) in [
            ("defalt", Some("default")),
            ("Deny", Some("deny")),
            ("tools/lsit", Some("tools/list")),
            ("max-body-bytes", Some("max_body_bytes")),
            ("colour", None),
            ("minutes", Some("minute")),
            ("deny", None),
            ("", None),
            ("dent", Some("deny")),
        ] {
            let words = ["default", "deny", "tools/list", "max_body_bytes", "minute", ""];
            assert_eq!(closest(word, words), expected, "{word}");
        }
    }
}
