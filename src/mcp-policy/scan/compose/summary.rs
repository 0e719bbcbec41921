//! The policy's description: how each tool got its class, in short form.

use std::collections::BTreeMap;

use crate::scan::class::Class;
use crate::scan::classify::{Classified, Evidence, Kind};
use crate::scan::findings::escape;
use crate::scan::offer::Offer;

/// How sure a class must be, in hundredths, for its tool not to be named as one to look at.
const SURE: u8 = 60;
/// How many reasons, and how many unsure tools, the line of a class names.
const MOST_NAMED: usize = 4;

/// Writes the description of a policy: a line about the server, and a line for each class.
pub fn of(offer: &Offer, classified: &[Classified]) -> String {
    let version = offer.version.as_ref().map(|version| format!(" {}", escape(version)));
    let server = offer.server.as_ref().map_or_else(|| "a server".to_owned(), |server| escape(server));
    let mut text = format!(
        "A start, written by mcp-policy scan from {} of {server}{}. Review each class before use. All limits are per grant.",
        if offer.tools.len() == 1 {
            "the tool".to_owned()
        } else {
            format!("the {} tools", offer.tools.len())
        },
        version.unwrap_or_default()
    );
    for class in Class::ALL {
        let tools = offer.tools.iter().zip(classified).filter(|(_, found)| found.class == class);
        let tools: Vec<_> = tools.map(|(tool, found)| (tool.name.as_str(), found)).collect();
        if !tools.is_empty() {
            text.push_str(&format!("\n{}: {}.", class.name().to_uppercase(), of_class(&tools)));
        }
    }
    text
}

/// Writes what speaks for the class of these tools, the most frequent reason first, and of which tools that is not sure.
fn of_class(tools: &[(&str, &Classified)]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, found) in tools {
        let count = counts.entry(reason(found.evidence.first())).or_default();
        *count = count.saturating_add(1);
    }
    let mut reasons: Vec<_> = counts.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let reasons: Vec<_> = reasons.into_iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
    let unsure: Vec<_> = tools
        .iter()
        .filter(|(_, found)| found.confidence < SURE)
        .map(|(name, found)| format!("{} ({} %)", escape(name), found.confidence))
        .collect();
    match unsure.is_empty() {
        true => first(&reasons),
        false => format!("{}; unsure: {}", first(&reasons), first(&unsure)),
    }
}

/// Lists the first few parts, and says how many there are beside them.
fn first(parts: &[String]) -> String {
    let mut named: Vec<String> = parts.iter().take(MOST_NAMED).cloned().collect();
    let more = parts.len().saturating_sub(named.len());
    named.extend((more > 0).then(|| format!("{more} more")));
    named.join(", ")
}

fn reason(evidence: Option<&Evidence>) -> String {
    match evidence {
        Some(Evidence { from: Kind::Nothing, .. }) | None => "nothing says what they do".to_owned(),
        Some(evidence) => format!("{} `{}`", evidence.from.name(), escape(&evidence.what)),
    }
}
