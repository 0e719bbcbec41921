//! What a record tells about a caller's claims.
//!
//! A hashed claim is known if it is one of the values that the policy compares claims with: their hashes are known.
//! Any other is only known to be none of these, and the same as another with the same hash.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use mcp_policy_engine::audit::{HASHED, hashed_claim};
use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Clause, Expected, Policy, ReadClaim, Scalar, Test};
use serde_json::value::RawValue;

/// How many different sets of claims are kept.
const MOST_KEPT: usize = 16_384;

/// A caller's claims, as far as they are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// A token with these claims, as JSON
    pub token: String,
    /// The claims that are not recorded, by their names
    pub unrecorded: HashSet<String>,
    /// The claims of which only the hash is known, by their names
    pub hashed: HashSet<String>,
}

/// The claims of all callers.
pub struct Book {
    read: Vec<ReadClaim>,
    /// The JSON text of each known value, by its hash
    values: HashMap<String, String>,
    kept: HashMap<String, Rc<Claims>>,
}

impl Book {
    /// Makes the book of a policy.
    pub fn of(policy: &Policy) -> Self {
        let mut values = HashMap::new();
        let mut know = |scalar: &Scalar| {
            for text in forms(scalar) {
                values.insert(hash(&text), text);
            }
        };
        let clauses = policy.all_rules().flat_map(|rule| rule.clauses());
        for condition in clauses.flat_map(Clause::conditions) {
            match &condition.test {
                Test::OneOf(scalars) | Test::NoneOf(scalars) => scalars.iter().for_each(&mut know),
                Test::Contains(scalar) | Test::NotContains(scalar) => know(scalar),
                _ => {}
            }
        }
        for token in policy.grants.tokens() {
            for (_, expected) in &token.claims {
                match expected {
                    Expected::Text(pattern) => know(&Scalar::Text(pattern.as_str().to_owned())),
                    Expected::Number(number) => know(&Scalar::Number(number.clone())),
                    Expected::Bool(flag) => know(&Scalar::Bool(*flag)),
                }
            }
            token.scope.iter().for_each(|word| know(&Scalar::Text(word.clone())));
        }
        Self { read: policy.claims.clone(), values, kept: HashMap::new() }
    }

    /// Reads the claims of a record.
    pub fn claims(&mut self, recorded: Option<&RawValue>) -> Rc<Claims> {
        let text = recorded.map_or("null", RawValue::get);
        if let Some(kept) = self.kept.get(text) {
            return Rc::clone(kept);
        }
        let claims = Rc::new(self.rebuild(text));
        if self.kept.len() >= MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(text.to_owned(), Rc::clone(&claims));
        claims
    }

    fn rebuild(&self, recorded: &str) -> Claims {
        let recorded: BTreeMap<String, &RawValue> = serde_json::from_str(recorded).unwrap_or_default();
        let mut claims = Claims::default();
        let mut root = Tree::default();
        for claim in &self.read {
            let Some(value) = recorded.get(&claim.name) else {
                claims.unrecorded.insert(claim.name.clone());
                continue;
            };
            let mut known = true;
            let value = self.value(value.get(), &mut known);
            if !known {
                claims.hashed.insert(claim.name.clone());
            }
            if value != "null" && !root.add(&claim.keys, value) {
                claims.unrecorded.insert(claim.name.clone());
            }
        }
        root.write(&mut claims.token);
        claims
    }

    /// Returns the JSON text of a recorded value. Sets `known` to false if only its hash is known.
    fn value(&self, recorded: &str, known: &mut bool) -> String {
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(recorded) {
            let elements: Vec<String> =
                elements.iter().map(|element| self.value(element.get(), known)).collect();
            return format!("[{}]", elements.join(","));
        }
        let text = match serde_json::from_str::<String>(recorded) {
            Ok(text) if text.starts_with(HASHED) => text,
            _ => return recorded.to_owned(),
        };
        if let Some(value) = self.values.get(&text) {
            return value.clone();
        }
        // Words with spaces between them, each with its own hash. A word that is not known is none that the policy names.
        let words = text.split(' ').map(|word| match self.values.get(word) {
            Some(value) => serde_json::from_str(value).unwrap_or_else(|_| word.to_owned()),
            None => word.to_owned(),
        });
        *known = false;
        quote(&words.collect::<Vec<_>>().join(" "))
    }
}

/// Returns the JSON texts of the values that servers could take for this one.
fn forms(scalar: &Scalar) -> Vec<String> {
    match scalar {
        Scalar::Text(text) => {
            let bare = serde_json::from_str::<serde_json::Value>(text);
            let bare =
                bare.ok().filter(|value| value.is_number() || value.is_boolean()).map(|_| text.clone());
            std::iter::once(quote(text)).chain(bare).collect()
        }
        Scalar::Number(number) => vec![number.clone(), quote(number)],
        Scalar::Bool(flag) => vec![flag.to_string(), quote(&flag.to_string())],
    }
}

fn hash(text: &str) -> String {
    match json::read(text.as_bytes()) {
        Ok(document) => hashed_claim(&json::canonical::Canonical::of(document.root()).into_text()),
        Err(_) => String::new(),
    }
}

fn quote(text: &str) -> String {
    let mut out = String::new();
    json::quote(&mut out, text);
    out
}

/// A token under construction.
#[derive(Debug, Default)]
struct Tree {
    members: BTreeMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    Value(String),
    Object(Tree),
}

impl Tree {
    /// Adds a value; false if another claim is a part of this one, or this one a part of another.
    fn add(&mut self, keys: &[String], value: String) -> bool {
        match keys {
            [] => false,
            [key] => self.members.insert(key.clone(), Node::Value(value)).is_none(),
            [key, below @ ..] => {
                match self.members.entry(key.clone()).or_insert_with(|| Node::Object(Self::default())) {
                    Node::Object(tree) => tree.add(below, value),
                    Node::Value(_) => false,
                }
            }
        }
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (index, (key, node)) in self.members.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            json::quote(out, key);
            out.push(':');
            match node {
                Node::Value(value) => out.push_str(value),
                Node::Object(tree) => tree.write(out),
            }
        }
        out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_known_by_their_hashes_as_far_as_the_policy_names_them() {
        let policy = br#"{"version":"1","identity":[{"jwt":{"payload":"p"}}],"grants":[{"name":"g","match":[
            {"claim":{"team":"sre","realm.roles[*]":"ops"},"scope":["mcp:run"]}]}],
            "tools":{"t":{"require":[{"path":"claims.level","op":"eq","value":3}],"limits":[{"counter":"c","window":60,"max":1,"by":"claims.tenant"}]}}}"#;
        let policy = Policy::from_bytes(policy).unwrap();
        let mut book = Book::of(&policy);
        let h = |value: &str| hash(value);
        let recorded = format!(
            r#"{{"level":"{}","realm.roles":["{}","{}"],"scope":"{} {}","scp":null,"team":"{}"}}"#,
            h("3"),
            h(r#""ops""#),
            h(r#""dev""#),
            h(r#""mcp:run""#),
            h(r#""x""#),
            h(r#""sre""#),
        );
        let recorded = RawValue::from_string(recorded).unwrap();
        let claims = book.claims(Some(&recorded));
        let token = format!(
            r#"{{"level":3,"realm":{{"roles":["ops","{}"]}},"scope":"mcp:run {}","team":"sre"}}"#,
            h(r#""dev""#),
            h(r#""x""#),
        );
        assert_eq!(claims.token, token);
        let names = |set: &HashSet<String>| {
            let mut names: Vec<_> = set.iter().cloned().collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(
            (names(&claims.hashed), names(&claims.unrecorded)),
            ("realm.roles scope".into(), "tenant".into())
        );
        assert_eq!(names(&book.claims(None).unrecorded), "level realm.roles scope scp team tenant");
    }
}
