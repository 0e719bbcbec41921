//! The grants of a policy, and which of them applies to a caller.

use std::collections::BTreeMap;

use super::claims::ReadClaim;
use super::grant::{ClaimPath, Expected, Grant, Match, Matching};
use super::pattern::{Pattern, Patterns};

/// The grants in the order of the document. The first one that matches a caller applies.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    list: Vec<Grant>,
    /// The first grant for everybody
    everybody: Option<usize>,
    /// The grants for all callers that one source names
    sources: Vec<Granted>,
    /// By the SHA-256 of each key that any grant lists, the grants for that key alone
    keys: BTreeMap<String, Vec<Granted>>,
    tokens: Patterns<(TokenMatch, Granted)>,
    certificates: Patterns<Granted>,
    headers: Patterns<Granted>,
    attributes: Patterns<Granted>,
}

/// The number of a grant, for callers that a source names.
#[derive(Debug, Clone, Copy)]
struct Granted {
    /// The number of the source; `None` for any source of the kind
    source: Option<usize>,
    grant: usize,
}

/// What a grant expects of a token besides the principal.
#[derive(Debug, Clone, Default)]
pub struct TokenMatch {
    /// Claims and what each must be
    pub claims: Vec<(ClaimPath, Expected)>,
    /// Scopes, all of which the token must have
    pub scope: Vec<String>,
}

impl TokenMatch {
    /// Returns the claims that it reads.
    #[must_use]
    pub fn reads(&self) -> Vec<ReadClaim> {
        let claim = |(path, _): &(ClaimPath, Expected)| match path {
            ClaimPath::Key(key) => ReadClaim::new(vec![key.clone()]),
            ClaimPath::Path(path) => ReadClaim::new(path.leading_keys()),
        };
        let scopes = if self.scope.is_empty() { Vec::new() } else { ReadClaim::of_scopes() };
        self.claims.iter().map(claim).chain(scopes).collect()
    }

    /// Tells whether every token fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.scope.is_empty()
    }
}

impl Granted {
    fn fits(&self, source: Option<usize>) -> bool {
        self.source.is_none() || self.source == source
    }
}

impl Grants {
    /// Makes the list of grants.
    pub(super) fn new(grants: Vec<(Grant, Matching)>) -> Self {
        let mut found = Self::default();
        let (mut tokens, mut certificates) = (Vec::new(), Vec::new());
        let (mut headers, mut attributes) = (Vec::new(), Vec::new());
        for (number, (grant, matching)) in grants.into_iter().enumerate() {
            found.list.push(grant);
            let Matching::One(matches) = matching else {
                found.everybody.get_or_insert(number);
                continue;
            };
            for described in matches {
                let Match { source, jwt, claims, scope, mtls, api_key_sha256, header, attribute } = described;
                let granted = Granted { source, grant: number };
                let token = TokenMatch { claims, scope };
                let has_token = jwt.is_some() || !token.is_empty();
                match (has_token, mtls, header, attribute, api_key_sha256) {
                    (true, None, None, None, None) => {
                        let name = jwt.unwrap_or_else(|| Pattern::new("*"));
                        tokens.push((name, (token, granted)));
                    }
                    (false, Some(name), None, None, None) => certificates.push((name, granted)),
                    (false, None, Some(name), None, None) => headers.push((name, granted)),
                    (false, None, None, Some(name), None) => attributes.push((name, granted)),
                    (false, None, None, None, Some(digest)) => {
                        found.keys.entry(digest).or_default().push(granted);
                    }
                    // One source alone names a principal, so nobody fits this. Its key is listed.
                    (_, _, _, _, Some(digest)) => {
                        found.keys.entry(digest).or_default();
                    }
                    (false, None, None, None, None) if source.is_some() => found.sources.push(granted),
                    (_, _, _, _, None) => {}
                }
            }
        }
        Self {
            tokens: Patterns::new(tokens),
            certificates: Patterns::new(certificates),
            headers: Patterns::new(headers),
            attributes: Patterns::new(attributes),
            ..found
        }
    }

    /// Returns the number of the first grant for callers of whom nothing is known.
    #[must_use]
    pub fn of_everybody(&self) -> Option<usize> {
        self.everybody
    }

    /// Returns the number of the first grant for the key with this SHA-256, in lower-case hex. Nobody has
    /// verified a key but the grants that list it, so a key that none lists gets nothing, not even what
    /// everybody gets.
    ///
    /// `source` is here and below the number of the source that named the principal.
    #[must_use]
    pub fn of_key(&self, digest: &str, source: Option<usize>) -> Option<usize> {
        let own = self.keys.get(digest)?.iter().find(|granted| granted.fits(source));
        self.first(own, source)
    }

    /// Returns the number of the first grant for a principal that a token names, if `has` finds in it what
    /// the grant expects. It is not asked where a grant expects nothing.
    pub fn of_token(
        &self,
        name: &str,
        source: Option<usize>,
        has: impl Fn(&TokenMatch) -> bool,
    ) -> Option<usize> {
        let fits = |(token, granted): &(TokenMatch, Granted)| {
            granted.fits(source) && (token.is_empty() || has(token))
        };
        self.first(self.tokens.find(name, fits).map(|(_, granted)| granted), source)
    }

    /// Iterates over what the grants expect of tokens besides the principal.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenMatch> {
        self.tokens.iter().map(|(_, (token, _))| token)
    }

    /// Iterates over the claims that the grants read.
    pub(super) fn claims(&self) -> impl Iterator<Item = ReadClaim> {
        self.tokens().flat_map(TokenMatch::reads)
    }

    /// Returns the SHA-256 that a grant lists and that begins with these hex digits, which is all that a record
    /// contains of a key.
    #[must_use]
    pub fn key_from(&self, digits: &str) -> Option<&str> {
        let first = self.keys.range(digits.to_owned()..).next()?.0;
        first.starts_with(digits).then_some(first)
    }

    /// Tells whether a grant lists the key with this SHA-256.
    #[must_use]
    pub fn list_key(&self, digest: &str) -> bool {
        self.keys.contains_key(digest)
    }

    /// Returns the number of the first grant for a principal that a certificate names.
    #[must_use]
    pub fn of_certificate(&self, name: &str, source: Option<usize>) -> Option<usize> {
        self.first(self.certificates.find(name, |granted| granted.fits(source)), source)
    }

    /// Returns the number of the first grant for a principal that a header names.
    #[must_use]
    pub fn of_header(&self, name: &str, source: Option<usize>) -> Option<usize> {
        self.first(self.headers.find(name, |granted| granted.fits(source)), source)
    }

    /// Returns the number of the first grant for a principal that an attribute names.
    #[must_use]
    pub fn of_attribute(&self, name: &str, source: Option<usize>) -> Option<usize> {
        self.first(self.attributes.find(name, |granted| granted.fits(source)), source)
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

    /// Walks the grants in the order of the document, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Grant> {
        self.list.iter_mut()
    }

    /// Returns the earliest of a caller's own grant, that of all callers of its source, and that of
    /// everybody.
    fn first(&self, own: Option<&Granted>, source: Option<usize>) -> Option<usize> {
        let all = self.sources.iter().find(|granted| granted.fits(source));
        own.into_iter().chain(all).map(|granted| granted.grant).chain(self.everybody).min()
    }
}
