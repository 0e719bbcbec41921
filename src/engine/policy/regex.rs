//! Regular expressions with bounded work for any text.

use regex_lite::RegexBuilder;

/// The memory limits to try for a compiled expression, as powers of two, in bytes.
const SIZES: std::ops::RangeInclusive<u32> = 10..=16;

/// The most work of one search: the length of the text times the size of the expression, both in bytes. Each
/// step of a search visits every state at most once. The limit allows 1 MiB of text for an expression of 1
/// KiB, which has about 32 states; that takes half a second at worst.
const WORK: usize = 1 << 30;

/// A compiled regular expression in the syntax of `regex-lite`: no look-around, no back-references, no
/// Unicode classes.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: regex_lite::Regex,
    longest: usize,
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// The reason why it does not compile, such as that it is too large.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut why = String::new();
        for size in SIZES.map(|bits| 1_usize << bits) {
            match RegexBuilder::new(text).size_limit(size).build() {
                Ok(compiled) => {
                    return Ok(Self { compiled, longest: WORK.checked_div(size).unwrap_or_default() });
                }
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    /// Returns whether the expression matches somewhere in `text`; `None` if the text is too long. While a
    /// search runs, all other requests of the worker wait.
    #[must_use]
    pub fn finds(&self, text: &str) -> Option<bool> {
        (text.len() <= self.longest).then(|| self.compiled.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_expressions_are_searched_in_shorter_texts_only() {
        for (expression, longest) in [
            ("[;&|`$]", 1 << 20),
            ("^https://[a-z.]+/", 1 << 20),
            ("[a-z0-9]{1,64}@[a-z]{1,255}", 1 << 15),
            ("(a{0,10}){0,12}b", 1 << 16),
        ] {
            let regex = Regex::new(expression).unwrap();
            assert_eq!(regex.longest, longest, "{expression}");
            assert_eq!(regex.finds(&" ".repeat(longest)), Some(false), "{expression}");
            assert_eq!(regex.finds(&" ".repeat(longest + 1)), None, "{expression}");
        }
    }

    #[test]
    fn an_invalid_or_too_large_expression_is_an_error() {
        for (expression, why) in [
            ("(", "found open group without closing ')'"),
            ("(a{1,100}){1,100}", "compiled regex exceeded size limit"),
        ] {
            assert_eq!(Regex::new(expression).unwrap_err(), why);
        }
    }
}
