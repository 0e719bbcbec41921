//! Keys that one server reads as a protocol key and another does not.
//!
//! Go's `encoding/json` matches keys after Unicode case folding, C libraries cut them at a NUL. A
//! filter that looks for `name` alone would judge one tool and let the server run another.

/// Returns the one of the protocol keys `all` of which `key` is another spelling.
#[must_use]
pub fn variant_of<'o>(key: &str, all: &[&'o str]) -> Option<&'o str> {
    // Every key of every request comes by here. Of ASCII without a NUL nothing folds but the case, and
    // the length stays.
    if key.bytes().all(|byte| matches!(byte, 0x01..=0x7f)) {
        let same = |of: &&&str| key.len() == of.len() && key.eq_ignore_ascii_case(of) && key != **of;
        return all.iter().find(same).copied();
    }
    all.iter().find(|of| is_variant(key, of)).copied()
}

/// Tells whether `key` is another spelling of the protocol key `of`: not equal to it, but equal
/// after Unicode case folding (full folding, the Turkic i included) or after cutting at a NUL.
#[must_use]
pub fn is_variant(key: &str, of: &str) -> bool {
    if key == of {
        return false;
    }
    if key.bytes().all(|byte| matches!(byte, 0x01..=0x7f)) {
        return key.eq_ignore_ascii_case(of);
    }
    let cut = key.split('\0').next().unwrap_or_default();
    // An expanding fold makes at most three characters of one, and ASCII comes from at most 3 bytes.
    if cut.len() > of.len().saturating_mul(3) {
        return false;
    }
    fold(cut).eq(fold(of))
}

/// Folds to what a case-insensitive comparison compares (Unicode CaseFolding.txt, C and F), as far
/// as the outcome can be ASCII, and a combining dot after i (which `İ` leaves) dropped.
fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .flat_map(|char| {
            let ascii: &[char] = match char {
                'ſ' => &['s'],
                'ß' | 'ẞ' => &['s', 's'],
                'ı' | 'İ' => &['i'],
                '\u{212a}' => &['k'],
                'ﬀ' => &['f', 'f'],
                'ﬁ' => &['f', 'i'],
                'ﬂ' => &['f', 'l'],
                'ﬃ' => &['f', 'f', 'i'],
                'ﬄ' => &['f', 'f', 'l'],
                'ﬅ' | 'ﬆ' => &['s', 't'],
                _ => &[],
            };
            let other = if ascii.is_empty() { Some(char) } else { None };
            ascii.iter().copied().chain(other.into_iter().flat_map(char::to_lowercase))
        })
        .filter(|char| *char != '\u{307}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_equal_only_after_folding_or_cutting() {
        for (key, of, expected) in [
            ("name", "name", false),
            ("Name", "name", true),
            ("NAME", "name", true),
            ("name\0", "name", true),
            ("Name\0junk", "name", true),
            ("argumentſ", "arguments", true),
            ("param\u{17f}", "params", true),
            ("\u{130}d", "id", true),
            ("ıd", "id", true),
            ("i\u{307}d", "id", true),
            ("notiﬁcations", "notifications", true),
            ("names", "name", false),
            ("nam", "name", false),
            ("\0name", "name", false),
            (" name", "name", false),
            ("protocol_name", "name", false),
            ("тool", "tool", false),
        ] {
            assert_eq!(is_variant(key, of), expected, "{key:?} of {of:?}");
            assert_eq!(variant_of(key, &["other", of]).is_some(), expected, "{key:?} of {of:?}");
        }
        assert!(is_variant("protocolVer\u{17f}ion", "protocolVersion"));
        assert!(is_variant("to\u{212a}en", "token"));
    }
}
