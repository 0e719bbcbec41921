//! Warnings about identities that no source gives.

use mcp_policy_engine::policy::{Clause, Condition, DESCRIBED, Origin, Scope, SourceKind, ValuePath};

use super::context::{Context, Warning};
use super::descriptions::{Description, of_grant};
use super::kinds;

/// Looks for `grants-without-identity`, `principal-limit-without-identity`, and names and claims that are always missing.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    descriptions(context, warnings);
    principals(context, warnings);
    absent(context, warnings);
}

/// Warns of each key of a description that speaks of a kind of source that is not there.
fn descriptions(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let kinds: Vec<&str> = context.policy.identity.iter().map(|source| source.kind.word()).collect();
    for grant in context.policy.grants.iter() {
        let Some(part) = context.part(&grant.path) else { continue };
        for description in of_grant(part) {
            let Description::Of(description) = description else { continue };
            for (key, kind) in DESCRIBED {
                if let Some(part) = description.member(key).filter(|_| !kinds.contains(&kind)) {
                    let message = match kinds.as_slice() {
                        [] => "fits nobody: without `identity` no caller has a name".to_owned(),
                        _ => format!("fits nobody: `identity` has no source of the kind `{kind}`"),
                    };
                    let help = format!("add a source with `{kind}` to `identity`");
                    warnings.push(
                        Warning::of_key(&kinds::GRANTS_WITHOUT_IDENTITY, &part.path, message).help(help),
                    );
                }
            }
        }
    }
}

/// Warns of limits by principal where no caller has one.
fn principals(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    if !context.policy.identity.is_empty() {
        return;
    }
    for limit in context.rules().flat_map(|rule| &rule.limits).filter(|limit| limit.scope == Scope::Principal)
    {
        let message =
            "without `identity` no caller has a principal, so all callers of a grant share this limit";
        let path = format!("{}.scope", limit.path);
        let help = "add a source to `identity`, or write `\"grant\"`";
        warnings.push(Warning::of(&kinds::PRINCIPAL_LIMIT_WITHOUT_IDENTITY, path, message).help(help));
    }
}

/// Warns of conditions and limits that read what no source gives.
fn absent(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let identity = &context.policy.identity;
    let has_tokens = identity.iter().any(|source| matches!(source.kind, SourceKind::Jwt { .. }));
    let why = |path: &ValuePath| match path.origin() {
        Origin::Claims | Origin::Scopes if !has_tokens => {
            Some(("`identity` has no source of the kind `jwt`", "add a source with `jwt` to `identity`"))
        }
        Origin::Principal | Origin::Source if identity.is_empty() => {
            Some(("without `identity` no caller has a name", "add a source to `identity`"))
        }
        _ => None,
    };
    let mut warn = |path: String, read: &ValuePath, effect: &str| {
        if let Some((why, help)) = why(read) {
            let message = format!("`{read}` is always missing, because {why}{effect}");
            warnings.push(Warning::of(&kinds::NEVER_MATCHES, path, message).help(help));
        }
    };
    for rule in context.rules() {
        for condition in rule.clauses().flat_map(Clause::conditions) {
            let Condition { path, attribute, .. } = condition;
            warn(format!("{path}.path"), attribute, "");
            if let Some(operand) = condition.operand() {
                warn(format!("{path}.value.path"), operand, "");
            }
        }
        for limit in &rule.limits {
            if let Some(by) = &limit.by {
                warn(format!("{}.by", limit.path), by, ", so every call is denied");
            }
        }
    }
}
