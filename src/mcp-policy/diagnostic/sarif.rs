//! Diagnostics as SARIF 2.1.0, which code scanning reads.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{Diagnostic, Kind, Placed};

/// Returns diagnostics as a SARIF log with one run. `kinds` are all kinds of diagnostics that there are.
pub fn sarif<'d>(
    diagnostics: impl Iterator<Item = Placed<'d>>,
    kinds: impl Iterator<Item = (&'static Kind, &'static str)>,
) -> Value {
    let mut rules = Vec::new();
    let mut numbers = BTreeMap::new();
    for (number, (kind, level)) in kinds.enumerate() {
        numbers.insert(kind.id, number);
        rules.push(rule(kind, level));
    }
    let results: Vec<Value> =
        diagnostics.map(|placed| result(&placed, numbers.get(placed.diagnostic.id).copied())).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mcp-policy",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(kind: &Kind, level: &str) -> Value {
    let help = if kind.explanation.is_empty() { kind.meaning } else { kind.explanation };
    json!({
        "id": kind.id,
        "shortDescription": { "text": kind.meaning },
        "fullDescription": { "text": kind.meaning },
        "help": { "text": help },
        "defaultConfiguration": { "level": level },
    })
}

fn result(placed: &Placed<'_>, rule: Option<usize>) -> Value {
    let Placed { diagnostic, start, end } = placed;
    let Diagnostic { file, severity, id, path, help, .. } = diagnostic;
    // What is wrong around a policy is in none of its parts.
    let logical: Vec<Value> = Some(path)
        .filter(|path| !path.is_empty())
        .map(|path| json!({ "fullyQualifiedName": path }))
        .into_iter()
        .collect();
    let help = help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
    json!({
        "ruleId": id,
        "ruleIndex": rule.map_or(json!(-1), |rule| json!(rule)),
        "level": severity.word(),
        "message": { "text": diagnostic.text() + &help },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": artifact(&file.name),
                "region": {
                    "startLine": start.line,
                    "startColumn": start.column,
                    "endLine": end.line,
                    "endColumn": end.column,
                },
            },
            "logicalLocations": logical,
        }],
    })
}

/// Returns where a file is: relative to the folder in which the program runs, if it is below it.
fn artifact(name: &str) -> Value {
    let folder = std::env::current_dir().ok();
    let below =
        folder.and_then(|folder| Some(Path::new(name).strip_prefix(folder).ok()?.to_str()?.to_owned()));
    let uri = uri(below.as_deref().unwrap_or(name));
    match uri.starts_with("file:") {
        true => json!({ "uri": uri }),
        false => json!({ "uri": uri, "uriBaseId": "%SRCROOT%" }),
    }
}

/// Returns a file's name as a URI reference: relative names stay relative, and what has a meaning in URIs is
/// percent-encoded.
fn uri(name: &str) -> String {
    let name = name.strip_prefix("./").unwrap_or(name);
    let mut out = String::new();
    if name.starts_with('/') {
        out.push_str("file://");
    }
    let first = name.split('/').next().unwrap_or_default().len();
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
        // A colon in the first segment would end a scheme.
        if plain || byte == b':' && at > first {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_becomes_a_uri_reference() {
        for (name, expected) in [
            ("policies/a.json", "policies/a.json"),
            ("./a b.json", "a%20b.json"),
            ("/srv/é#?.json", "file:///srv/%C3%A9%23%3F.json"),
            ("a:b/c:d%.json", "a%3Ab/c:d%25.json"),
            ("stdin", "stdin"),
        ] {
            assert_eq!(uri(name), expected);
        }
    }
}
