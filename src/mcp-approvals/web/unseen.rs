//! Unseen characters: those that show nothing, or change how others are shown.

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::json::{Kind, Value};

use super::lookalike;

/// How much text is examined for look-alikes, in bytes. Texts in ASCII do not count.
const EXAMINED: usize = 256 * 1024;

/// Returns the name of a character that must be marked; `None` for an ordinary one.
pub fn name(char: char) -> Option<&'static str> {
    Some(match char {
        ' '..='~' => return None,
        '\0' => "null",
        '\t' => "tab",
        '\n' => "line feed",
        '\r' => "carriage return",
        '\u{1b}' => "escape",
        '\u{7f}' => "delete",
        _ if char.is_control() => "control character",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{61c}' => "arabic letter mark",
        '\u{202a}' => "left-to-right embedding",
        '\u{202b}' => "right-to-left embedding",
        '\u{202c}' => "end of embedding or override",
        '\u{202d}' => "left-to-right override",
        '\u{202e}' => "right-to-left override",
        '\u{2066}' => "left-to-right isolate",
        '\u{2067}' => "right-to-left isolate",
        '\u{2068}' => "first strong isolate",
        '\u{2069}' => "end of isolate",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{feff}' => "byte order mark",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => "unusual space",
        '\u{2800}' | '\u{1d159}' => "blank that is not a space",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "invisible filler",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}' => {
            "variation selector"
        }
        '\u{e0000}'..='\u{e0fff}' => "invisible tag",
        '\u{34f}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180e}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{fff0}'..='\u{fffc}'
        | '\u{600}'..='\u{605}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{8e2}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{13455}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' => "invisible format character",
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => "private-use character",
        '\u{fdd0}'..='\u{fdef}' => "noncharacter",
        _ if u32::from(char) & 0xfffe == 0xfffe => "noncharacter",
        _ => return None,
    })
}

/// Returns whether a character is drawn over the one before it, such as an accent.
pub fn is_combining(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// The unseen characters of a whole call, including the parts that the page leaves out, and its look-alikes.
#[derive(Debug, Default, Clone)]
pub struct UnseenCharacters {
    /// How often each character occurs
    pub counts: BTreeMap<char, usize>,
    /// The alphabets of the look-alikes
    pub alphabets: BTreeSet<String>,
    /// How much text has been examined for look-alikes, in bytes
    examined: usize,
}

impl UnseenCharacters {
    /// Examines every key and string of `value`. Line breaks and tabs in strings do not count.
    pub fn of(value: Value<'_>) -> Self {
        let mut unseen = Self::default();
        // An explicit stack in place of recursion, because the nesting of a text is not bounded.
        let mut left = vec![value];
        while let Some(value) = left.pop() {
            match value.kind() {
                Kind::String { .. } => unseen.add(&value.string().unwrap_or_default(), true),
                Kind::Array => left.extend(value.elements()),
                Kind::Object => {
                    for (key, value) in value.entries() {
                        unseen.add(&key, false);
                        left.push(value);
                    }
                }
                Kind::Null | Kind::Bool(_) | Kind::Number => {}
            }
        }
        unseen
    }

    /// Adds what was found elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (char, times) in &other.counts {
            let sum = self.counts.entry(*char).or_default();
            *sum = sum.saturating_add(*times);
        }
        self.alphabets.extend(other.alphabets.iter().cloned());
    }

    /// Examines `text`. With `lines` it is prose, in which line breaks and tabs do not count; else a name.
    pub fn add(&mut self, text: &str, lines: bool) {
        if !text.is_ascii() && self.examined < EXAMINED {
            self.examined = self.examined.saturating_add(text.len());
            let end = (EXAMINED..).find(|at| *at >= text.len() || text.is_char_boundary(*at));
            let part = text.get(..end.unwrap_or_default()).unwrap_or(text);
            self.alphabets.extend(lookalike::find(part, !lines).into_iter().map(|odd| odd.label));
        }
        for char in text.chars() {
            if name(char).is_some() && !(lines && matches!(char, '\n' | '\t')) {
                let times = self.counts.entry(char).or_default();
                *times = times.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_policy_engine::json;

    #[test]
    fn unseen_characters_are_found_in_keys_strings_and_escapes() {
        for (text, expected) in [
            (r#"{"a":"b"}"#, ""),
            (r#"{"a":"one\ntwo\tthree"}"#, ""),
            (r#"{"a\nb":1}"#, "\n"),
            (r#"{"a":["\u202e",{"b\u200b":"\u0000"}]}"#, "\0\u{200b}\u{202e}"),
            ("{\"a\":\"\u{e0041}\u{e0042}\"}", "\u{e0041}\u{e0042}"),
        ] {
            let document = json::read(text.as_bytes()).unwrap();
            let found: String = UnseenCharacters::of(document.root()).counts.into_keys().collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn deeply_nested_values_are_examined() {
        let text = format!("{}\"\u{202e}\"{}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(UnseenCharacters::of(json::read(text.as_bytes()).unwrap().root()).counts.len(), 1);
    }
}
