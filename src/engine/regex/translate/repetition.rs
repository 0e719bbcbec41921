//! Repetitions.

use super::{Before, Translator};

/// The reason of a fault between the braces of a repetition.
const BRACES: &str =
    "a repetition must be of the form `{2}`, `{2,}` or `{0,5}`, and a `{` of the text must be written `\\{`";

impl Translator<'_> {
    #[inline(never)]
    pub(super) fn repeat(&mut self, times: Option<usize>, copies: usize) {
        let mistaken = match self.before {
            Before::Item => None,
            Before::Nothing => Some("a repetition must follow what it repeats"),
            Before::Assertion => Some("`^`, `$`, `\\b` and `\\B` cannot be repeated"),
            Before::Repetition | Before::Lazy => {
                Some("a repetition can only be repeated as a group, such as `(?:a*){2}`")
            }
        };
        self.mistaken = self.mistaken.or(mistaken);
        self.before = Before::Repetition;
        self.group.last = self.group.last.repeated(times, copies);
    }

    #[inline(never)]
    pub(super) fn counted(&mut self) {
        let mut bounds = String::new();
        for char in self.rest.by_ref() {
            bounds.push(char);
            if char == '}' {
                break;
            }
        }
        self.out.push('{');
        self.out.push_str(&bounds);
        // The compiler would skip white space and comments there.
        if !bounds.starts_with(|char: char| char.is_ascii_digit())
            || bounds.contains(|char: char| !matches!(char, '0'..='9' | ',' | '}'))
        {
            self.mistaken.get_or_insert(BRACES);
        }
        let number = |text: &str| text.parse::<usize>().ok();
        let inner = bounds.trim_end_matches('}');
        match inner.split_once(',') {
            None => {
                let times = number(inner).unwrap_or(1);
                self.repeat(Some(times), times);
            }
            Some((least, most)) => {
                let least = number(least).unwrap_or_default();
                let most = number(most);
                self.repeat(most, most.unwrap_or(least.saturating_add(1)));
            }
        }
    }
}
