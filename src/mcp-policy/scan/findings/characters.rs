//! Characters that show nothing, or change how others are shown.

use super::texts::Text;
use super::{Finding, Severity, excerpt};

/// Says what a character does that cannot be seen; `None` for characters that can.
pub fn unseen(char: char) -> Option<&'static str> {
    match char {
        '\u{e0000}'..='\u{e007f}' => Some("a tag character, which can hide ASCII text"),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            Some("a character that changes the direction of text")
        }
        '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{180e}'
        | '\u{ad}'
        | '\u{34f}' => Some("a character without width"),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Some("a variation selector"),
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' => Some("a blank that is a letter"),
        '\u{fff9}'..='\u{fffb}' | '\u{206a}'..='\u{206f}' => Some("a format character"),
        '\t' | '\n' | '\r' => None,
        char if char.is_control() => Some("a control character"),
        _ => None,
    }
}

/// Adds a finding for each kind of such characters in a text.
pub fn find(text: &Text<'_>, findings: &mut Vec<Finding>) {
    let mut found: Vec<(&'static str, usize, usize, usize)> = Vec::new();
    let mut before = None;
    for (at, char) in text.text.char_indices() {
        let here = before.replace(char);
        let Some(what) = unseen(char).filter(|_| !is_ordinary(here, char)) else { continue };
        match found.iter_mut().find(|(known, ..)| *known == what) {
            Some((_, _, _, count)) => *count = count.saturating_add(1),
            None => found.push((what, at, at.saturating_add(char.len_utf8()), 1)),
        }
    }
    for (what, start, end, count) in found {
        let times = if count > 1 { format!(", {count} times") } else { String::new() };
        findings.push(Finding {
            severity: Severity::High,
            id: "unseen-character",
            target: text.target.clone(),
            place: text.place.clone(),
            message: format!("has {what}{times}"),
            excerpt: Some(excerpt(text.text, start, end)),
        });
    }
}

/// Returns whether a character is what emoji and scripts that join letters need: a selector or a joiner after a character
/// that is not ASCII.
fn is_ordinary(before: Option<char>, char: char) -> bool {
    match char {
        // Keycaps such as 1️⃣ begin with a digit.
        '\u{fe0e}' | '\u{fe0f}' => {
            before.is_some_and(|before| !before.is_ascii_alphabetic() && unseen(before).is_none())
        }
        '\u{200c}' | '\u{200d}' => before
            .is_some_and(|before| !before.is_ascii() && (unseen(before).is_none() || before == '\u{fe0f}')),
        _ => false,
    }
}
