//! The kinds of warnings, and the ids of everything that `check` finds.

use crate::diagnostic::{Kind, closest, fault_kinds};
use crate::outcome::Failure;
use crate::terminal::{HEADING, PLAIN};

/// Declares the kinds of warnings: a static for each, and the list of them all.
macro_rules! kinds {
    ($($name:ident $id:literal: $meaning:literal, $explanation:literal;)+) => {
        $(
            #[doc = $meaning]
            pub static $name: Kind = Kind { id: $id, meaning: $meaning, explanation: $explanation };
        )+

        /// Every kind of warning.
        pub static WARNINGS: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    APPROVAL_WITHOUT_REASON "approval-without-reason":
        "a rule requires approval and gives no reason",
        "The approver and the model both read the reason. Without it, neither knows why a person has to decide. \
         Add `reason` to the rule.";
    ARGUMENT_NOT_IN_SCHEMA "argument-not-in-schema":
        "a condition or an amount refers to an argument that the schema does not have",
        "A condition in `require` on an argument that no call has refuses every call. In `when` such a condition never \
         holds. A missing amount refuses the call. The path is usually misspelt. The schema is the rule's own, or with \
         `--tools` that of each tool that the rule applies to.";
    DEFAULT_ALLOW "default-allow":
        "what no entry names is allowed",
        "With `\"default\": \"allow\"` a tool that the server adds tomorrow is open to every caller. Leave \
         `default` out, and name what callers may use.";
    EXEMPT_MCP_PATH "exempt-mcp-path":
        "an exempt path looks like the path of an MCP server",
        "Requests to a path in `exempt_paths` pass unread, including tool calls. Exempt only paths that do not \
         speak MCP, such as `/healthz`.";
    EXPIRED_GRANT "expired-grant":
        "a grant has expired",
        "Callers whom the grant matches are refused. Remove the grant, or set another time.";
    GRANT_NAMES_WHAT_THE_DOCUMENT_DENIES "grant-names-what-the-document-denies":
        "an entry of a grant allows what the document denies to all",
        "A grant can only narrow what the document allows. Allow the target in the document as well, or remove the \
         entry from the grant.";
    GRANTS_WITHOUT_IDENTITY "grants-without-identity":
        "a grant describes callers by an identity that no source gives",
        "Grants find a caller by what `identity` reads. Without a source of that kind nobody fits the description. \
         Add the source, or remove the description.";
    KEYWORD_WITHOUT_TYPE "keyword-without-type":
        "a keyword of a schema accepts values of all other types",
        "In JSON Schema `maximum` does not restrict strings, and `pattern` does not restrict numbers. Without `type` a \
         caller gets around the keyword with a value of another type, which servers often convert. Add `type`.";
    LIMIT_CANNOT_FIRE "limit-cannot-fire":
        "a limit never refuses a call",
        "Another limit that counts the same calls refuses them first, the rule denies its calls anyway, or a part \
         of the maximum can never be used. Lower the maximum, or remove the limit.";
    NEVER_MATCHES "never-matches":
        "a pattern, a path or a condition never matches",
        "Patterns of resources decide on plain URIs only, and a template is no pattern. Exempt paths have no wildcards. \
         A claim is missing where no token names the caller, as are arguments of resources. A condition can also name a \
         grant, a time or a scope that there never is. With `--tools`, a pattern of tools also has to match a tool.";
    PATH_ESCAPE "path-escape":
        "a condition on the beginning of a path lets `..` pass",
        "`/srv/../etc/passwd` begins with `/srv/`. Describe the whole path with `regex`, as `policies/argument-guards.json` \
         does, or refuse paths that contain `..`. The server must take care of symbolic links.";
    PRINCIPAL_LIMIT_WITHOUT_IDENTITY "principal-limit-without-identity":
        "a limit counts by principal, but nothing names a principal",
        "Without `identity` no caller has a principal, and the limit counts all callers of the grant together. Add a \
         source to `identity`, or say `\"scope\": \"grant\"`.";
    SESSION_LIMIT_ALONE "session-limit-alone":
        "a limit counts by session, and no wider limit applies",
        "A client can open a new session at any time, and each has a tally of its own. Add a limit of scope \
         `grant`, for the rule or in `all_tools`.";
    SHADOWED_PATTERN "shadowed-pattern":
        "other entries decide on every name that an entry matches",
        "The entry has no effect: what it matches is hidden, or more specific entries decide on it. Remove one \
         of them.";
    SPEND_WITHOUT_CAP "spend-without-cap":
        "an argument that looks like money has no upper bound",
        "One call can spend any amount. Add `maximum` to the argument's schema, a condition, or a limit whose \
         `amount` is the argument.";
    UNANCHORED_REGEX "unanchored-regex":
        "a regular expression that restricts a value is not anchored",
        "Expressions search: `[a-z]+` is found in `../../etc`. Begin with `^` and end with `$`, and write `.*` where the \
         value may go on.";
    UNKNOWN_METHOD "unknown-method":
        "a method looks like a misspelt method of MCP",
        "An entry of `methods` decides only on the method with exactly this name.";
    UNKNOWN_TOOL "unknown-tool":
        "the server does not have a tool that an entry names (with `--tools`)",
        "The name is misspelt, or the tool is gone. The entry decides on nothing.";
    UNLISTED_TOOL "unlisted-tool":
        "the server has a tool that no entry names (with `--tools`)",
        "`default` decides on the tool. Name the tool, so that a reviewer sees that this is intended.";
    UNREACHABLE_GRANT "unreachable-grant":
        "an earlier grant matches everything that a grant matches",
        "The first grant that matches a caller applies. Move the narrower grant before the wider one.";
    UNUSED_RULE "unused-rule":
        "no entry uses a named rule",
        "A rule in `rules` applies only where an entry names it.";
    UNUSED_SHARED_LIMITS "unused-shared-limits":
        "a rate limit service is named, but no limit is shared",
        "The service in `shared_limits` counts limits with `\"shared\": true` only.";
}

/// Returns all kinds, each with the word for its severity.
pub fn all() -> impl Iterator<Item = (&'static Kind, &'static str)> {
    let warnings = WARNINGS.iter().map(|kind| (*kind, "warning"));
    fault_kinds().map(|kind| (kind, "error")).chain(warnings)
}

/// Finds a kind of warning by its id; `option` is the option that names it.
///
/// # Errors
/// There is no such kind, or it is a kind of fault.
pub fn warning(option: &str, id: &str) -> Result<&'static Kind, Failure> {
    if let Some(kind) = WARNINGS.iter().find(|kind| kind.id == id) {
        return Ok(kind);
    }
    if fault_kinds().any(|kind| kind.id == id) {
        return Err(Failure::new(format!(
            "{option} `{id}`: it is the id of a fault, and a policy with a fault never takes effect, so only \
             warnings can be allowed or denied"
        )));
    }
    let ids = WARNINGS.iter().map(|kind| kind.id);
    Err(unknown(&format!("{option} `{id}`: no warning has this id"), id, ids))
}

/// Explains a kind of warning or fault.
///
/// # Errors
/// There is no such kind.
pub fn explanation(id: &str) -> Result<String, Failure> {
    let Some((kind, severity)) = all().find(|(kind, _)| kind.id == id) else {
        let ids = all().map(|(kind, _)| kind.id);
        return Err(unknown(&format!("--explain `{id}`: no warning or fault has this id"), id, ids));
    };
    let Kind { id, meaning, explanation } = kind;
    let refused = "The filter refuses a policy with this fault.";
    let rest = match (severity, *explanation) {
        ("warning", explanation) => explanation.to_owned(),
        (_, "") => {
            format!("{refused} The message of `mcp-policy check` says what would be right at its place.")
        }
        (_, explanation) => format!("{refused} {explanation}"),
    };
    Ok(format!("{HEADING}{severity}: {id}{PLAIN}\n{meaning}\n\n{rest}"))
}

fn unknown(text: &str, id: &str, known: impl Iterator<Item = &'static str>) -> Failure {
    let known: Vec<&str> = known.collect();
    Failure::new(match closest(id, known.iter().copied()) {
        Some(known) => format!("{text}; did you mean `{known}`?"),
        None => format!("{text}; the ids are {}", known.join(", ")),
    })
}

/// Returns the warnings with their meanings, and the ids of the faults, for the help.
pub fn table() -> String {
    let mut text = format!("{HEADING}Warnings:{PLAIN}\n");
    for Kind { id, meaning, .. } in WARNINGS {
        text.push_str(&format!("  {id}\n          {meaning}\n"));
    }
    let faults: Vec<&str> = fault_kinds().map(|kind| kind.id).collect();
    text.push_str(&format!("\n{HEADING}Faults:{PLAIN}\n  {}\n", faults.join(", ")));
    text.push_str("\n`mcp-policy check --explain ID` explains a warning or a fault.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_has_an_id_of_its_own_and_an_explanation() {
        let ids: Vec<&str> = WARNINGS.iter().map(|kind| kind.id).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        for kind in WARNINGS {
            assert!(!fault_kinds().any(|fault| fault.id == kind.id), "{} is a fault, too", kind.id);
            assert!(kind.explanation.ends_with('.') && !kind.meaning.ends_with('.'), "{}", kind.id);
        }
    }
}
