//! The policy's description: how each tool got its class, in short form.

use std::collections::BTreeMap;

use crate::scan::class::Class;
use crate::scan::classify::{Classified, Evidence, Kind};
use crate::scan::findings::escape;
use crate::scan::offer::Offer;

/// How sure a class must be, in hundredths, for its tool not to be named as one to look at.
const SURE: u8 = 60;

/// Writes the description of a policy.
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
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (tool, found) in offer.tools.iter().zip(classified).filter(|(_, found)| found.class == class) {
            let name = escape(&tool.name);
            let name =
                if found.confidence < SURE { format!("{name} ({} %)", found.confidence) } else { name };
            reasons.entry(reason(found.evidence.first())).or_default().push(name);
        }
        if reasons.is_empty() {
            continue;
        }
        let reasons: Vec<_> =
            reasons.into_iter().map(|(reason, names)| of_reason(class, &reason, &names)).collect();
        text.push_str(&format!(" {}: {}.", class.name().to_uppercase(), reasons.join("; ")));
    }
    text
}

/// Writes one reason, with the tools that have their class by it. Of tools that only read, the number is enough.
fn of_reason(class: Class, reason: &str, names: &[String]) -> String {
    let is_sure = names.iter().all(|name| !name.ends_with("%)"));
    if class == Class::Read && is_sure {
        format!("{reason} ({})", names.len())
    } else {
        format!("{reason} ({})", names.join(", "))
    }
}

fn reason(evidence: Option<&Evidence>) -> String {
    match evidence {
        Some(Evidence { from: Kind::Nothing, .. }) | None => "nothing says what they do".to_owned(),
        Some(evidence) => format!("{} `{}`", evidence.from.name(), escape(&evidence.what)),
    }
}
