//! The policy's description: how each tool got its class, in short form.

use std::collections::BTreeMap;

use crate::scan::class::Class;
use crate::scan::classify::{Classified, Evidence};
use crate::scan::findings::escape;
use crate::scan::offer::Offer;

/// How sure a class must be, in hundredths, for its tool not to be named as one to look at.
const SURE: u8 = 60;

/// Writes the description of a policy.
pub fn of(offer: &Offer, classified: &[Classified]) -> String {
    let version = offer.version.as_ref().map(|version| format!(" {}", escape(version)));
    let server = offer.server.as_ref().map_or_else(|| "a server".to_owned(), |server| escape(server));
    let mut text = format!(
        "A start, written by mcp-policy scan from the {} tools of {server}{}. Review each class before use. All limits are per grant.",
        offer.tools.len(),
        version.unwrap_or_default()
    );
    for class in Class::ALL {
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (tool, classified) in offer.tools.iter().zip(classified).filter(|(_, found)| found.class == class) {
            let name = escape(&tool.name);
            let name =
                if classified.confidence < SURE { format!("{name} ({} %)", classified.confidence) } else { name };
            reasons.entry(reason(classified.evidence.first())).or_default().push(name);
        }
        if reasons.is_empty() {
            continue;
        }
        let reasons: Vec<_> =
            reasons.into_iter().map(|(reason, names)| format!("{reason}: {}", names.join(", "))).collect();
        text.push_str(&format!(" {}, by {}.", class.name().to_uppercase(), reasons.join("; by ")));
    }
    text
}

fn reason(evidence: Option<&Evidence>) -> String {
    evidence.map_or_else(String::new, |evidence| format!("{} `{}`", evidence.from.name(), escape(&evidence.what)))
}
