//! Text for people.

use std::borrow::Cow;

use mcp_policy_engine::json::is_unseen;

/// Makes visible what would end a line, control a terminal or change how other characters are shown. Records contain
/// text of callers.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return text.into();
    }
    let escape = |char: char| match is_unseen(char) {
        true => char.escape_unicode().to_string(),
        false => char.to_string(),
    };
    text.chars().map(escape).collect::<String>().into()
}

/// Writes a number with a comma after each three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_or_a_reader_could_misread_is_escaped() {
        for (text, expected) in [
            ("run_agent é", "run_agent é"),
            ("a\nb\u{1b}[2J", "a\\u{a}b\\u{1b}[2J"),
            ("report\u{202e}gnp.exe", "report\\u{202e}gnp.exe"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn long_numbers_have_commas() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), expected);
        }
    }
}
