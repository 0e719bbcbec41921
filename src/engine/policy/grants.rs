//! The grants of a policy, and which of them applies to a caller.

use std::collections::BTreeMap;

use super::grant::{Expected, Grant, Match, Matching};
use super::pattern::{Pattern, Patterns};

/// The grants in the order of the document. The first one that matches a caller applies.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    list: Vec<Grant>,
    /// The first grant for everybody
    everybody: Option<usize>,
    /// By the SHA-256 of each key that any grant lists, the first grant for that key alone
    keys: BTreeMap<String, Option<usize>>,
    tokens: Patterns<Token>,
    certificates: Patterns<usize>,
    headers: Patterns<usize>,
}

/// What a grant asks of a token besides the principal.
#[derive(Debug, Clone)]
struct Token {
    claims: Vec<(String, Expected)>,
    grant: usize,
}

impl Grants {
    /// Makes the list of grants.
    pub(super) fn new(grants: Vec<(Grant, Matching)>) -> Self {
        let mut found = Self::default();
        let (mut tokens, mut certificates, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (grant, matching)) in grants.into_iter().enumerate() {
            found.list.push(grant);
            let Matching::One(matches) = matching else {
                found.everybody.get_or_insert(number);
                continue;
            };
            for Match { jwt, claims, mtls, api_key_sha256, header } in matches {
                let has_token = jwt.is_some() || !claims.is_empty();
                match (has_token, mtls, header, api_key_sha256) {
                    (true, None, None, None) => {
                        let name = jwt.unwrap_or_else(|| Pattern::new("*"));
                        tokens.push((name, Token { claims, grant: number }));
                    }
                    (false, Some(name), None, None) => certificates.push((name, number)),
                    (false, None, Some(name), None) => headers.push((name, number)),
                    (false, None, None, Some(digest)) => {
                        found.keys.entry(digest).or_default().get_or_insert(number);
                    }
                    // One source alone names a principal, so nobody fits this. Its key is listed.
                    (_, _, _, Some(digest)) => {
                        found.keys.entry(digest).or_default();
                    }
                    (_, _, _, None) => {}
                }
            }
        }
        let (tokens, certificates) = (Patterns::new(tokens), Patterns::new(certificates));
        Self { tokens, certificates, headers: Patterns::new(headers), ..found }
    }

    /// Returns the number of the first grant for callers of whom nothing is known.
    #[must_use]
    pub fn of_everybody(&self) -> Option<usize> {
        self.everybody
    }

    /// Returns the number of the first grant for the key with this SHA-256, in lower-case hex. Nobody has verified
    /// a key but the grants that list it, so a key that none lists gets nothing, not even what everybody gets.
    #[must_use]
    pub fn of_key(&self, digest: &str) -> Option<usize> {
        self.or_everybody(*self.keys.get(digest)?)
    }

    /// Returns the number of the first grant for a principal that a token names, if `has` finds the expected claims
    /// in it. It is not asked where a grant expects none.
    pub fn of_token(&self, name: &str, has: impl Fn(&[(String, Expected)]) -> bool) -> Option<usize> {
        let token = self.tokens.find(name, |token| token.claims.is_empty() || has(&token.claims));
        self.or_everybody(token.map(|token| token.grant))
    }

    /// Returns the number of the first grant for a principal that a certificate names.
    #[must_use]
    pub fn of_certificate(&self, name: &str) -> Option<usize> {
        self.or_everybody(self.certificates.get(name).copied())
    }

    /// Returns the number of the first grant for a principal that a header names.
    #[must_use]
    pub fn of_header(&self, name: &str) -> Option<usize> {
        self.or_everybody(self.headers.get(name).copied())
    }

    /// Returns a grant by its number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Grant> {
        self.list.get(number)
    }

    /// Counts the grants.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there is no grant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Walks the grants in the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, Grant> {
        self.list.iter()
    }

    /// Returns the earlier one of a caller's own grant and that of everybody.
    fn or_everybody(&self, own: Option<usize>) -> Option<usize> {
        own.into_iter().chain(self.everybody).min()
    }
}
