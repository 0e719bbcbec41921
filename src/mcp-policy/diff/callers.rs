//! Which grant callers had, and which they get.

use std::collections::BTreeSet;

use mcp_policy_engine::policy::Grant;

use super::side::Side;
use crate::input::{Node, Value};

/// Callers who had one grant and get another; `None` is no grant. In a policy without grants nobody has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The number of the grant that they had
    pub old: Option<usize>,
    /// The number of the grant that they get
    pub new: Option<usize>,
}

/// What `"match": "any"` stands for. Every caller fits it.
const ANY: &str = "any";

/// Returns what callers can have had and get. One source names a caller, so it fits descriptions of one kind, any of which
/// can be combined: a move may be among them that nobody makes.
pub fn moves(old: &Side, new: &Side) -> Vec<Moved> {
    let (old_grants, new_grants) = (grants(old), grants(new));
    let mut found = BTreeSet::new();
    let mut kinds: BTreeSet<String> =
        old_grants.iter().chain(&new_grants).flatten().map(|atom| kind(atom)).collect();
    kinds.extend([ANY.to_owned(), "none of these".to_owned()]);
    for kind_of_caller in kinds {
        let of_kind = |grants: &[BTreeSet<String>]| -> Vec<BTreeSet<String>> {
            let fits = |atom: &&String| kind(atom) == ANY || kind(atom) == kind_of_caller;
            grants.iter().map(|atoms| atoms.iter().filter(fits).cloned().collect()).collect()
        };
        let (old_grants, new_grants) = (of_kind(&old_grants), of_kind(&new_grants));
        for from in numbers(&old_grants) {
            for to in numbers(&new_grants) {
                if is_possible(&old_grants, from, &new_grants, to) {
                    found.insert(Moved { old: from, new: to });
                }
            }
        }
    }
    // Callers without an identity are refused where there are grants. If there are no sources, `any` fits them.
    if !old_grants.is_empty() && new_grants.is_empty() && !old.policy.identity.is_empty() {
        found.insert(Moved { old: None, new: None });
    }
    // A key is verified if a grant lists it. Then it has what every caller has.
    let listed: BTreeSet<String> = old_grants.iter().flatten().filter_map(|atom| key(atom)).collect();
    let is_new = |atom: &&String| key(atom).is_some_and(|key| !listed.contains(&key));
    if !old_grants.is_empty() && new_grants.iter().flatten().any(|atom| is_new(&atom)) {
        let for_keys = |atom: &String| kind(atom) == ANY || is_new(&atom);
        let open = new_grants.iter().enumerate().filter(|(_, atoms)| atoms.iter().any(for_keys));
        found.extend(open.map(|(number, _)| Moved { old: None, new: Some(number) }));
    }
    found.into_iter().collect()
}

/// Returns of which kind a caller is that fits a description: the word, or for a key its digest. `any` and a source by
/// itself fit callers of every kind.
fn kind(atom: &str) -> String {
    let members = members(atom);
    let has = |key: &&str| members.iter().any(|(known, _)| known == key);
    match key(atom) {
        Some(key) => key,
        None if ["jwt", "claim", "scope"].iter().any(has) => "token".to_owned(),
        None => ["mtls", "header", "attribute"].into_iter().find(has).unwrap_or(ANY).to_owned(),
    }
}

/// Returns the digest of the key that a description names. The same key can stand in several descriptions: with a source
/// and without, in upper case and in lower case.
fn key(atom: &str) -> Option<String> {
    let (_, digest) = members(atom).into_iter().find(|(key, _)| key == "api_key_sha256")?;
    digest.text().map(str::to_ascii_lowercase)
}

fn members(atom: &str) -> Vec<(String, Node)> {
    match Node::of_json(atom).map(|node| node.value) {
        Some(Value::Object(members)) => members.into_iter().map(|(key, _, node)| (key, node)).collect(),
        _ => Vec::new(),
    }
}

fn numbers(grants: &[BTreeSet<String>]) -> impl Iterator<Item = Option<usize>> {
    (0..grants.len()).map(Some).chain([None])
}

/// Returns the descriptions of each grant, as canonical text.
fn grants(side: &Side) -> Vec<BTreeSet<String>> {
    let atoms = |grant: &Grant| match side.grant(grant).and_then(|node| node.member("match")) {
        Some(node) => match &node.value {
            Value::List(list) => list.iter().map(|node| side.canonical(node)).collect(),
            _ => BTreeSet::from([ANY.to_owned()]),
        },
        None => BTreeSet::new(),
    };
    side.policy.grants.iter().map(atoms).collect()
}

/// Returns whether a caller can fit descriptions so that it had the one grant and gets the other.
fn is_possible(
    old: &[BTreeSet<String>],
    from: Option<usize>,
    new: &[BTreeSet<String>],
    to: Option<usize>,
) -> bool {
    // Grants that come earlier would have applied.
    let earlier = |grants: &[BTreeSet<String>], number: Option<usize>| {
        let count = number.unwrap_or(grants.len());
        grants.iter().take(count).flatten().cloned().collect::<BTreeSet<_>>()
    };
    let excluded: BTreeSet<String> = earlier(old, from).union(&earlier(new, to)).cloned().collect();
    let can_fit = |grants: &[BTreeSet<String>], number: Option<usize>| {
        number.is_none_or(|number| grants.get(number).is_some_and(|atoms| !atoms.is_subset(&excluded)))
    };
    let is_somebody = from.is_some() || to.is_some() || old.is_empty() || new.is_empty();
    is_somebody && !excluded.contains(ANY) && can_fit(old, from) && can_fit(new, to)
}

/// Returns whom a move concerns, in words.
pub fn words(moved: Moved, old: &Side, new: &Side) -> String {
    let had_grants = !old.policy.grants.is_empty();
    let has_grants = !new.policy.grants.is_empty();
    match (moved.old.map(|_| old.grant_name(moved.old)), moved.new.map(|_| new.grant_name(moved.new))) {
        (Some(from), Some(to)) if from == to => format!("grant `{to}`"),
        (Some(from), Some(to)) => format!("callers of `{from}` who get `{to}`"),
        (Some(from), None) if has_grants => format!("callers of `{from}` who get no grant"),
        (Some(from), None) => format!("grant `{from}`"),
        (None, Some(to)) if had_grants => format!("callers without a grant who get `{to}`"),
        (None, Some(to)) => format!("grant `{to}`"),
        (None, None) if had_grants || has_grants => "callers without a grant".to_owned(),
        (None, None) => "every caller".to_owned(),
    }
}
