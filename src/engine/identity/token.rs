//! Compares a token with what grants expect of it.

use std::cell::OnceCell;

use super::{scopes, scopes_work};
use crate::json::{self, Document, Kind, Value, decimal};
use crate::policy::{Expected, TokenMatch};
use crate::work::{self, Work};

/// Returns whether the claims of a token, as JSON, are what a description expects. `None` if that takes more work than one
/// request may cause.
#[must_use]
pub fn fits(claims: &str, expected: &TokenMatch) -> Option<bool> {
    let work = Work::new(work::IDENTIFIED);
    let fits = Token::new(Some(claims), &work).fits(expected);
    (!work.is_exhausted()).then_some(fits)
}

/// A token for which a grant is looked for. Its claims and scopes are read once, when a grant first expects some.
pub(super) struct Token<'d> {
    text: Option<&'d str>,
    claims: OnceCell<Option<Document<'d>>>,
    scopes: OnceCell<Option<Vec<String>>>,
    work: &'d Work,
}

impl<'d> Token<'d> {
    pub fn new(text: Option<&'d str>, work: &'d Work) -> Self {
        Self { text, claims: OnceCell::new(), scopes: OnceCell::new(), work }
    }

    /// Tells whether the token has what a grant expects. The result is of no use if the budget of work is exhausted.
    pub fn fits(&self, expected: &TokenMatch) -> bool {
        let Some(claims) = self.claims().filter(|_| !self.work.is_exhausted()) else { return false };
        let accepts = |value: Value<'_>, expected: &Expected| {
            self.is(value, expected) || value.elements().any(|element| self.is(element, expected))
        };
        let mut each = expected.claims.iter();
        each.all(|(path, expected)| path.any(claims, self.work, |value| accepts(value, expected)))
            && expected.scope.iter().all(|word| self.has_scope(claims, word))
    }

    fn claims(&self) -> Option<Value<'_>> {
        let read = || {
            let text = self.text.filter(|text| self.work.spend(work::of_reading(text.len())))?;
            json::read(text.as_bytes()).ok()
        };
        self.claims.get_or_init(read).as_ref().map(Document::root)
    }

    fn has_scope(&self, claims: Value<'_>, word: &str) -> bool {
        let length = self.text.map_or(0, str::len);
        let read = || if self.work.spend(scopes_work(length)) { scopes(claims) } else { None };
        let Some(words) = self.scopes.get_or_init(read) else { return false };
        self.work.spend(words.len().saturating_add(1)) && words.iter().any(|other| other == word)
    }

    fn is(&self, value: Value<'_>, expected: &Expected) -> bool {
        let length = value.span().len();
        match expected {
            Expected::Text(pattern) => {
                self.work.spend(pattern.work(length).saturating_add(value.string_work()))
                    && value.string().is_some_and(|text| pattern.matches(&text))
            }
            Expected::Number(number) => {
                self.work.spend(length.saturating_add(number.len()).saturating_add(2))
                    && value.number().is_some_and(|found| decimal::compare(found, number).is_eq())
            }
            Expected::Bool(flag) => self.work.spend(1) && value.kind() == Kind::Bool(*flag),
        }
    }
}
