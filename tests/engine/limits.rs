//! Limits as rules use them, where the table of decisions cannot: claims, and how many resources a call may
//! name.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{Arrival, FixedEnvironment, Step, Verdict};
use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

const NOW_NS: u64 = 1_800_000_000_000_000_000;

struct Guard {
    policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
}

impl Guard {
    fn new(document: &Value) -> Self {
        let policy = Policy::from_bytes(document.to_string().as_bytes()).unwrap();
        let layout = Layout::new([7; 16], NonZeroU32::new(policy.counter_capacity).unwrap());
        let places = Places::new(layout, policy.counters, policy.grants.len());
        Self { policy: Arc::new(policy), store: MemoryStore::new(), places }
    }

    /// Takes a message of a caller with these claims. Returns the code and the reason of the denial, and the
    /// record.
    fn take(&self, claims: Option<&str>, message: &Value) -> (Option<(&'static str, String)>, Value) {
        let headers = [(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];
        let headers = Headers::from_pairs(headers.iter().map(|(key, value)| (*key, value.as_bytes())), &[]);
        let arrival = Arrival::new(Arc::clone(&self.policy), headers, "0".repeat(32));
        let principal = claims.map(|_| Principal::Jwt("ann".to_owned()));
        let request =
            Rc::new(arrival.of(Caller { principal, claims: claims.map(str::to_owned), ..Caller::default() }));
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns: NOW_NS };
        let Step::Conclude(conclusion) = request.start_case(message.to_string().as_bytes(), &environment)
        else {
            panic!("nobody is asked")
        };
        let denial = match conclusion.verdict {
            Verdict::Forward { .. } => None,
            Verdict::Deny { denial, .. } => Some((denial.code.as_str(), denial.reason)),
        };
        (denial, serde_json::from_str(&conclusion.record).unwrap())
    }

    fn call(&self, claims: Option<&str>) -> Option<(&'static str, String)> {
        let params = json!({ "name": "t", "arguments": { "tenant": "a" } });
        self.take(claims, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })).0
    }
}

fn by(path: &str, scope: &str) -> Guard {
    let limit = json!({ "counter": "c", "window": "day", "max": 1, "by": path, "scope": scope });
    Guard::new(&json!({ "version": "1", "tools": { "t": { "limits": [limit] } } }))
}

#[test]
fn each_value_of_a_claim_has_a_tally() {
    for scope in ["global", "grant", "principal", "session"] {
        let guard = by("claims.org.tenants[0]", scope);
        for (claims, passes) in [
            (r#"{"org":{"tenants":["a","b"]}}"#, true),
            (r#"{"org":{"tenants":["a"]}}"#, false),
            (r#"{"org":{"tenants":["b"]}}"#, true),
            (r#"{"org":{"tenants":[5]}}"#, true),
            (r#"{"org":{"tenants":[5.0]}}"#, false),
            (r#"{"org":{"tenants":["5"]}}"#, false),
        ] {
            let denial = guard.call(Some(claims)).map(|(code, _)| code);
            assert_eq!(denial, (!passes).then_some("rate_limited"), "{scope} {claims}");
        }
    }
}

#[test]
fn a_call_without_the_claim_is_refused_and_charges_nothing() {
    let guard = by("claims.tenant", "grant");
    for claims in [
        None,
        Some("{}"),
        Some(r#"{"tenant":null}"#),
        Some(r#"{"tenant":["a"]}"#),
        Some(r#"{"tenant":1.5}"#),
        Some(r#"{"Tenant":"a"}"#),
        Some(r#"{"tenant":"a","TENANT":"b"}"#),
        Some(r#"{"tenant":"a","tenant":"b"}"#),
        Some("no JSON"),
    ] {
        let (code, reason) = guard.call(claims).unwrap();
        assert_eq!(code, "condition_failed", "{claims:?}");
        assert!(reason.contains("the limit `c` counts by `claims.tenant`"), "{reason}");
        assert!(!reason.contains("no JSON"), "{reason}");
    }
    assert_eq!(guard.call(Some(r#"{"tenant":"a"}"#)), None);
}

#[test]
fn a_claim_and_an_argument_have_tallies_of_their_own() {
    let rule =
        |path: &str, counter: &str| json!({ "counter": counter, "window": "day", "max": 1, "by": path });
    let limits = [rule("claims.tenant", "one"), rule("args.tenant", "two")];
    let guard = Guard::new(&json!({ "version": "1", "tools": { "t": { "limits": limits } } }));
    assert_eq!(guard.call(Some(r#"{"tenant":"a"}"#)), None);
    let (code, reason) = guard.call(Some(r#"{"tenant":"b"}"#)).unwrap();
    assert_eq!(code, "rate_limited");
    assert!(reason.contains("`two`"), "{reason}");
}

#[test]
fn a_subscription_to_many_resources_has_one_entry_for_each_limit_in_its_record() {
    let limit = |counter: &str| json!({ "counter": counter, "window": "day", "max": 2000, "by": "claims.tenant", "scope": "global" });
    let rule = json!({ "limits": [limit("one"), limit("two")] });
    let document = json!({ "version": "1", "resources": { "memo://*": rule }, "tools": {} });
    let guard = Guard::new(&document);
    let uris: Vec<String> = (0..1000).map(|number| format!("memo://x/{number}")).collect();
    let params = json!({ "notifications": { "resourceSubscriptions": uris } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params });
    let claims = format!(r#"{{"tenant":"a","more":"{}"}}"#, "x".repeat(4000));
    for used in [1000, 2000] {
        let (denial, record) = guard.take(Some(&claims), &message);
        assert_eq!(denial, None);
        let expected: Vec<Value> = ["one", "two"].map(|name| json!([name, used])).to_vec();
        let counters = record["counters"].as_array().unwrap();
        let found: Vec<Value> =
            counters.iter().map(|counter| json!([counter["counter"], counter["used"]])).collect();
        assert_eq!(found, expected);
        assert!(record.to_string().len() < 20 * 1024);
    }
    assert_eq!(guard.take(Some(&claims), &message).0.map(|(code, _)| code), Some("rate_limited"));
}
