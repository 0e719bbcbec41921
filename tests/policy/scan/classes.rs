//! The class of a tool, by its name, its description, its parameters and its annotations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{AIPAYGEN, each, report, text_of};
use crate::program::run;

/// A class, and the name and the description that show it.
const BY_WORDS: &[(&str, &str, &str)] = &[
    // The verb of the name, wherever it stands.
    ("read", "get_ticket", ""),
    ("read", "tickets_list", ""),
    ("read", "listDeletedTickets", ""),
    ("write", "update_ticket", ""),
    ("write", "ticket_write", ""),
    ("execute", "run_pipeline", ""),
    ("destructive", "ticket-delete", ""),
    ("destructive", "envRemove", ""),
    ("destructive", "monitor_delete", ""),
    ("financial", "refund_order", ""),
    ("write", "search_and_replace", ""),
    ("destructive", "find_or_delete", ""),
    // The verb of the description.
    ("read", "tickets", "Lists all tickets."),
    ("read", "tickets", "This tool allows you to search tickets"),
    ("destructive", "tickets", "Create, update or delete tickets"),
    ("destructive", "cleanup", "Permanently removes old rows."),
    ("destructive", "get_inbox", "Returns the inbox. Older mail is erased irreversibly."),
    ("write", "get_draft", "Creates a draft and returns it"),
    ("read", "run_query", "Run a read-only query"),
    // Money.
    ("financial", "create_invoice", ""),
    ("financial", "create_subscription", "Bills a customer every month"),
    ("write", "create_subscription", "Subscribes to events of a topic"),
    ("read", "list_payments", "Lists payments"),
    ("financial", "send", "Sends money"),
    ("financial", "acquire_number", "Purchase a phone number"),
    // Keys and passwords.
    ("credential", "create_api_key", ""),
    ("credential", "get_password", ""),
    ("credential", "rotate_token", ""),
    ("read", "count_tokens", "Counts the tokens of a text"),
    ("destructive", "revoke_token", ""),
    // Nothing is known.
    ("execute", "frobnicate", ""),
    ("execute", "_", "x"),
];

const READS: &str = r#"{"annotations": {"readOnlyHint": true}}"#;
const DESTROYS: &str = r#"{"annotations": {"destructiveHint": true}}"#;
const TAKES_KEY: &str =
    r#"{"inputSchema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}}"#;

/// A class, and the name, the description and a further member that show it.
const BY_DEFINITION: &[(&str, &str, &str, &str)] = &[
    // Money.
    (
        "financial",
        "submit_form",
        "Submits it",
        r#"{"inputSchema": {"properties": {"offer": {"properties": {"price_usd": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}}}}"#,
    ),
    (
        "write",
        "submit_form",
        "Submits it",
        r#"{"inputSchema": {"properties": {"total_pages": {"type": "number"}}}}"#,
    ),
    (
        "read",
        "search_offers",
        "Searches offers",
        r#"{"inputSchema": {"properties": {"price": {"type": "number"}}}}"#,
    ),
    // Keys and passwords.
    (
        "credential",
        "sign_in",
        "Opens a session",
        r#"{"inputSchema": {"type": "object", "properties": {"password": {"type": "string"}}, "required": ["password"]}}"#,
    ),
    ("credential", "check_usage", "Shows the usage of an API key", TAKES_KEY),
    ("read", "check_usage", "Shows the usage of a cache", TAKES_KEY),
    // Other parameters.
    (
        "destructive",
        "tickets",
        "Manages tickets",
        r#"{"inputSchema": {"properties": {"action": {"enum": ["add", "delete"]}}}}"#,
    ),
    (
        "execute",
        "sandbox",
        "",
        r#"{"inputSchema": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}}"#,
    ),
    (
        "read",
        "tickets",
        "",
        r#"{"inputSchema": {"type": "object", "properties": {"cursor": {"type": "string"}}, "required": ["cursor"]}}"#,
    ),
    // Annotations, and the more dangerous side of contradictions.
    ("destructive", "delete_ticket", "", READS),
    ("write", "update_ticket", "", READS),
    ("destructive", "get_ticket", "", DESTROYS),
    ("destructive", "tidy", "", DESTROYS),
    ("write", "update_ticket", "", DESTROYS),
    ("read", "tidy", "", READS),
    ("read", "open_ticket", "Open a ticket by its id", READS),
];

#[test]
fn a_tool_has_the_class_that_its_definition_shows() {
    let by_words = BY_WORDS.iter().map(|(class, name, description)| (*class, *name, *description, "{}"));
    let rows: Vec<_> = by_words.chain(BY_DEFINITION.iter().copied()).collect();
    let tools = rows.iter().map(|(_, name, description, more)| {
        let mut tool =
            json!({"name": name, "description": description, "annotations": {}, "inputSchema": {}});
        let more: Map<String, Value> = serde_json::from_str(more).unwrap();
        tool.as_object_mut().unwrap().extend(more);
        tool
    });
    let report = report(&tools.collect(), &[]);
    let found = report["tools"].as_array().unwrap();
    assert_eq!(found.len(), rows.len());
    for ((class, name, description, _), found) in rows.iter().zip(found) {
        assert_eq!(found["class"], *class, "{name}: {description}: {found}");
        assert!(!found["evidence"].as_array().unwrap().is_empty(), "{found}");
    }
}

#[test]
fn an_annotation_that_all_tools_have_tells_nothing_about_one() {
    let tool = |name: &str| json!({"name": name, "annotations": {"destructiveHint": true}});
    let report =
        report(&json!([tool("create_page"), tool("query_pages"), tool("rename_page"), tool("tidy")]), &[]);
    assert_eq!(each(&report["tools"], "class"), ["write", "write", "write", "destructive"]);
}

#[test]
fn on_a_list_that_the_words_were_not_chosen_for_most_classes_are_right_and_none_is_dangerous() {
    let done = run(&["scan", AIPAYGEN, "--format", "json"], "");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let text = text_of("tests/cases/aipaygen_classes.json");
    let classes: BTreeMap<String, BTreeSet<String>> = serde_json::from_str(&text).unwrap();
    let right = |name: &str| &**classes.iter().find(|(_, tools)| tools.contains(name)).unwrap().0;
    let tools = &report["tools"];
    let pairs: Vec<(&str, &str)> =
        each(tools, "name").into_iter().map(right).zip(each(tools, "class")).collect();
    let same = pairs.iter().filter(|(right, found)| right == found).count();
    assert!(same >= 89, "{same} of {}", pairs.len());
    let dangerous =
        pairs.iter().find(|(right, found)| *found == "read" && matches!(*right, "destructive" | "financial"));
    assert_eq!(dangerous, None);
}
