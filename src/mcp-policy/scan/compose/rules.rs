//! The rule of each class.

use crate::scan::class::Class;
use crate::scan::layout::Json;

/// Returns whether the rule of a class denies every call.
pub fn denies(class: Class, has_approvals: bool) -> bool {
    class == Class::Credential || (class.is_kept_from_agents() && !has_approvals)
}

/// Returns the rule of a class. All limits are per grant, and all tools of a class share them.
pub fn of_class(class: Class, has_approvals: bool) -> Json {
    let limit = |counter: &str, window: &str, max| {
        Json::object([
            ("counter", Json::text(counter)),
            ("window", Json::text(window)),
            ("max", Json::number(max)),
        ])
    };
    let limits = match class {
        Class::Read => vec![limit("reads", "minute", 300)],
        Class::Write => vec![limit("writes", "minute", 20), limit("writes_a_day", "day", 1_000)],
        Class::Execute => vec![limit("executions", "minute", 10), limit("executions_a_day", "day", 300)],
        Class::Destructive => vec![limit("deletions", "hour", 10)],
        Class::Financial => vec![limit("payments", "hour", 5)],
        Class::Credential => Vec::new(),
    };
    let mut rule = Vec::new();
    if class.is_kept_from_agents() {
        let denied = denies(class, has_approvals);
        rule.push(("action".to_owned(), Json::text(if denied { "deny" } else { "require_approval" })));
        rule.push(("reason".to_owned(), Json::text(reason(class, denied))));
    }
    if !denies(class, has_approvals) {
        rule.push(("limits".to_owned(), Json::List(limits)));
    }
    Json::Object(rule)
}

/// Returns what the model is told.
fn reason(class: Class, denied: bool) -> &'static str {
    match (class, denied) {
        (Class::Destructive, true) => {
            "This tool may delete, end or overwrite something for good, so agents may not call it. Leave everything as it is, and tell the user what should change."
        }
        (Class::Destructive, false) => {
            "This tool may delete, end or overwrite something for good, so a person must approve each call. Tell the user what should change, and why."
        }
        (Class::Financial, true) => {
            "This tool moves money or promises to, so agents may not call it. Tell the user what should be paid, to whom, and why."
        }
        (Class::Financial, false) => {
            "This tool moves money or promises to, so a person must approve each call. Tell the user what should be paid, to whom, and why."
        }
        _ => {
            "This tool gives out or takes keys, passwords or tokens, which must not pass through a conversation. Do not ask for them; refer the user to the owner of the account."
        }
    }
}
