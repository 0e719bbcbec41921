//! Warnings about grants that apply to nobody: `unreachable-grant` and `expired-grant`.

use super::context::{Context, Warning};
use super::descriptions::{Description, of_grant};
use super::kinds;

/// Looks for grants that never apply.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut earlier: Vec<(String, Vec<Description<'_>>)> = Vec::new();
    for grant in context.policy.grants.iter() {
        let Some(part) = context.part(&grant.path) else { continue };
        let own = of_grant(part);
        unreachable(context, &grant.path, &own, &earlier, warnings);
        // A single grant for everybody that has expired is how a policy refuses all requests.
        let is_closed =
            context.policy.grants.len() == 1 && own.iter().any(|one| matches!(one, Description::Any));
        if grant.expires_ns.is_some_and(|expires| expires <= context.now_ns) && !is_closed {
            let path = format!("{}.expires", grant.path);
            let message = format!("the grant `{}` has expired, so its callers are refused", grant.name);
            warnings.push(Warning::of(&kinds::EXPIRED_GRANT, path, message));
        }
        earlier.push((grant.name.clone(), own));
    }
}

/// Warns of a grant each of whose descriptions is covered by one of an earlier grant.
fn unreachable(
    context: &Context<'_>,
    path: &str,
    own: &[Description<'_>],
    earlier: &[(String, Vec<Description<'_>>)],
    warnings: &mut Vec<Warning>,
) {
    let covering = |description: &Description<'_>| {
        let covers = |other: &Description<'_>| other.covers(description, &context.policy.identity);
        earlier.iter().find(|(_, others)| others.iter().any(covers)).map(|(name, _)| name.as_str())
    };
    let by: Option<Vec<&str>> = own.iter().map(covering).collect();
    let Some(mut by) = by.filter(|by| !by.is_empty()) else { return };
    by.sort_unstable();
    by.dedup();
    let by = by.join("`, `");
    let message = format!("`{by}` comes before this grant and matches every caller that it matches");
    let help = "move this grant up, before the wider one";
    warnings.push(Warning::of_key(&kinds::UNREACHABLE_GRANT, format!("{path}.match"), message).help(help));
}
