//! What changes in a policy when an entry is removed.

use std::sync::Arc;

use mcp_policy_engine::limit::MemoryStore;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{judge, many};

#[derive(Debug, Clone)]
struct Entry {
    pattern: String,
    rule: serde_json::Value,
}

fn entries(patterns: &'static str) -> impl Strategy<Value = Vec<Entry>> {
    let rules = select(vec![
        serde_json::json!({}),
        serde_json::json!({"action": "deny"}),
        serde_json::json!({"limits": [{"counter": "shared", "window": "minute", "max": 2}]}),
        serde_json::json!({"limits": [{"counter": "spent", "window": "day", "max": 3, "amount": "args.amount"}]}),
        serde_json::json!({"action": "deny", "mode": "shadow"}),
    ]);
    prop::collection::vec((patterns, rules), 1..5).prop_map(|entries| {
        let mut entries: Vec<Entry> =
            entries.into_iter().map(|(pattern, rule)| Entry { pattern, rule }).collect();
        entries.sort_by(|left, right| left.pattern.cmp(&right.pattern));
        entries.dedup_by(|left, right| left.pattern == right.pattern);
        entries
    })
}

/// A call of a name that an entry matches, perhaps also matched by a more literal one.
type Asked = (Index, String, u32);

fn asked() -> impl Strategy<Value = Asked> {
    (any::<Index>(), "[ab]{0,2}", 0_u32..4)
}

fn call(entries: &[Entry], (entry, rest, amount): &Asked) -> (String, String) {
    let name = entry.get(entries).pattern.replace('*', rest);
    let params = serde_json::json!({"name": name, "arguments": {"amount": amount}});
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    (name, body.to_string())
}

fn with_entries(default: &str, entries: &[Entry]) -> Option<Arc<Policy>> {
    let tools: serde_json::Map<_, _> =
        entries.iter().map(|entry| (entry.pattern.clone(), entry.rule.clone())).collect();
    let document = serde_json::json!({"version": "1", "default": default, "tools": tools});
    // A document with two ambiguous patterns is refused.
    Policy::from_bytes(document.to_string().as_bytes()).ok().map(Arc::new)
}

/// Matches a name character by character, trying every length for a star.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|taken| matches(rest, &name[taken..])),
        Some((char, rest)) => {
            name.split_first().is_some_and(|(first, left)| first == char && matches(rest, left))
        }
    }
}

/// Finds the entry that decides on a name: the exact one, otherwise the pattern with the most literal
/// characters.
fn decider<'e>(entries: &'e [Entry], name: &str) -> Option<&'e Entry> {
    let literals = |entry: &Entry| entry.pattern.chars().filter(|char| *char != '*').count();
    entries
        .iter()
        .filter(|entry| matches(entry.pattern.as_bytes(), name.as_bytes()))
        .max_by_key(|entry| (!entry.pattern.contains('*'), literals(entry)))
}

/// Tells whether a policy allows a call after others that were judged by `before`.
fn allows(policy: &Arc<Policy>, before: &Arc<Policy>, history: &[String], asked: &str) -> bool {
    let (store, headers) = (MemoryStore::new(), Headers::default());
    for call in history {
        judge(before, &headers, call.as_bytes(), &store);
    }
    judge(policy, &headers, asked.as_bytes(), &store).is_none()
}

proptest! {
    #![proptest_config(many())]

    /// Under default deny, removing an entry removes what it allowed. What it denied is then decided by the
    /// next matching pattern, if there is one. So more is allowed only if the entry denied what a broader
    /// pattern allows. Under default allow, names without another matching pattern are allowed.
    ///
    /// Both policies judge the same call with the same counters: a removed tool no longer charges its
    /// counters, which leaves more room for tools that share them.
    #[test]
    fn removing_an_entry_allows_more_only_where_a_broader_pattern_or_the_default_allows(
        default in select(vec!["deny", "deny", "allow"]),
        entries in entries("[ab]{1,2}|[ab]{0,2}\\*[ab]{0,1}"),
        out in any::<Index>(),
        history in prop::collection::vec(asked(), 0..6),
        asked in asked(),
    ) {
        let Some(whole) = with_entries(default, &entries) else { return Ok(()) };
        let mut rest = entries.clone();
        let gone = rest.remove(out.index(entries.len()));
        let less = with_entries(default, &rest).expect("removing an entry makes no pattern ambiguous");

        let history: Vec<String> = history.iter().map(|asked| call(&entries, asked).1).collect();
        let (name, asked) = call(&entries, &asked);
        let [before, after] = [&whole, &less].map(|policy| allows(policy, &whole, &history, &asked));
        let decided = decider(&entries, &name).is_some_and(|entry| entry.pattern == gone.pattern);
        let behind = decider(&rest, &name);
        if !decided {
            prop_assert_eq!(before, after, "removing an entry that did not decide changes the verdict");
        } else if behind.is_none() {
            prop_assert_eq!(after, default == "allow", "no other entry matches");
        }
        if after && !before {
            prop_assert!(decided && gone.rule != serde_json::json!({}), "removing an entry that allows everything allows more");
            prop_assert!(behind.is_some() || default == "allow", "no other entry matches");
        }
    }

    #[test]
    fn removing_a_tool_under_default_deny_never_allows_more(
        // Exact names, as in a policy that lists every tool: there are no patterns.
        entries in entries("[ab]{1,2}"),
        out in any::<Index>(),
        history in prop::collection::vec(asked(), 0..6),
        asked in asked(),
    ) {
        let whole = with_entries("deny", &entries).expect("names are never ambiguous");
        let mut rest = entries.clone();
        let gone = rest.remove(out.index(entries.len()));
        let less = with_entries("deny", &rest).expect("names are never ambiguous");
        let history: Vec<String> = history.iter().map(|asked| call(&entries, asked).1).collect();
        let (name, asked) = call(&entries, &asked);
        let [before, after] = [&whole, &less].map(|policy| allows(policy, &whole, &history, &asked));
        prop_assert!(before || !after, "removing `{}` allows more", gone.pattern);
        prop_assert!(!after || name != gone.pattern, "`{}` is allowed without an entry", gone.pattern);
    }
}
