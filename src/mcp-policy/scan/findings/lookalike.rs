//! Names of two tools that a person or a model takes for one.

use std::collections::BTreeMap;

use unicode_security::confusable_detection::skeleton;

use super::{Finding, Severity, Target, escape};
use crate::scan::offer::Offer;

/// Adds a finding for each tool whose name another tool has almost.
pub fn find(offer: &Offer, findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut spelled: BTreeMap<String, &str> = BTreeMap::new();
    for tool in &offer.tools {
        let name = tool.name.as_str();
        let looks: String = skeleton(name).collect();
        let plain: String =
            name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let message = match (seen.get(&looks), spelled.get(&plain)) {
            (Some(&other), _) if other == name => Some("is listed twice".to_owned()),
            (Some(other), _) => Some(format!("looks like the name `{}` of another tool", escape(other))),
            (None, Some(other)) => Some(format!(
                "differs from the name `{}` of another tool only in case and signs",
                escape(other)
            )),
            (None, None) => None,
        };
        seen.entry(looks).or_insert(name);
        spelled.entry(plain).or_insert(name);
        if let Some(message) = message {
            findings.push(Finding {
                severity: Severity::High,
                id: "look-alike-name",
                target: Target::Tool(name.to_owned()),
                place: "name".to_owned(),
                message,
                excerpt: Some(name.escape_default().to_string()),
            });
        } else if name.chars().any(imitates_ascii) {
            findings.push(Finding {
                severity: Severity::High,
                id: "look-alike-name",
                target: Target::Tool(name.to_owned()),
                place: "name".to_owned(),
                message: "has a character that looks like an ASCII letter and is not".to_owned(),
                excerpt: Some(name.escape_default().to_string()),
            });
        }
    }
}

/// Returns a name with ASCII characters in place of those that look like them.
pub fn in_ascii(name: &str) -> String {
    let mut found = String::with_capacity(name.len());
    for char in name.chars() {
        let text = char.to_string();
        // An `m` of another script looks like `rn`, as that of ASCII does.
        match skeleton(&text).collect::<String>() {
            looks if char.is_ascii() || !looks.is_ascii() || looks.is_empty() => found.push(char),
            looks if looks == "rn" => found.push('m'),
            looks => found.push_str(&looks),
        }
    }
    found
}

/// Returns whether a character looks like one of ASCII and is none. Characters that show nothing are told elsewhere.
fn imitates_ascii(char: char) -> bool {
    let text = char.to_string();
    let mut alike = skeleton(&text).peekable();
    !char.is_ascii() && alike.peek().is_some() && alike.all(|like| like.is_ascii())
}
