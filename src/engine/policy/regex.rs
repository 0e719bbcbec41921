//! Regular expressions whose work is bounded, whatever text comes.

use regex_lite::RegexBuilder;

/// The least and the most memory that is allowed a compiled expression, as powers of two, in bytes.
const SIZES: std::ops::RangeInclusive<u32> = 10..=16;

/// How much work a search may be: a step of it costs at most a visit to every state. This is 1 MiB of
/// text for an expression of 1 KiB, some 32 states, and in the worst case half a second.
const WORK: usize = 1 << 30;

/// A compiled regular expression, in the syntax of `regex-lite`: no look-around, no references back,
/// no classes of Unicode.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: regex_lite::Regex,
    longest: usize,
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Why it does not compile, or that it is too large.
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

    /// Tells whether the expression is found somewhere in `text`; `None` where the text is so long
    /// that the search could hold up everybody else.
    #[must_use]
    pub fn finds(&self, text: &str) -> Option<bool> {
        (text.len() <= self.longest).then(|| self.compiled.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_an_expression_the_shorter_the_texts_that_it_is_searched_in() {
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
    fn an_expression_that_does_not_compile_says_why() {
        for (expression, why) in [
            ("(", "found open group without closing ')'"),
            ("(a{1,100}){1,100}", "compiled regex exceeded size limit"),
        ] {
            assert_eq!(Regex::new(expression).unwrap_err(), why);
        }
    }
}
