//! Keys and passwords that should not stand in a definition.

use std::sync::LazyLock;

use regex::Regex;

use super::texts::Text;
use super::{Finding, Severity};

/// Formats of keys, and whose they are.
const FORMATS: [(&str, &str); 12] = [
    (r"\bAKIA[0-9A-Z]{16}\b", "an access key of AWS"),
    (r"\bgh[pousr]_[A-Za-z0-9]{36,}\b", "a token of GitHub"),
    (r"\bgithub_pat_[A-Za-z0-9_]{50,}\b", "a token of GitHub"),
    (r"\bglpat-[A-Za-z0-9_-]{20,}", "a token of GitLab"),
    (r"\bxox[abprs]-[A-Za-z0-9-]{10,}", "a token of Slack"),
    (r"\b[rs]k_live_[A-Za-z0-9]{16,}\b", "a key of Stripe"),
    (r"\bsk-(ant-|proj-)?[A-Za-z0-9_-]{32,}", "a key of an AI provider"),
    (r"\bAIza[0-9A-Za-z_-]{35}\b", "a key of Google"),
    (r"\bnpm_[A-Za-z0-9]{36}\b", "a token of npm"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
    (r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}", "a JSON Web Token"),
    (r"\b[a-z][a-z0-9+.-]*://[^/\s:@<>{}\[\]]+:[^/\s:@<>{}\[\]]{3,}@", "a URL with a password"),
];

static COMPILED: LazyLock<Vec<(Option<Regex>, &'static str)>> =
    LazyLock::new(|| FORMATS.into_iter().map(|(format, whose)| (Regex::new(format).ok(), whose)).collect());

/// Adds a finding for each format of keys in a text. The excerpt never has more than the key's first characters.
pub fn find(text: &Text<'_>, findings: &mut Vec<Finding>) {
    for (regex, whose) in &*COMPILED {
        let Some(found) = regex.as_ref().and_then(|regex| regex.find(text.text)) else { continue };
        if found.as_str().to_lowercase().contains("password@")
            || found.as_str().to_lowercase().contains("pass@")
        {
            // `user:password@host` is an example.
            continue;
        }
        let begin: String = found.as_str().chars().take(6).collect();
        findings.push(Finding {
            severity: Severity::High,
            id: "secret",
            target: text.target.clone(),
            place: text.place.clone(),
            message: format!("has {whose}"),
            excerpt: Some(format!("{}…", super::escape(&begin))),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_compiles() {
        assert!(COMPILED.iter().all(|(regex, _)| regex.is_some()));
    }
}
