//! The documentation names the keys of the tables, and the codes of denials.

use std::collections::BTreeSet;

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::policy::keys;

/// Returns the names in the first column of a page's table with this header, and the names of required keys.
fn told(page: &str, head: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table `{head}`"));
    let (mut all, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for row in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        for name in cells[0].split('`').skip(1).step_by(2) {
            assert!(all.insert(name.to_owned()), "`{name}` appears twice");
            if cells.last().unwrap().trim() == "refused" {
                refused.insert(name.to_owned());
            }
        }
    }
    (all, refused)
}

#[test]
fn the_documentation_names_exactly_the_keys_of_the_tables() {
    let policy = include_str!("../../../docs/policy.md");
    let conditions = include_str!("../../../docs/conditions.md");
    let identity = include_str!("../../../docs/identity.md");
    let approvals = include_str!("../../../docs/approvals.md");
    let limits = include_str!("../../../docs/limits.md");
    for (text, head, table) in [
        (policy, "\n| key | meaning | when absent |\n", &keys::DOCUMENT),
        (identity, "\n| key | meaning | when absent |\n", &keys::GRANT),
        (approvals, "\n| key of `approvals` | meaning | when absent |\n", &keys::APPROVALS),
        (policy, "\n| key of a rule | meaning | when absent |\n", &keys::RULE),
        (limits, "\n| key of a limit | meaning | when absent |\n", &keys::LIMIT),
        (limits, "\n| key of `shared_limits` | meaning | when absent |\n", &keys::SHARED_LIMITS),
    ] {
        let names = |required: bool| -> BTreeSet<String> {
            let keys = table.keys.iter().filter(|key| key.required || !required);
            keys.map(|key| key.name.to_owned()).collect()
        };
        assert_eq!(told(text, head), (names(false), names(true)), "{table:?}");
    }
    let pages = [policy, conditions, identity, approvals, limits].concat();
    for (table, _) in keys::OBJECTS {
        for key in table.keys {
            let told = [format!("`{}`", key.name), format!("\"{}\"", key.name)];
            assert!(told.iter().any(|told| pages.contains(told)), "{table:?} {}", key.name);
        }
    }
}

#[test]
fn the_documentation_names_exactly_the_codes_of_denials() {
    let (names, _) = told(include_str!("../../../docs/clients.md"), "\n| code | why | what helps |\n");
    assert_eq!(names, Code::ALL.map(|code| code.as_str().to_owned()).into());
}
