//! Valid configuration files, and the faults of invalid ones.

use super::*;

/// Reads a configuration. `hook.txt` contains a webhook's URL.
fn read(text: &str) -> Result<Settings, Vec<String>> {
    let file = |path: &str| match path {
        "hook.txt" => Ok("https://hooks.example/T0/secret\n".to_owned()),
        "empty.txt" => Ok(String::new()),
        "tools.json" => Ok(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[
            {"name":"buy","description":"Buys."},{"name":"plain"}]}}"#
            .to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    settings(text, file).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn the_example_file_is_read_completely() {
    let text = include_str!("../../../envoy/approvals/mcp-approvals.toml");
    let list = r#"{"tools":[{"name":"research","description":"Researches."}]}"#;
    let settings = settings(text, |_| Ok(list.to_owned())).unwrap();
    assert_eq!((settings.callers.len(), settings.roles.len(), settings.risks.len()), (2, 3, 3));
    assert!(settings.tls.is_some() && settings.sign_in.proxy.is_some() && !settings.webhooks.is_empty());
    assert_eq!((settings.most_waiting, settings.proxies.len(), settings.people.len()), (Some(200), 1, 1));
    assert_eq!((settings.keep_days, settings.descriptions.len()), (Some(365), 2));
    assert_eq!(
        (settings.quotas, settings.refusals()),
        (Quotas::default(), REFUSALS.to_vec()),
        "the defaults"
    );
}

const COMPLETE: &str = r#"
listen = "0.0.0.0:8443"
most_waiting = 50
keep_days = 90
refusals = ["No."]
database = "postgres://approvals@db/approvals"
url = "https://approvals.example.com/"

[quotas]
open = 7

[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "mesh.pem"

[[callers]]
name = "edge"
token_sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
servers = ["crm", "hr-*"]

[[callers]]
name = "mesh"
certificate = "spiffe://corp/envoy"

[sign_in]
accounts = false
[sign_in.proxy]
header = "x-forwarded-user"
groups_header = "x-forwarded-groups"
trusted = ["127.0.0.1/32", "10.0.0.0/8", "::1"]

[[roles]]
who = ["alice", "group:sre"]
may = "approve"

[[risks]]
tools = ["delete_*"]
class = "destructive"
[[risks]]
servers = ["bank"]
class = "financial"

[[descriptions]]
servers = ["crm"]
tools = ["read"]
text = "Reads."
[[descriptions]]
servers = ["bank"]
file = "tools.json"

[[approvers]]
name = "alice"
principals = ["Alice@corp.example", "agent-of-alice-*"]

[[webhooks]]
url_file = "hook.txt"
"#;

#[test]
fn a_complete_file_is_read() {
    let settings = read(COMPLETE).unwrap();
    assert_eq!(settings.url.as_deref(), Some("https://approvals.example.com"));
    assert!(
        matches!(&settings.callers[0].credential, CallerCredential::Token(hash) if hash.starts_with("ba78"))
    );
    assert!(
        matches_any(&settings.callers[0].servers, "hr-eu")
            && !matches_any(&settings.callers[0].servers, "bank")
    );
    assert!(matches_any(&settings.callers[1].servers, "bank"), "every server by default");
    assert_eq!(settings.webhooks[0].url, "https://hooks.example/T0/secret");
    assert_eq!((settings.keep_days, settings.refusals()), (Some(90), vec!["No."]));
    assert_eq!(settings.quotas, Quotas { open: 7, ..Quotas::default() });
    for (server, tool, description) in [
        ("crm", "read", Some("Reads.")),
        ("crm", "buy", None),
        ("bank", "buy", Some("Buys.")),
        ("bank", "plain", None),
        ("bank", "read", None),
    ] {
        assert_eq!(settings.description(server, tool), description, "{server} {tool}");
    }
    for (server, tool, class) in [
        ("bank", "delete_account", "destructive"),
        ("bank", "pay", "financial"),
        ("crm", "read", "unclassified"),
    ] {
        assert_eq!(settings.risk(server, tool), class, "{server} {tool}");
    }
}

#[test]
fn an_empty_file_is_valid() {
    let settings = read("").unwrap();
    assert!(settings.sign_in.accounts && settings.callers.is_empty() && settings.listen.is_none());
    assert_eq!((settings.keep_days, settings.refusals()), (None, REFUSALS.to_vec()));
    assert_eq!((settings.class("crm", "read"), settings.risk("crm", "read")), (None, "unclassified"));
}

/// Invalid files, and all of their faults.
const INVALID: &[(&str, &[&str])] = &[
    ("proxies = [\"a\"]", &["proxies[0]: must be an address such as `10.0.0.7` or `10.0.0.0/8`"]),
    ("most_waiting = 0", &["most_waiting: must be an integer of 1 or more, found an integer"]),
    ("most_waiting = \"9\"", &["most_waiting: must be an integer of 1 or more, found a string"]),
    ("keep_days = 0", &["keep_days: must be an integer of 1 or more, found an integer"]),
    (
        "[quotas]\nopen = 0\nper_day = 1",
        &[
            "quotas.open: must be an integer of 1 or more, found an integer",
            "quotas.per_day: unknown key, expected `open`, `new_per_minute` or `megabytes_per_hour`",
        ],
    ),
    ("refusals = [7]", &["refusals[0]: must be a non-empty string, found an integer"]),
    (
        "[[descriptions]]\ntools = [\"x\"]",
        &["descriptions[0].text: a description must have either `text` or `file`"],
    ),
    (
        "[[descriptions]]\nfile = \"tools.json\"\ntools = [\"x\"]",
        &["descriptions[0].tools: must be absent: the file names its tools"],
    ),
    ("[[descriptions]]\nfile = \"no.txt\"", &["descriptions[0].file: cannot be read: entity not found"]),
    ("[[descriptions]]\nfile = \"hook.txt\"", &["descriptions[0].file: is not JSON: "]),
    ("listen = 8090", &["listen: must be a non-empty string, found an integer"]),
    (
        "lisen = \"x\"",
        &[
            "lisen: unknown key, expected `tls`, `listen`, `database`, `url`, `proxies`, `most_waiting`, `keep_days`, `quotas`, `callers`, `sign_in`, `roles`, `risks`, `descriptions`, `refusals`, `approvers` or `webhooks`",
        ],
    ),
    ("url = \"approvals.example.com\"", &["url: must be a URL such as `https://approvals.example.com`"]),
    ("url = \"https://a@b\"", &["url: must be a URL such as `https://approvals.example.com`"]),
    (
        "[callers]\nname = \"x\"",
        &["callers: must be a list of tables, each under `[[callers]]`, found a table"],
    ),
    (
        "[[callers]]\ntoken_sha256 = \"hunter2\"\nserver = [\"x\"]",
        &[
            "callers[0].name: is missing, must be a non-empty string",
            "callers[0].token_sha256: must be 64 hex digits, the SHA-256 of the token",
            "callers[0].server: unknown key, expected `name`, `token_sha256`, `certificate` or `servers`",
        ],
    ),
    (
        "[[callers]]\nname = \"x\"",
        &["callers[0].token_sha256: a caller must have either `token_sha256` or `certificate`"],
    ),
    (
        "[[callers]]\nname = \"x\"\ncertificate = \"spiffe://x\"",
        &["callers[0].certificate: needs `tls.client_ca`, the authorities that sign callers' certificates"],
    ),
    ("[tls]\nkey = \"k\"", &["tls.certificate: is missing, must be a non-empty string"]),
    ("[sign_in]\naccounts = false", &["sign_in.accounts: must be `true` without a `[sign_in.proxy]`"]),
    ("[sign_in]\naccounts = \"no\"", &["sign_in.accounts: must be `true` or `false`, found a string"]),
    (
        "[sign_in.proxy]\nheader = \"x user\"\ntrusted = [\"10.0.0.0/33\", \"\", \"proxy\"]",
        &[
            "sign_in.proxy.header: must be the name of a header, such as `x-forwarded-user`",
            "sign_in.proxy.trusted[1]: must be a non-empty string, found an empty string",
            "sign_in.proxy.trusted[0]: must be an address such as `10.0.0.7` or `10.0.0.0/8`",
            "sign_in.proxy.trusted[1]: must be an address such as `10.0.0.7` or `10.0.0.0/8`",
        ],
    ),
    (
        "[sign_in.proxy]\nheader = \"x-user\"",
        &["sign_in.proxy.trusted: must list the addresses of the proxy, such as `10.0.0.0/8`"],
    ),
    (
        "[[roles]]\nmay = \"everything\"\nservers = \"crm\"",
        &[
            "roles[0].who: must list names, or groups as `group:NAME`",
            "roles[0].may: must be `approve` or `view`",
            "roles[0].servers: must be a list of strings, found a string",
        ],
    ),
    (
        "[[risks]]\ntools = [7]",
        &[
            "risks[0].tools[0]: must be a non-empty string, found an integer",
            "risks[0].class: is missing, must be a non-empty string",
        ],
    ),
    (
        "[[approvers]]\nname = \"a\"",
        &["approvers[0].principals: must list patterns of this person's principals"],
    ),
    ("[[webhooks]]", &["webhooks[0].url: a webhook must have either `url` or `url_file`"]),
    (
        "[[webhooks]]\nurl = \"hooks.example\"",
        &["webhooks[0].url: must be a URL that starts with `https://` or `http://`"],
    ),
    ("[[webhooks]]\nurl_file = \"no.txt\"", &["webhooks[0].url_file: cannot be read: entity not found"]),
    (
        "[[webhooks]]\nurl_file = \"empty.txt\"",
        &["webhooks[0].url_file: must be a URL that starts with `https://` or `http://`"],
    ),
];

#[test]
fn every_fault_is_reported_with_a_correction() {
    for (text, faults) in INVALID {
        let found = read(text).err().unwrap_or_default();
        let same = found.iter().zip(*faults).all(|(found, fault)| found.starts_with(fault));
        assert!(same && found.len() == faults.len(), "{text}: {found:?}");
    }
    let found = read("listen = \"a\"\ndatabase = hunter2\n").err().unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("line[2]: not valid TOML: ") && !found[0].contains("hunter2"), "{found:?}");
}

#[test]
fn a_network_contains_the_addresses_with_its_prefix() {
    for (network, address, contains) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("127.0.0.1/32", "::ffff:127.0.0.1", true),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "2001:db8::1", true),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
    ] {
        let parsed = Network::from_text(network).unwrap();
        assert_eq!(parsed.contains(address.parse().unwrap()), contains, "{network} {address}");
    }
    for text in ["", "10.0.0.0/33", "10.0.0.0/-1", "::1/129", "host", "10.0.0/8"] {
        assert_eq!(Network::from_text(text), None, "{text}");
    }
}
