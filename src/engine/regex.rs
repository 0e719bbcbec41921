//! Regular expressions with the meaning of ECMA-262, and with counted work.
//!
//! `regex-lite` does the matching. It has no look-around, back-references or Unicode classes. Where its
//! syntax has another meaning than that of ECMA-262, an expression is translated before it is compiled. Look-aheads at
//! the beginning of an expression are compiled apart.

mod ahead;
mod size;
mod translate;

use std::fmt;

use regex_lite::RegexBuilder;

use crate::work::Work;
use ahead::Split;
use size::Shape;
use translate::translate;

/// The most memory of a compiled expression, in bytes. It bounds the time that loading takes.
const MOST_MEMORY: usize = 1 << 18;

/// The units of work of one state of an expression for one character of a text.
const STATE: usize = 3;

/// The units of work of one character, whatever the expression is.
const CHARACTER: usize = 3;

/// The units of work of one search, whatever the text is.
const SEARCH: usize = 8;

/// A compiled regular expression.
#[derive(Clone)]
pub struct Regex {
    compiled: regex_lite::Regex,
    shape: Shape,
    /// The look-aheads at the beginning, each with whether the text must match it
    ahead: Vec<(bool, Regex)>,
}

impl fmt::Debug for Regex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (wanted, ahead) in &self.ahead {
            write!(out, "{}{ahead:?} and ", if *wanted { "" } else { "not " })?;
        }
        self.compiled.fmt(out)
    }
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// The reason why it does not compile, such as that it is too large.
    pub fn new(text: &str) -> Result<Self, String> {
        let Some(Split { ahead, rest }) = ahead::split(text) else { return Self::compile(text) };
        let ahead = ahead.into_iter().map(|(wanted, text)| Ok((wanted, Self::compile(&text)?)));
        let ahead = ahead.collect::<Result<_, String>>()?;
        Ok(Self { ahead, ..Self::compile(&rest)? })
    }

    fn compile(text: &str) -> Result<Self, String> {
        let (translated, shape) = translate(text)?;
        let compiled = RegexBuilder::new(&translated).size_limit(MOST_MEMORY).build();
        let compiled = compiled.map_err(|error| error.to_string())?;
        Ok(Self { compiled, shape, ahead: Vec::new() })
    }

    /// Returns whether the expression matches somewhere in `text`; `None` if the budget of work does not
    /// suffice for the search.
    #[must_use]
    pub fn finds(&self, text: &str, work: &Work) -> Option<bool> {
        for (wanted, ahead) in &self.ahead {
            if ahead.finds(text, work)? != *wanted {
                return Some(false);
            }
        }
        work.spend(self.work(text.len())).then(|| self.compiled.is_match(text))
    }

    /// Returns the most work that a search in a text of this many bytes takes: each state may be visited for
    /// each character.
    fn work(&self, length: usize) -> usize {
        let Shape { states, reach } = self.shape;
        let read = length.min(reach).saturating_add(1);
        let each = states.saturating_mul(STATE).saturating_add(CHARACTER);
        read.saturating_mul(each).saturating_add(states).saturating_add(SEARCH)
    }
}

#[cfg(test)]
mod tests;
