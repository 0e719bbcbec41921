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
use translate::{Case, translate};

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
        Self::with(text, Case::Matters)
    }

    /// Compiles an expression that finds what `text` finds in another spelling, in texts in which all letters but those of
    /// ASCII are [folded](crate::text::fold). A letter matches in both cases, but what must not match is left as it is: a class
    /// with `^`, and a negative look-ahead. In classes, letters beyond ASCII match in lower case only.
    ///
    /// # Errors
    /// The reason why it does not compile.
    pub fn any_case(text: &str) -> Result<Self, String> {
        Self::with(text, Case::Ignored)
    }

    fn with(text: &str, case: Case) -> Result<Self, String> {
        let Some(Split { ahead, rest }) = ahead::split(text) else { return Self::compile(text, case) };
        let ahead = ahead.into_iter().map(|(wanted, text)| {
            let case = if wanted { case } else { Case::Matters };
            Ok((wanted, Self::compile(&text, case)?))
        });
        let ahead = ahead.collect::<Result<_, String>>()?;
        Ok(Self { ahead, ..Self::compile(&rest, case)? })
    }

    fn compile(text: &str, case: Case) -> Result<Self, String> {
        let (translated, shape) = translate(text, case)?;
        let mut builder = RegexBuilder::new(&translated);
        let compiled = builder.case_insensitive(case == Case::Ignored).size_limit(MOST_MEMORY).build();
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
