//! Lists of resources and verdicts on them agree.

use std::sync::Arc;

use mcp_policy_engine::decide::{Lists, decide};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::list::ListKind;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn policy(document: &Value) -> Arc<Policy> {
    let read = Policy::from_bytes(document.to_string().as_bytes());
    read.map(Arc::new).map_err(|faults| panic!("{document}\n{faults}")).unwrap()
}

/// Tells whether a read of this URI is allowed.
fn reads(policy: &Policy, uri: &str) -> bool {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
    let body = body.to_string();
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).map_err(|_| ()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{body}") };
    decide(policy, &Caller::default(), call, &|| None).denial.is_none()
}

fn lists(policy: &Policy, uri: &str) -> bool {
    Lists::new(policy, &Caller::default(), &|| None).shows(ListKind::Resources, uri)
}

fn lists_template(policy: &Policy, template: &str) -> bool {
    Lists::new(policy, &Caller::default(), &|| None).shows(ListKind::ResourceTemplates, template)
}

/// Pieces of which a name with the meaning of a URI is made.
const STARTS: [&str; 11] = [
    "secret://",
    "memo://a",
    "memo://A",
    "file://",
    "file:///",
    "FILE:///",
    "https://a.example",
    "https://A.example",
    "http://127.0.0.1",
    "http://0x7f.1",
    "",
];
const ENDS: [&str; 12] =
    ["", "/", "/a", "/a/b", "//b", "/../b", "/a b", "/a%2Fb", "/%61", "/%C3%84", "/a#x", "/a?x"];

fn uri() -> impl Strategy<Value = String> {
    (select(STARTS.to_vec()), select(ENDS.to_vec())).prop_map(|(start, end)| [start, end].concat())
}

fn document() -> impl Strategy<Value = Value> {
    let pattern = prop_oneof![
        (select(STARTS.to_vec()), select(vec!["*", "/a*", "/a/*", "*/b", "*b"])).prop_map(|(start, end)| {
            // A pattern cannot fit a URI that has an obstacle.
            let start =
                if ["FILE:///", "https://A.example", "http://0x7f.1"].contains(&start) { "" } else { start };
            [start, end].concat()
        }),
        uri().prop_filter("an entry has a name", |uri| !uri.is_empty()),
    ];
    let rule =
        select(vec![json!({}), json!({"action": "deny"}), json!({"action": "deny", "mode": "shadow"})]);
    let entries = prop::collection::btree_map(pattern, rule, 0..5);
    (entries, select(vec!["allow", "deny"]))
        .prop_map(|(entries, default)| json!({"version": "1", "default": default, "resources": entries}))
        .prop_filter("neither of two patterns decides", |document| {
            Policy::from_bytes(document.to_string().as_bytes()).is_ok()
        })
}

/// A URI in the spelling that a policy's author would choose.
fn normal() -> impl Strategy<Value = String> {
    let start =
        select(vec!["secret://", "memo://host/", "https://a.example/", "http://127.0.0.1:81/", "file:///"]);
    let path = prop::collection::vec("[a-zA-Z0-9._~-]{1,3}|ä|%20|,", 1..4).prop_map(|path| path.join("/"));
    (start, path)
        .prop_map(|(start, path)| [start, &path].concat())
        .prop_filter("a dot segment leads elsewhere", |uri| {
            !uri.split('/').any(|part| part == "." || part == "..")
        })
}

/// Ways to write a URI that servers may take for the same one.
#[derive(Debug, Clone, Copy)]
enum Way {
    Scheme,
    Host,
    Path,
    /// Encodes the character at this place behind the host
    Encoded(usize),
    /// Appends something
    Longer(&'static str),
    /// Writes this in place of the first slash behind the host
    Slash(&'static str),
    DotBehindHost,
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let way = prop_oneof![
        Just(Way::Scheme),
        Just(Way::Host),
        Just(Way::Path),
        (0..12_usize).prop_map(Way::Encoded),
        select(vec!["/", "?", "?x=1", "#", "#x", "?x#y"]).prop_map(Way::Longer),
        select(vec!["/./", "//", "/x/../", "\\", "/%2E/", "%2F"]).prop_map(Way::Slash),
        Just(Way::DotBehindHost),
    ];
    prop::collection::vec(way, 0..4)
}

impl Way {
    fn write(self, uri: &str) -> String {
        let (scheme, rest) = uri.split_once("://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        match self {
            Self::Scheme => [&scheme.to_uppercase(), "://", rest].concat(),
            Self::Host => [scheme, "://", &host.to_ascii_uppercase(), path].concat(),
            Self::Path => [scheme, "://", host, &path.to_ascii_uppercase()].concat(),
            // What follows a `%` is no character of its own, and a slash separates.
            Self::Encoded(at) => match path.char_indices().nth(at) {
                Some((at, char)) if !"/%?#".contains(char) && !path[..at].ends_with('%') => {
                    let [before, behind] = [&path[..at], &path[at + char.len_utf8()..]];
                    let mut bytes = [0; 4];
                    let code: String =
                        char.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02x}")).collect();
                    [scheme, "://", host, before, &code, behind].concat()
                }
                _ => uri.to_owned(),
            },
            Self::Longer(end) => [uri, end].concat(),
            Self::Slash(slash) => [scheme, "://", host, &path.replacen('/', slash, 1)].concat(),
            Self::DotBehindHost if scheme == "https" => [scheme, "://", host, ".", path].concat(),
            Self::DotBehindHost => uri.to_owned(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_shows_exactly_the_resources_that_can_be_read(document in document(), uri in uri()) {
        let policy = policy(&document);
        prop_assert_eq!(lists(&policy, &uri), reads(&policy, &uri), "{} {}", document, uri);
    }

    #[test]
    fn a_denied_resource_cannot_be_read_in_another_spelling(
        uri in normal(),
        ways in ways(),
        deny in select(vec!["", "*", "cut"]),
        default in select(vec![json!({}), json!({"*": {}})]),
    ) {
        let spelled = ways.iter().fold(uri.clone(), |uri, way| way.write(&uri));
        let entry = match deny {
            "cut" => [&uri[..=uri.rfind('/').unwrap()], "*"].concat(),
            end => [&uri, end].concat(),
        };
        let mut resources = default;
        resources[&entry] = json!({"action": "deny"});
        let policy = policy(&json!({"version": "1", "default": "allow", "resources": resources}));
        prop_assert!(!reads(&policy, &uri), "{}", entry);
        prop_assert!(!reads(&policy, &spelled), "{} {} {:?}", entry, spelled, ways);
    }

    #[test]
    fn a_template_that_can_lead_to_a_readable_resource_is_shown(
        document in document(),
        start in uri(),
        end in select(ENDS.to_vec()),
    ) {
        let policy = policy(&document);
        let shown = lists_template(&policy, &format!("{start}{{+path}}"));
        prop_assert!(shown || !reads(&policy, &[&start, end].concat()), "{} {}{}", document, start, end);
    }
}

#[test]
fn a_template_that_leads_only_to_denied_resources_is_hidden() {
    for (document, template, shown) in [
        (json!({"secret://*": {"action": "deny"}, "*": {}}), "secret://payroll/{id}", false),
        (json!({"secret://*": {"action": "deny"}, "*": {}}), "memo://{id}", true),
        (json!({"secret://*": {"action": "deny"}, "*": {}}), "{scheme}://x", true),
        (json!({"secret://*": {"action": "deny"}, "secret://payroll/1": {}}), "secret://payroll/{id}", true),
        (json!({"secret://*": {"action": "deny"}, "secret://payroll/p*": {}}), "secret://payroll/{id}", true),
        (json!({"secret://*": {"action": "deny"}, "*/public": {}}), "secret://payroll/{id}", false),
        (json!({"secret://*": {"action": "deny"}, "*/a/long/public": {}}), "secret://payroll/{id}", true),
        (json!({"secret://*": {"action": "deny", "mode": "shadow"}}), "secret://payroll/{id}", true),
        (json!({"*payroll*": {"action": "deny"}, "secret://*": {}}), "secret://payroll/{id}", true),
        (json!({"*//payroll/*": {"action": "deny"}, "secret*": {}}), "secret://payroll/{id}", false),
        (json!({"memo://*": {}}), "secret://payroll/{id}", false),
        (json!({"memo://*": {}}), "memo://{id}", true),
        (json!({"memo://*": {}}), "memo://{id}/../x", true),
        (json!({"memo://*": {}}), "memo://a/../{id}", false),
        (json!({"file:///*": {}}), "file://{path}", true),
        (json!({"file:///*": {}}), "FILE:///{path}", false),
        (json!({}), "secret://payroll/{id}", false),
        (json!({"db://t/*": {"action": "deny"}, "db://*": {}}), "db://T/{x}", false),
        (json!({"db://t/*": {"action": "deny"}, "db://*": {}}), "db://%54/{x}", false),
        (json!({"db://t/*": {"action": "deny"}, "db://*": {}}), "db://U/{x}", true),
        (json!({"db://t/*": {"action": "deny"}, "db://*": {}}), "db://T{x}", true),
        (json!({"db://t/*": {"action": "deny"}, "db://T/*": {}}), "db://T/{x}", false),
        (json!({"db://t/*": {"action": "deny"}, "db://T/pub*": {}}), "db://T/{x}", true),
        (json!({"db://t/*": {"action": "deny"}, "db://t/pub*": {}, "db://*": {}}), "db://T/{x}", true),
        (json!({"db://t/*": {"action": "deny"}, "db://t/pub": {}, "db://*": {}}), "db://T/{x}", true),
        (json!({"https://*.corp.example/docs/*": {}}), "https://evil.test/{q}", false),
        (json!({"https://*.corp.example/docs/*": {}}), "https://a.corp.example/{q}", true),
        (json!({"https://*.corp.example/docs/*": {}}), "https://{host}/docs", true),
        (json!({"*.corp.example/docs/*": {}}), "https://evil.test/{q}", false),
    ] {
        let policy = policy(&json!({"version": "1", "resources": document}));
        assert_eq!(lists_template(&policy, template), shown, "{document} {template}");
    }
    for (document, shown) in [
        (json!({"version": "1", "default": "allow"}), true),
        (json!({"version": "1", "default": "allow", "resources": {"secret://*": {"action": "deny"}}}), false),
        (json!({"version": "1", "default": "allow", "resources": {"secret://p": {"action": "deny"}}}), true),
        (json!({"version": "1", "mode": "shadow"}), true),
    ] {
        assert_eq!(lists_template(&policy(&document), "secret://payroll/{id}"), shown, "{document}");
    }
}
