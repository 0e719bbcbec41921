//! What the proxy knows about one caller; stands in for Envoy.

use std::cell::RefCell;

use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Certificate, Policy, Source};

use Given::{Bytes, Head, Name, State, Token, TokenAt};

/// The metadata in which Envoy's `jwt_authn` stores verified tokens.
pub const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// What a proxy knows about a caller, and which parts of it have been read.
#[derive(Debug, Default)]
pub struct Known {
    pub headers: Headers,
    tokens: Vec<(String, String, String)>,
    names: Vec<(Certificate, String)>,
    attributes: Vec<(String, String)>,
    pub asked: RefCell<Vec<String>>,
}

impl Known {
    pub fn new(policy: &Policy, given: &[Given]) -> Self {
        let wanted: Vec<String> =
            policy.identity.iter().filter_map(Source::header).map(str::to_owned).collect();
        let (mut pairs, mut known) = (Vec::new(), Self::default());
        for one in given {
            match one {
                Head(name, value) => pairs.push(((*name).to_owned(), value.as_bytes().to_vec())),
                Bytes(name, value) => pairs.push(((*name).to_owned(), value.to_vec())),
                Token(claims) => known.verified(JWT_AUTHN, "jwt_payload", claims),
                TokenAt(metadata, payload, claims) => known.verified(metadata, payload, claims),
                Name(which, name) => known.names.push((*which, (*name).to_owned())),
                State(key, value) => known.attributes.push(((*key).to_owned(), (*value).to_owned())),
            }
        }
        known.headers = Headers::from_pairs(pairs, &wanted);
        known
    }

    pub fn verified(&mut self, metadata: &str, payload: &str, claims: &str) {
        self.tokens.push((metadata.to_owned(), payload.to_owned(), claims.to_owned()));
    }
}

impl Credentials for Known {
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String> {
        self.asked.borrow_mut().push(payload.to_owned());
        let found = self.tokens.iter().find(|(filter, key, _)| filter == metadata && key == payload);
        found.map(|(_, _, claims)| claims.clone())
    }

    fn certificate(&self, name: Certificate) -> Option<String> {
        self.asked.borrow_mut().push(format!("{name:?}"));
        self.names.iter().find(|(which, _)| *which == name).map(|(_, name)| name.clone())
    }

    fn has_certificate(&self) -> bool {
        !self.names.is_empty()
    }

    fn has_tokens(&self, metadata: &str) -> bool {
        self.tokens.iter().any(|(filter, ..)| filter == metadata)
    }

    fn attribute(&self, path: &[String]) -> Option<String> {
        self.asked.borrow_mut().push(path.join("."));
        let found = self.attributes.iter().find(|(key, _)| *path == ["filter_state", key.as_str()]);
        found.map(|(_, value)| value.clone())
    }
}

/// One fact that a proxy knows about a caller.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    /// A header
    Head(&'static str, &'static str),
    /// A header whose value is not text
    Bytes(&'static str, &'static [u8]),
    /// Claims of a token, in the metadata of `jwt_authn`
    Token(&'static str),
    /// Claims of a token in other metadata
    TokenAt(&'static str, &'static str, &'static str),
    /// A name in the certificate
    Name(Certificate, &'static str),
    /// An entry of filter state
    State(&'static str, &'static str),
}
