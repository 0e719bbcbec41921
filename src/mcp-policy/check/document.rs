//! Warnings about the document as a whole, and about rules by themselves.

use mcp_policy_engine::policy::{Action, Effect};

use super::context::{Context, Warning};
use super::kinds;

/// Looks for `default-allow`, `exempt-mcp-path`, exempt paths that never match, `approval-without-reason`, `unused-rule` and
/// `unused-shared-limits`.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let policy = context.policy;
    if policy.rules.default.0 == Effect::Allow {
        let message =
            "every tool, resource, prompt and method that no entry names is allowed to every caller";
        warnings.push(
            Warning::of(&kinds::DEFAULT_ALLOW, "default", message)
                .help("write `\"deny\"`, and name what is allowed"),
        );
    }
    exempt_paths(context, warnings);
    for rule in context.rules() {
        if rule.action == Action::RequireApproval && rule.reason.is_none() {
            let message = "neither the approver nor the model is told why a person has to approve the call";
            let path = format!("{}.action", rule.path);
            warnings.push(
                Warning::of(&kinds::APPROVAL_WITHOUT_REASON, path, message).help("add `reason` to the rule"),
            );
        }
    }
    if policy.shared_limits.is_some()
        && !policy.all_rules().flat_map(|rule| &rule.limits).any(|limit| limit.shared)
    {
        let message = "no limit is shared, so the rate limit service is never asked";
        let warning = Warning::of_key(&kinds::UNUSED_SHARED_LIMITS, "shared_limits", message);
        warnings.push(warning.help("add `\"shared\": true` to a limit that all proxies count together"));
    }
    for rule in policy.unused_rules() {
        let message = "no entry uses this rule, so it applies to nothing";
        warnings.push(Warning::of_key(&kinds::UNUSED_RULE, &rule.path, message));
    }
}

fn exempt_paths(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    for (index, path) in context.policy.exempt_paths.iter().enumerate() {
        let at = format!("exempt_paths[{index}]");
        if path.contains('*') {
            let message =
                "exempt paths have no wildcards, so `*` stands for itself, and the path matches no request";
            warnings.push(
                Warning::of(&kinds::NEVER_MATCHES, &at, message)
                    .help("list each path in full, such as `/healthz`"),
            );
        } else if speaks_mcp(path) {
            let message = "this looks like the path of an MCP server, and its requests would pass unread";
            warnings.push(Warning::of(&kinds::EXEMPT_MCP_PATH, &at, message));
        }
    }
}

/// Returns whether a path looks like that of an MCP server: its last segment is a usual one, or it has none.
fn speaks_mcp(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_discovery = path.starts_with("/.well-known/");
    let words = || last.split(|char: char| !char.is_ascii_alphanumeric());
    let usual = matches!(last.as_str(), "" | "sse" | "message" | "messages" | "rpc" | "jsonrpc")
        || words().any(|word| word == "mcp");
    usual && !is_discovery
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_server_is_known_by_its_last_segment() {
        for (path, expected) in [
            ("/mcp", true),
            ("/MCP/", true),
            ("/v1/mcp", true),
            ("/github-mcp", true),
            ("/", true),
            ("/sse", true),
            ("/messages/", true),
            ("/healthz", false),
            ("/mcp/healthz", false),
            ("/.well-known/oauth-protected-resource/mcp", false),
            ("/mcprobe", false),
        ] {
            assert_eq!(speaks_mcp(path), expected, "{path}");
        }
    }
}
