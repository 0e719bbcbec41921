//! The results of a scan as text and JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::class::Class;
use super::classify::{Classified, Evidence};
use super::definitions::Digest;
use super::drift::{Change, Drift};
use super::findings::{Finding, Severity, escape};
use super::offer::{Offer, Tool};
use super::pin::Pinned;
use crate::terminal::{ERROR, FAINT, GOOD, HEADING, PLAIN, WARNING};

/// The result as JSON.
#[derive(Debug, Serialize)]
pub struct Report<'s> {
    tools: Vec<Row<'s>>,
    findings: &'s [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<&'s [Drift]>,
    policy: Value,
}

#[derive(Debug, Serialize)]
struct Row<'s> {
    name: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    class: Class,
    /// From 0 to 1
    confidence: f64,
    evidence: &'s [Evidence],
}

impl<'s> Report<'s> {
    /// Makes a report. `digests` are those of the tools, in their order.
    pub fn new(
        offer: &'s Offer,
        classified: &'s [Classified],
        digests: Option<&[Digest]>,
        findings: &'s [Finding],
        drift: Option<&'s [Drift]>,
        policy: Value,
    ) -> Self {
        let row = |(index, (tool, found)): (usize, (&'s Tool, &'s Classified))| Row {
            name: &tool.name,
            digest: digests.and_then(|digests| digests.get(index)?.as_ref().ok()).map(ToString::to_string),
            class: found.class,
            confidence: f64::from(found.confidence) / 100.0,
            evidence: &found.evidence,
        };
        let tools = offer.tools.iter().zip(classified).enumerate().map(row).collect();
        Self { tools, findings, drift, policy }
    }
}

/// Writes a table of the tools with their classes and the evidence.
pub fn classes(offer: &Offer, classified: &[Classified]) -> String {
    let mut text = String::new();
    let names: Vec<String> = offer.tools.iter().map(|tool| escape(&tool.name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().min(48);
    let mut rows: Vec<_> = names.iter().zip(classified).collect();
    rows.sort_by_key(|(_, found)| std::cmp::Reverse(found.class));
    for (name, found) in rows {
        let style = match found.class {
            Class::Read => GOOD,
            Class::Write | Class::Execute => WARNING,
            _ => ERROR,
        };
        let evidence: Vec<_> =
            found.evidence.iter().map(|evidence| of_evidence(evidence, found.class)).collect();
        let class = found.class.name();
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "{name:width$}  {style}{class:<11}{PLAIN}  {:>3} %  {FAINT}{}{PLAIN}",
            found.confidence,
            evidence.join(", ")
        );
    }
    text
}

fn of_evidence(evidence: &Evidence, class: Class) -> String {
    let what = escape(&evidence.what);
    let other =
        if evidence.class == class { String::new() } else { format!(" says {}", evidence.class.name()) };
    format!("{} `{what}`{other}", evidence.from.name())
}

/// Writes how many tools each class has.
pub fn counts(classified: &[Classified]) -> String {
    let count = |class| classified.iter().filter(|found| found.class == class).count();
    let counts = Class::ALL.into_iter().map(|class| (class, count(class))).filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts.map(|(class, count)| format!("{count} {}", class.name())).collect();
    let tools = classified.len();
    format!(
        "{tools} {}: {}",
        if tools == 1 { "tool" } else { "tools" },
        if counts.is_empty() { "nothing to decide".to_owned() } else { counts.join(", ") }
    )
}

/// Writes the findings, one or two lines each.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let style = match finding.severity {
            Severity::High => ERROR,
            Severity::Medium => WARNING,
            Severity::Low => HEADING,
            Severity::Note => FAINT,
        };
        let severity = finding.severity.name();
        let _ = writeln!(
            text,
            "{style}{severity}[{}]{PLAIN} {}, {}: {}",
            finding.id,
            finding.target.shown(),
            escape(&finding.place),
            escape(&finding.message)
        );
        if let Some(excerpt) = &finding.excerpt {
            let _ = writeln!(text, "    {FAINT}{excerpt}{PLAIN}");
        }
    }
    text
}

/// Writes the differences between a server and a policy.
pub fn drift(drift: &[Drift]) -> String {
    let mut text = String::new();
    for difference in drift {
        let style = match difference.change {
            Change::New => GOOD,
            Change::Gone => ERROR,
            Change::Changed => WARNING,
        };
        let (change, target) = (difference.change.name(), difference.target.shown());
        let _ = writeln!(text, "{style}{change:<7}{PLAIN}  {target}: {}", difference.message);
    }
    text
}

/// Says which digests were written into the policy in the file of this name.
pub fn pinned(file: &str, pinned: &BTreeMap<String, Pinned>) -> String {
    let mut text = String::new();
    let count = |wanted: Pinned| pinned.values().filter(|became| **became == wanted).count();
    for (tool, became) in pinned {
        let tool = escape(tool);
        // Writing to a string never fails.
        let _ = match became {
            Pinned::Other => {
                writeln!(text, "{WARNING}pinned{PLAIN}   tool {tool}: its definition was another")
            }
            Pinned::No(why) => writeln!(text, "{HEADING}unpinned{PLAIN} tool {tool}: {why}"),
            Pinned::Same | Pinned::New => Ok(()),
        };
    }
    let (new, other, same) = (count(Pinned::New), count(Pinned::Other), count(Pinned::Same));
    let _ = writeln!(text, "{file}: definitions pinned: {new} new, {other} changed, {same} as before");
    text
}
