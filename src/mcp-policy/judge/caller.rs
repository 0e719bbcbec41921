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
    /// The name of the grant that it has, whoever it is
    pub grant: Option<String>,
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
    /// Gives a request the credentials of this caller. `known` is what the proxy knows beside them.
    ///
    /// # Errors
    /// Why the policy knows no such caller.
    pub fn apply(&self, policy: &Policy, known: Known, sent: &mut Sent) -> Result<Sender, Impossible> {
        let named = [&self.principal, &self.claims, &self.api_key, &self.api_key_sha256];
        if let Some(grant) = &self.grant {
            if named.iter().any(|given| given.is_some()) {
                return impossible(
                    "`grant` takes the place of an identity, so nothing else can be given with it",
                );
            }
            return self.granted(policy, grant);
        }
        if let Some(digest) = &self.api_key_sha256 {
            let (number, _) =
                self.source(policy, |source| matches!(source.kind, SourceKind::ApiKey { .. }))?;
            let principal = Some(Principal::ApiKey(digest.clone()));
            return Ok(Sender::Named(Caller { source: Some(number), principal, ..Caller::default() }));
        }
        if let Some(key) = &self.api_key {
            if self.principal.is_some() || self.claims.is_some() {
                return impossible("one credential is enough: `api_key`, or `principal` and `claims`");
            }
            let (_, source) =
                self.source(policy, |source| matches!(source.kind, SourceKind::ApiKey { .. }))?;
            return present(source, Some(key), None, known, sent);
        }
        if self.principal.is_none() && self.claims.is_none() {
            return match &self.source {
                Some(_) => impossible("`source` needs a `principal`, `claims` or an API key"),
                None => Ok(Sender::Verified(known)),
            };
        }
        let has_claims = self.claims.is_some();
        let (_, source) = self.source(policy, |source| match source.kind {
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
        suits: impl Fn(&Source) -> bool,
    ) -> Result<(usize, &'p Source), Impossible> {
        let known: Vec<String> = policy.identity.iter().map(|source| format!("`{}`", source.name)).collect();
        let wanted = |source: &Source| self.source.as_ref().is_none_or(|name| *name == source.name);
        let mut sources = policy.identity.iter().enumerate().filter(|(_, source)| wanted(source)).peekable();
        if known.is_empty() {
            return impossible("the policy has no `identity`, so it knows nobody by name");
        }
        if let (Some(name), None) = (&self.source, sources.peek()) {
            return impossible(format!("the policy has no source `{name}`, it has {}", known.join(", ")));
        }
        let what = if self.api_key.is_some() || self.api_key_sha256.is_some() {
            "an API key"
        } else if self.claims.is_some() {
            "claims, which only a `jwt` source reads"
        } else {
            "a principal by its name: callers send API keys, so give one"
        };
        match sources.find(|(_, source)| suits(source)) {
            Some(found) => Ok(found),
            None => {
                let sources = self.source.as_ref().map_or(known.join(", "), |name| format!("`{name}`"));
                impossible(format!("no source reads {what} ({sources})"))
            }
        }
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
