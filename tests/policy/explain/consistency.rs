//! What an explanation says leads to the verdict, in every case of the table of decisions.

use serde_json::Value;

use crate::decisions::write_test_files;
use crate::program::run;

/// What refuses a call, in the order in which it is looked at, as paths in the policy: the rules, and the limits.
fn refusing(explanation: &Value, shadow: bool) -> (Vec<String>, Vec<String>) {
    let (mut rules, mut limits) = (Vec::new(), Vec::new());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let subjects: Vec<Value> =
        list(&explanation["layers"]).iter().flat_map(|layer| list(&layer["subjects"])).collect();
    if let Some(hidden) = subjects.iter().find_map(|subject| text(&subject["hidden_by"])) {
        return (vec![hidden], limits);
    }
    for subject in subjects {
        if subject["default"][1] == "deny" {
            rules.extend(text(&subject["default"][0]));
        }
        if subject["entry"]["effect"] == "deny" {
            rules.extend(text(&subject["entry"]["path"]));
        }
        if subject["obstacle"].is_string() {
            let own = list(&subject["rules"])
                .iter()
                .find(|rule| rule["of"].is_null())
                .map(|rule| rule["path"].clone());
            rules.extend(text(&own.unwrap_or(subject["default"][0].clone())));
        }
        for rule in list(&subject["rules"]).iter().filter(|rule| rule["shadow"] == shadow || !shadow) {
            if rule["shadow"] == true && !shadow {
                continue;
            }
            if rule["applies"] == true && rule["action"] == "deny" {
                rules.extend(text(&rule["path"]));
            }
            for check in list(&rule["checks"]).iter().filter(|check| check["refuses"] == true) {
                let limit = check["kind"] == "limits" && check["outcome"] == "fails";
                if limit { &mut limits } else { &mut rules }.extend(text(&check["path"]));
            }
        }
    }
    (rules, limits)
}

/// Returns what does not fit together in an explanation.
fn inconsistency(explanation: &Value, found: &Value) -> Option<String> {
    let (verdict, caller) = (&explanation["verdict"], &explanation["caller"]);
    if verdict != found {
        return Some(format!("the verdict is {verdict}, not {found}"));
    }
    for grant in caller["grants"].as_array().into_iter().flatten() {
        if grant["fits"].is_boolean() && grant["fits"] != grant["applies"] {
            return Some(format!("a grant fits and does not apply, or the other way round: {grant}"));
        }
    }
    let named = caller["sources"].as_array().into_iter().flatten().find(|source| source["names"] == true);
    if named.map(|source| &source["name"]) != Some(&caller["source"]).filter(|source| source.is_string()) {
        return Some(format!("another source names the caller: {caller}"));
    }
    if explanation["layers"].as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    let (rules, limits) = refusing(explanation, false);
    let rule = verdict["rule"].as_str().unwrap_or_default();
    match (verdict["decision"].as_str()?, verdict["code"].as_str().unwrap_or_default()) {
        ("allow", _) if rules.is_empty() && limits.is_empty() => None,
        ("would_deny", _) => {
            let (shadow, shadow_limits) = refusing(explanation, true);
            let any = rules.iter().chain(&limits).chain(&shadow).chain(&shadow_limits);
            let by_approval = verdict["code"] == "approval_required";
            (!by_approval && !is_elsewhere(verdict) && !any.into_iter().any(|path| path == rule))
                .then(|| format!("nothing of {rules:?} {shadow:?} is {rule}"))
        }
        // Approvals are looked at when nothing else refuses.
        (_, "approval_required" | "approval_denied" | "approval_unavailable") if rules.is_empty() => None,
        (_, "rate_limited") if rules.is_empty() && limits.iter().any(|path| path == rule) => None,
        _ if is_elsewhere(verdict) || rules.first().is_some_and(|path| path == rule) => None,
        _ => Some(format!("{rules:?} and {limits:?} refuse the call, and the verdict is {verdict}")),
    }
}

/// Tells whether something else than a rule refused a call: headers that disagree with it, or the bounds of a request.
fn is_elsewhere(verdict: &Value) -> bool {
    let text = verdict["text"].as_str().unwrap_or_default();
    let bounds = text.contains("more work") || text.contains("approval of a person, ");
    let of_caller = ["unauthenticated", "no_grant", "grant_expired", "origin_denied"];
    let code = verdict["code"].as_str().unwrap_or_default();
    // In shadow mode the rules are looked at even if the caller would be refused.
    let caller = verdict["decision"] == "would_deny" && of_caller.contains(&code);
    caller || matches!(code, "headers_disagree" | "limiter_unavailable") || bounds
}

#[test]
fn what_an_explanation_says_leads_to_the_verdict_in_every_case_of_the_table() {
    let (folder, count) = write_test_files("explained");
    let done = run(&["test", &folder.to_string_lossy(), "--format", "json", "--explain"], "");
    let result: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in result["files"].as_array().expect("files") {
        for case in file["cases"].as_array().expect("cases") {
            seen += 1;
            if let Some(why) = inconsistency(&case["explanation"], &case["found"]) {
                wrong.push(format!("{}: {}: {why}", file["file"], case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(seen, count);
}
