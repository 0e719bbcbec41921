//! What is suspicious about the definitions themselves, because a model reads them and believes them.

mod characters;
mod instructions;
pub mod lookalike;
mod secrets;
mod texts;

use serde::Serialize;

pub use characters::unseen;

use super::offer::Offer;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The definition is likely an attack
    High,
    /// Somebody should look at it
    Medium,
    /// It is worth knowing
    Low,
    /// It is about the policy, not about the definition
    Note,
}

impl Severity {
    /// Returns the severity's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Note => "note",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Target {
    /// The server itself
    Server(String),
    /// A tool
    Tool(String),
    /// A resource
    Resource(String),
    /// A template of resources
    Template(String),
    /// A prompt
    Prompt(String),
}

impl Target {
    /// Says what it is, with its name in ASCII.
    pub fn shown(&self) -> String {
        let (kind, name) = match self {
            Self::Server(name) => ("server", name),
            Self::Tool(name) => ("tool", name),
            Self::Resource(name) => ("resource", name),
            Self::Template(name) => ("template", name),
            Self::Prompt(name) => ("prompt", name),
        };
        format!("{kind} {}", escape(name))
    }
}

/// One finding about a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is
    pub severity: Severity,
    /// Its stable id
    pub id: &'static str,
    /// What it is about
    pub target: Target,
    /// The path of the text within the definition
    pub place: String,
    /// What is wrong
    pub message: String,
    /// The text around it, in one line, with characters that cannot be seen written as escapes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// Looks at all texts of everything that a server offers. The worst findings come first.
pub fn find(offer: &Offer) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in texts::of(offer) {
        characters::find(&text, &mut findings);
        instructions::find(&text, &mut findings);
        secrets::find(&text, &mut findings);
    }
    lookalike::find(offer, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Writes a text in one line of visible characters: everything but printable ASCII and ordinary letters is escaped.
pub fn escape(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars() {
        if char.is_control() || unseen(char).is_some() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Returns what stands around some bytes of a text, escaped.
fn excerpt(text: &str, start: usize, end: usize) -> String {
    let from =
        text.get(..start).map_or(0, |before| before.char_indices().rev().nth(19).map_or(0, |(at, _)| at));
    let after =
        text.get(end..).and_then(|after| after.char_indices().nth(40)).map(|(at, _)| end.saturating_add(at));
    let cut = text.get(from..after.unwrap_or(text.len())).unwrap_or_default();
    // A long match is itself cut.
    let short: String = cut.chars().take(120).collect();
    let more = after.is_some() || short.len() < cut.len();
    format!("{}{}{}", if from > 0 { "…" } else { "" }, escape(&short), if more { "…" } else { "" })
}
