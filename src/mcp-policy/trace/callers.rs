//! Which source names the caller, and which grant applies to it.

use mcp_policy_engine::identity::{self, Caller as Identified, Credentials as _, Principal};
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{
    Callers, ClaimPath, Described, Expected, Pattern, Policy, SourceKind, TokenMatch,
};

use mcp_policy_engine::work::{self, Work};

use super::{Caller, Grant, Source, Tracing};
use crate::judge::Sender;

/// Returns how the caller is identified.
pub(super) fn caller(tracing: &Tracing<'_>, headers: &Headers) -> Caller {
    let Tracing { policy, sender, now_ns, .. } = tracing;
    let now_ns = Some(*now_ns);
    let identified = match sender {
        Sender::Verified(known) => identity::identify(policy, headers, known, now_ns).0,
        Sender::Named(caller) => {
            identity::grant(policy, Ok(caller.clone()), now_ns, &Work::new(work::IDENTIFIED)).0
        }
        Sender::Granted(number) => Identified { grant: Some(*number), ..Identified::default() },
    };
    let grants = match sender {
        Sender::Granted(_) => Vec::new(),
        _ => grants(policy, &identified),
    };
    Caller {
        principal: identified.principal.as_ref().map(Principal::name),
        source: identified.source_name(policy).map(str::to_owned),
        sources: sources(policy, headers, sender, &identified),
        grant: identified.grant(policy).map(|grant| grant.name.clone()),
        grants,
    }
}

fn sources(policy: &Policy, headers: &Headers, sender: &Sender, identified: &Identified) -> Vec<Source> {
    let mut named = false;
    let mut sources = Vec::new();
    for (number, source) in policy.identity.iter().enumerate() {
        let (names, why) = match sender {
            _ if named => (false, "not asked: an earlier source has named the caller".to_owned()),
            Sender::Granted(_) => (false, "not asked: the grant is given".to_owned()),
            Sender::Named(caller) if caller.source == Some(number) => {
                (true, "given, not verified".to_owned())
            }
            Sender::Named(_) => (false, "not asked: the caller is given".to_owned()),
            Sender::Verified(known) => {
                match identity::principal(&source.kind, headers, known, &Work::new(work::IDENTIFIED)) {
                    Ok((principal, _)) => (true, format!("names `{}`", principal.name())),
                    Err(cause) => (false, said(cause, &source.kind)),
                }
            }
        };
        let unreadable = matches!(sender, Sender::Verified(known) if known.unreadable());
        named |= names && identified.principal.is_some() || unreadable;
        let why = if unreadable && !names { said("credential_unreadable", &source.kind) } else { why };
        sources.push(Source { name: source.name.clone(), kind: source.kind.word(), names, why });
    }
    sources
}

/// Says why a source names nobody; `cause` is the word of records.
fn said(cause: &str, kind: &SourceKind) -> String {
    let why = match cause {
        "no_credential" => match kind {
            SourceKind::ApiKey { header, .. } | SourceKind::Header(header) => {
                return format!("the request has no header `{header}`");
            }
            SourceKind::Jwt { .. } => "the request has no token",
            SourceKind::Mtls(_) => "the connection has no client certificate",
            SourceKind::Attribute(_) => "the proxy has not set this attribute",
        },
        "payload_missing" => "a token was sent, but no verified payload is where it looks",
        "claim_missing" => "the token has no such claim, or it is not a name",
        "name_missing" => "the certificate has no such name",
        "credential_unreadable" => "its credential cannot be read, so the caller is refused",
        "credential_ambiguous" => "its header occurs twice or has a comma",
        "scheme_differs" => "its header has another authentication scheme",
        other => other,
    };
    why.to_owned()
}

fn grants(policy: &Policy, caller: &Identified) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (number, grant) in policy.grants.iter().enumerate() {
        let applies = caller.grant == Some(number);
        let earlier = caller.grant.is_some_and(|granted| granted < number);
        let (fits, why) = match policy.grants.described(number) {
            _ if earlier => (None, vec!["not tried: an earlier grant applies".to_owned()]),
            described if described.is_empty() => (None, vec![of_everybody(policy, caller, number)]),
            described => {
                let judged: Vec<Result<String, String>> =
                    described.iter().map(|described| judge(policy, caller, described)).collect();
                match judged.iter().find_map(|judged| judged.clone().ok()) {
                    Some(fits) => (Some(true), vec![fits]),
                    None => {
                        let mut why: Vec<String> = judged.into_iter().filter_map(Result::err).collect();
                        why.dedup();
                        (Some(false), why)
                    }
                }
            }
        };
        grants.push(Grant { name: grant.name.clone(), path: grant.path.clone(), applies, fits, why });
    }
    grants
}

/// Says who has a grant without descriptions.
fn of_everybody(policy: &Policy, caller: &Identified, number: usize) -> String {
    match &caller.principal {
        _ if caller.grant == Some(number) => "it is for everybody",
        _ if !policy.grants.is_of_everybody(number) => "no caller fits its descriptions",
        Some(Principal::ApiKey(_)) => "it is for everybody, but no grant lists this key, so it gets nothing",
        _ => "it is for everybody with a name, and the caller has none",
    }
    .to_owned()
}

/// Says why a description fits a caller.
///
/// # Errors
/// Why it does not.
fn judge(policy: &Policy, caller: &Identified, described: &Described<'_>) -> Result<String, String> {
    let Some(principal) = &caller.principal else { return Err("no source names the caller".to_owned()) };
    if let Some(number) = described.source.filter(|number| caller.source != Some(*number)) {
        let source = policy.identity.get(number).map_or("", |source| source.name.as_str());
        return Err(format!("it is for callers whom the source `{source}` names"));
    }
    let kind = |what: &str| Err(format!("it is for callers whom {what} names"));
    match (described.callers, principal) {
        (Callers::Named, _) => Ok("it is for all callers of this source".to_owned()),
        (Callers::Key(digest), Principal::ApiKey(own)) if digest == own => Ok("it lists this key".to_owned()),
        (Callers::Key(_), Principal::ApiKey(_)) => Err("it lists another key".to_owned()),
        (Callers::Key(_), _) => kind("an API key"),
        (Callers::Token(pattern, token), Principal::Jwt(name)) => {
            named(pattern, name).and_then(|fits| has(caller, token).map(|has| has.unwrap_or(fits)))
        }
        (Callers::Token(..), _) => kind("a token"),
        (Callers::Certificate(pattern), Principal::Mtls(name)) => named(pattern, name),
        (Callers::Certificate(_), _) => kind("a certificate"),
        (Callers::Header(pattern), Principal::Header(name)) => named(pattern, name),
        (Callers::Header(_), _) => kind("a header"),
        (Callers::Attribute(pattern), Principal::Attribute(name)) => named(pattern, name),
        (Callers::Attribute(_), _) => kind("an attribute"),
    }
}

fn named(pattern: &Pattern, name: &str) -> Result<String, String> {
    let text = pattern.as_str();
    match pattern.matches(name) {
        true if text == "*" => Ok("it is for every name".to_owned()),
        true => Ok(format!("`{text}` fits the name")),
        false => Err(format!("`{text}` does not fit the name `{name}`")),
    }
}

/// Says what a token has of what is expected; `None` if nothing is.
///
/// # Errors
/// What it lacks.
fn has(caller: &Identified, token: &TokenMatch) -> Result<Option<String>, String> {
    let text = caller.claims.as_deref().unwrap_or("{}");
    if json::read(text.as_bytes()).is_err() {
        return Err("the token cannot be read".to_owned());
    }
    let fits = |one: &TokenMatch| {
        let too_much = "the token takes more work to judge than one request may cause";
        identity::fits(text, one).ok_or_else(|| too_much.to_owned())
    };
    let mut had = Vec::new();
    for (path, expected) in &token.claims {
        let one = TokenMatch { claims: vec![(path.clone(), expected.clone())], scope: Vec::new() };
        let path = match path {
            ClaimPath::Key(key) => format!("claims.{key}"),
            ClaimPath::Path(path) => path.to_string(),
        };
        let expected = match expected {
            Expected::Text(pattern) => pattern.as_str().to_owned(),
            Expected::Number(number) => number.clone(),
            Expected::Bool(flag) => flag.to_string(),
        };
        if !fits(&one)? {
            return Err(format!("`{path}` is not `{expected}`"));
        }
        had.push(format!("`{path}` is `{expected}`"));
    }
    for scope in &token.scope {
        let one = TokenMatch { claims: Vec::new(), scope: vec![scope.clone()] };
        if !fits(&one)? {
            return Err(format!("the token does not have the scope `{scope}`"));
        }
        had.push(format!("the token has the scope `{scope}`"));
    }
    Ok((!had.is_empty()).then(|| had.join(", ")))
}
