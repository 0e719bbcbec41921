//! Regular expressions of `pattern` and `patternProperties`.

use super::validate::Unsure;
use crate::mcp::keys;
use crate::regex::Regex;
use crate::text::before_nul;
use crate::work::Work;

/// A regular expression for strings, or for names of members, which some servers read without regard to case.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The expression in the document, for messages
    pub text: Box<str>,
    regex: Regex,
    /// For names: what finds other spellings of those that match
    any_case: Option<Regex>,
}

impl Pattern {
    /// Compiles an expression for values that are strings.
    ///
    /// # Errors
    /// The reason why it does not compile.
    pub fn of_values(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.into(), regex: Regex::new(text)?, any_case: None })
    }

    /// Compiles an expression for names of members.
    ///
    /// # Errors
    /// The reason why it does not compile.
    pub fn of_names(text: &str) -> Result<Self, String> {
        let any_case = Some(Regex::any_case(text)?);
        Ok(Self { any_case, ..Self::of_values(text)? })
    }

    /// Returns whether a string or a name matches. Names with a NUL are refused before.
    ///
    /// # Errors
    /// [`Unsure::Cut`] if the result is another one for the string up to its first NUL; [`Unsure::Spelling`] if only another
    /// spelling of the name matches.
    pub fn matches(&self, text: &str, work: &Work) -> Result<bool, Unsure> {
        let finds = |regex: &Regex, text: &str| regex.finds(text, work).ok_or(Unsure::Work);
        let found = finds(&self.regex, text)?;
        let Some(any_case) = &self.any_case else {
            return match before_nul(text) {
                Some(before) if finds(&self.regex, before)? != found => Err(Unsure::Cut),
                _ => Ok(found),
            };
        };
        if found {
            return Ok(true);
        }
        if !work.spend(keys::work(text)) {
            return Err(Unsure::Work);
        }
        if finds(any_case, &keys::folded_beyond_ascii(text))? { Err(Unsure::Spelling) } else { Ok(false) }
    }
}
