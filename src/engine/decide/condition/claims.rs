//! The claims of a caller's token, parsed once for all conditions of a decision.

use std::cell::OnceCell;
use std::fmt;

use super::{Obstacle, spend};
use crate::identity;
use crate::json::{self, Document, Value};
use crate::work::{self, Work};

/// Gives the claims of the caller's verified token.
pub trait Claims: fmt::Debug {
    /// Returns the claims; `None` if the caller has no token. Spends `work` if they have not been parsed yet.
    ///
    /// # Errors
    /// [`Obstacle::Work`] if the budget does not suffice, [`Obstacle::Blocked`] if the claims cannot be read or contain a
    /// key twice.
    fn root(&self, work: &Work) -> Result<Option<Value<'_>>, Obstacle>;

    /// Returns the scopes of the token; `None` if it has no claim for them. Spends `work`.
    ///
    /// # Errors
    /// As [`root`](Self::root), and [`Obstacle::Type`] if the claim is neither a string nor a list of strings.
    fn scopes(&self, work: &Work) -> Result<Option<&[String]>, Obstacle>;
}

/// The claims as JSON text. They are parsed when a condition first asks for them.
pub struct ClaimsText<'d> {
    text: Option<&'d str>,
    /// `None` if the text cannot be read
    parsed: OnceCell<Option<Document<'d>>>,
    /// `None` if there is no claim for scopes
    scopes: OnceCell<Option<Result<Vec<String>, Obstacle>>>,
}

impl<'d> ClaimsText<'d> {
    /// Makes the claims of a token; `None` if there is no token.
    #[must_use]
    pub fn new(text: Option<&'d str>) -> Self {
        Self { text, parsed: OnceCell::new(), scopes: OnceCell::new() }
    }
}

impl Claims for ClaimsText<'_> {
    fn root(&self, work: &Work) -> Result<Option<Value<'_>>, Obstacle> {
        let Some(text) = self.text else { return Ok(None) };
        if self.parsed.get().is_none() {
            spend(work, work::of_reading(text.len()))?;
        }
        let read = || json::read(text.as_bytes()).ok().filter(|claims| claims.defect().is_none());
        let claims = self.parsed.get_or_init(read).as_ref().ok_or(Obstacle::Blocked)?;
        Ok(Some(claims.root()))
    }

    fn scopes(&self, work: &Work) -> Result<Option<&[String]>, Obstacle> {
        let (Some(text), Some(claims)) = (self.text, self.root(work)?) else { return Ok(None) };
        if self.scopes.get().is_none() {
            spend(work, identity::scopes_work(text.len()))?;
        }
        let read = || identity::has_scopes(claims).then(|| identity::scopes(claims).ok_or(Obstacle::Type));
        let Some(words) = self.scopes.get_or_init(read) else { return Ok(None) };
        let words = words.as_ref().map_err(|obstacle| *obstacle)?;
        spend(work, words.len().saturating_add(1))?;
        Ok(Some(words))
    }
}

impl fmt::Debug for ClaimsText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claims are personal, so they are not shown.
        out.debug_struct("ClaimsText").field("length", &self.text.map(str::len)).finish_non_exhaustive()
    }
}
