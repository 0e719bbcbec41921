//! The credentials with which a policy knows a caller of a given name.

use std::fmt;

use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Certificate, Policy, Source, SourceKind};

use super::{Known, Sender, Sent};

/// A caller as a person describes it, without saying how it proves who it is.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// Its name
    pub principal: Option<String>,
    /// The claims of its token: a JSON object
    pub claims: Option<String>,
    /// Its API key, in clear
    pub api_key: Option<String>,
    /// The SHA-256 of its API key, in lower-case hex
    pub api_key_sha256: Option<String>,
    /// The name of the source that names it; the first one that can, without it
    pub source: Option<String>,
    /// The name of the grant that it has in any case
    pub grant: Option<String>,
}

/// What the parts of a description are called where a person writes it, for messages.
#[derive(Debug)]
pub struct Words {
    /// The name
    pub principal: &'static str,
    /// The claims
    pub claims: &'static str,
    /// The API key or its digest
    pub api_key: &'static str,
    /// The source
    pub source: &'static str,
}

/// What a digest of an API key must be, for messages.
pub const KEY_DIGEST: &str = "must be the SHA-256 of the key, as 64 hex digits";

/// Reads the SHA-256 of an API key; `None` if the text is not one. The result is in lower case.
pub fn key_digest(text: &str) -> Option<String> {
    let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

/// Why a policy knows no such caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impossible(String);

impl fmt::Display for Impossible {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        out.write_str(text)
    }
}

fn impossible<T>(text: impl Into<String>) -> Result<T, Impossible> {
    Err(Impossible(text.into()))
}

impl Described {
    /// Gives a request the credentials of this caller. `known` is what the proxy knows beside them, and `words` are for
    /// messages.
    ///
    /// # Errors
    /// Why the policy knows no such caller.
    pub fn apply(
        &self,
        policy: &Policy,
        known: Known,
        sent: &mut Sent,
        words: &Words,
    ) -> Result<Sender, Impossible> {
        let named = [&self.principal, &self.claims, &self.api_key, &self.api_key_sha256];
        if let Some(grant) = &self.grant {
            if named.iter().any(|given| given.is_some()) {
                return impossible(
                    "`grant` takes the place of an identity, so nothing else can be given with it",
                );
            }
            return self.granted(policy, grant);
        }
        let has_key = self.api_key.is_some() || self.api_key_sha256.is_some();
        if has_key && (self.principal.is_some() || self.claims.is_some()) {
            let Words { principal, claims, api_key, .. } = words;
            return impossible(format!("one credential is enough: {api_key}, or {principal} and {claims}"));
        }
        if let Some(digest) = &self.api_key_sha256 {
            let (number, _) =
                self.source(policy, words, |source| matches!(source.kind, SourceKind::ApiKey { .. }))?;
            let principal = Some(Principal::ApiKey(digest.clone()));
            return Ok(Sender::Named(Caller { source: Some(number), principal, ..Caller::default() }));
        }
        if let Some(key) = &self.api_key {
            let (_, source) =
                self.source(policy, words, |source| matches!(source.kind, SourceKind::ApiKey { .. }))?;
            return present(source, Some(key), None, known, sent);
        }
        if self.principal.is_none() && self.claims.is_none() {
            return match &self.source {
                Some(_) => impossible(format!(
                    "{} says who names the caller, and needs {}, {} or {}",
                    words.source, words.principal, words.claims, words.api_key
                )),
                None => Ok(Sender::Verified(known)),
            };
        }
        let has_claims = self.claims.is_some();
        let (_, source) = self.source(policy, words, |source| match source.kind {
            SourceKind::Jwt { .. } => true,
            SourceKind::ApiKey { .. } => false,
            _ => !has_claims,
        })?;
        present(source, self.principal.as_deref(), self.claims.as_deref(), known, sent)
    }

    fn granted(&self, policy: &Policy, name: &str) -> Result<Sender, Impossible> {
        match policy.grants.iter().position(|grant| grant.name == name) {
            Some(number) => Ok(Sender::Granted(number)),
            None => {
                let known: Vec<String> =
                    policy.grants.iter().map(|grant| format!("`{}`", grant.name)).collect();
                impossible(match known.is_empty() {
                    true => "the policy has no grants".to_owned(),
                    false => format!("the policy has no grant `{name}`, it has {}", known.join(", ")),
                })
            }
        }
    }

    /// Returns the source that names the caller: the one of the given name, or the first that suits.
    fn source<'p>(
        &self,
        policy: &'p Policy,
        words: &Words,
        suits: impl Fn(&Source) -> bool,
    ) -> Result<(usize, &'p Source), Impossible> {
        let known: Vec<String> = policy.identity.iter().map(|source| format!("`{}`", source.name)).collect();
        let wanted = |source: &Source| self.source.as_ref().is_none_or(|name| *name == source.name);
        let mut sources = policy.identity.iter().enumerate().filter(|(_, source)| wanted(source)).peekable();
        if known.is_empty() {
            return impossible("the policy has no `identity`, so no caller has a name");
        }
        if let (Some(name), None) = (&self.source, sources.peek()) {
            return impossible(format!("the policy has no source `{name}`, it has {}", known.join(", ")));
        }
        if let Some(found) = sources.find(|(_, source)| suits(source)) {
            return Ok(found);
        }
        let has = match &self.source {
            Some(name) => format!("`{name}` is of another kind"),
            None => format!("the policy has only {}", known.join(", ")),
        };
        impossible(if self.api_key.is_some() || self.api_key_sha256.is_some() {
            format!("{} needs a source of the kind `api_key`, but {has}", words.api_key)
        } else if self.claims.is_some() {
            format!("{} needs a source of the kind `jwt`, but {has}", words.claims)
        } else {
            format!(
                "callers send API keys, which have no names: write {} in place of {}",
                words.api_key, words.principal
            )
        })
    }
}

/// Presents the credential from which a source reads this name.
fn present(
    source: &Source,
    name: Option<&str>,
    claims: Option<&str>,
    mut known: Known,
    sent: &mut Sent,
) -> Result<Sender, Impossible> {
    let text = name.unwrap_or_default().to_owned();
    match &source.kind {
        SourceKind::Jwt { metadata, payload, claim } => {
            let token = token(claim, name, claims.unwrap_or("{}"))?;
            known.tokens.insert((metadata.clone(), payload.clone()), token);
        }
        SourceKind::Mtls(Certificate::UriSan) => known.uri_san = Some(text),
        SourceKind::Mtls(Certificate::DnsSan) => known.dns_san = Some(text),
        SourceKind::Mtls(Certificate::Subject) => known.subject = Some(text),
        SourceKind::ApiKey { header, scheme } => {
            let value = scheme.as_ref().map_or(text.clone(), |scheme| format!("{scheme} {text}"));
            sent.headers.push((header.clone(), value));
        }
        SourceKind::Header(header) => sent.headers.push((header.clone(), text)),
        SourceKind::Attribute(path) => {
            known.attributes.insert(path.clone(), text);
        }
    }
    Ok(Sender::Verified(known))
}

/// Makes the payload of a token with this name in this claim.
fn token(claim: &str, name: Option<&str>, claims: &str) -> Result<String, Impossible> {
    let Ok(read) = json::read(claims.as_bytes()) else {
        return impossible("the claims are not a JSON object");
    };
    let Some(name) = name else { return Ok(claims.to_owned()) };
    let own = read.root().get(claim);
    match own.map(|own| own.string()) {
        Some(Some(own)) if own == name => Ok(claims.to_owned()),
        Some(_) => impossible(format!(
            "the principal is the claim `{claim}`, which `claims` gives another value: leave one of them out"
        )),
        None => {
            let mut token = String::from("{");
            json::quote(&mut token, claim);
            token.push(':');
            json::quote(&mut token, name);
            for (key, value) in read.root().entries() {
                token.push(',');
                json::quote(&mut token, &key);
                token.push(':');
                token.push_str(value.raw());
            }
            token.push('}');
            Ok(token)
        }
    }
}
