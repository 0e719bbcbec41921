//! The grants of a policy, and which of them applies to a caller.

use std::collections::BTreeMap;

use super::claims::ReadClaim;
use super::grant::{ClaimPath, Expected, Grant, Match, Matching};
use super::pattern::{Pattern, Patterns};
use crate::work::Work;

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

/// A description of callers in a grant's `match`.
#[derive(Debug, Clone, Copy)]
pub struct Described<'p> {
    /// The number of the source that must have named the principal; `None` for any source of the kind
    pub source: Option<usize>,
    /// Who is described
    pub callers: Callers<'p>,
}

/// The callers of a description.
#[derive(Debug, Clone, Copy)]
pub enum Callers<'p> {
    /// Everybody whom the source names
    Named,
    /// The key with this SHA-256, in lower-case hex
    Key(&'p str),
    /// Those whom a token names so, and whose token has this
    Token(&'p Pattern, &'p TokenMatch),
    /// Those whom a certificate names so
    Certificate(&'p Pattern),
    /// Those whom a header names so
    Header(&'p Pattern),
    /// Those whom an attribute names so
    Attribute(&'p Pattern),
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
                    // One source alone names a principal, so nobody fits this, and a document with it is refused. Its
                    // key is listed.
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
    /// Here and below, `source` is the number of the source that named the principal, and `work` the budget for the
    /// search. If it is exhausted, the result is of no use.
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
        work: &Work,
    ) -> Option<usize> {
        let fits = |(token, granted): &(TokenMatch, Granted)| {
            granted.fits(source) && (token.is_empty() || has(token))
        };
        self.first(find(&self.tokens, name, work, fits)?.map(|(_, granted)| granted), source)
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
    pub fn of_certificate(&self, name: &str, source: Option<usize>, work: &Work) -> Option<usize> {
        self.first(find(&self.certificates, name, work, |granted| granted.fits(source))?, source)
    }

    /// Returns the number of the first grant for a principal that a header names.
    #[must_use]
    pub fn of_header(&self, name: &str, source: Option<usize>, work: &Work) -> Option<usize> {
        self.first(find(&self.headers, name, work, |granted| granted.fits(source))?, source)
    }

    /// Returns the number of the first grant for a principal that an attribute names.
    #[must_use]
    pub fn of_attribute(&self, name: &str, source: Option<usize>, work: &Work) -> Option<usize> {
        self.first(find(&self.attributes, name, work, |granted| granted.fits(source))?, source)
    }

    /// Returns the descriptions of a grant's `match` that a caller can fit, sorted by kind. There are none if
    /// the grant is for everybody. For tools that explain a policy: it walks all descriptions.
    #[must_use]
    pub fn described(&self, number: usize) -> Vec<Described<'_>> {
        let of = |granted: &&Granted| granted.grant == number;
        let sources = self.sources.iter().filter(of).map(|granted| (granted, Callers::Named));
        let keys = self.keys.iter().flat_map(move |(digest, granted)| {
            granted.iter().filter(of).map(move |granted| (granted, Callers::Key(digest)))
        });
        let tokens =
            self.tokens.iter().map(|(name, (token, granted))| (granted, Callers::Token(name, token)));
        let certificates =
            self.certificates.iter().map(|(name, granted)| (granted, Callers::Certificate(name)));
        let headers = self.headers.iter().map(|(name, granted)| (granted, Callers::Header(name)));
        let attributes = self.attributes.iter().map(|(name, granted)| (granted, Callers::Attribute(name)));
        let named = tokens.chain(certificates).chain(headers).chain(attributes);
        let named = named.filter(|(granted, _)| granted.grant == number);
        let all = sources.chain(keys).chain(named);
        all.map(|(granted, callers)| Described { source: granted.source, callers }).collect()
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

    /// Returns whether a grant is for everybody: its `match` is `any`. Of several, the first one counts.
    #[must_use]
    pub fn is_of_everybody(&self, number: usize) -> bool {
        self.everybody == Some(number)
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

/// Finds the first of many patterns that a name fits and whose value `accepts` takes; `None` if the budget `work` does not
/// suffice.
fn find<'p, T>(
    patterns: &'p Patterns<T>,
    name: &str,
    work: &Work,
    accepts: impl Fn(&T) -> bool,
) -> Option<Option<&'p T>> {
    work.spend(patterns.work_of_one(name.len())).then(|| patterns.find(name, accepts))
}
