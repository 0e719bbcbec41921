//! Whether the clauses of a rule hold.

use mcp_policy_engine::decide::condition::{Attributes, Obstacle, Place, Truth, evaluate, outcome};
use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Clause, Condition, Holds, Origin, Resolved, ValuePath};
use mcp_policy_engine::work::Work;

use super::{Check, Outcome, Texts};

/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// Judges a clause.
pub(super) fn check(clause: &Clause, place: Place, attributes: &Attributes<'_>, texts: &Texts) -> Check {
    let kind = match place {
        Place::When => "when",
        Place::Require => "require",
        Place::DenyIf => "deny_if",
    };
    judge(clause, place, kind, attributes, texts)
}

fn judge(
    clause: &Clause,
    place: Place,
    kind: &'static str,
    attributes: &Attributes<'_>,
    texts: &Texts,
) -> Check {
    let holds = outcome(clause, place, attributes);
    let refuses = match place {
        Place::Require => holds != Some(true),
        Place::DenyIf => holds != Some(false),
        Place::When => holds.is_none(),
    };
    let (text, found, parts) = match clause {
        Clause::Condition(condition) => {
            let found = found(condition, place, attributes);
            (texts.condition(&condition.path), Some(found), Vec::new())
        }
        Clause::Group(group) => {
            let (kind, text) = match group.holds {
                Holds::All => ("all", "all of these"),
                Holds::Any => ("any", "any of these"),
            };
            let part = |clause| Check { refuses: false, ..judge(clause, place, kind, attributes, texts) };
            (text.to_owned(), None, group.clauses.iter().map(part).collect())
        }
    };
    Check { kind, path: clause.path().to_owned(), outcome: Outcome::from(holds), refuses, text, found, parts }
}

/// Says what a condition found, and why it cannot be judged.
fn found(condition: &Condition, place: Place, attributes: &Attributes<'_>) -> String {
    let mut found = values(&condition.attribute, attributes);
    if let Some(path) = condition.operand() {
        found = format!("{found}; {path} is {}", values(path, attributes));
    }
    let truths = evaluate(condition, attributes);
    let obstacle = truths.iter().find_map(|truth| match truth {
        Truth::Indeterminate(obstacle) => Some(said(*obstacle)),
        _ => None,
    });
    match obstacle {
        Some(why) if outcome(&Clause::Condition(condition.clone()), place, attributes).is_none() => {
            format!("{found}, {why}")
        }
        _ => found,
    }
}

fn said(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Type => "which has another type",
        Obstacle::Json => "which is a string that holds JSON",
        Obstacle::Cut => "which some servers end at U+0000",
        Obstacle::Blocked => "because the path leads through something that is not an object or a list",
        Obstacle::Respelled => "which some servers read as the key of the path",
        Obstacle::Digits => "which servers can read as another number",
        Obstacle::Fraction => "whose fraction some servers cut off",
        Obstacle::Work => "because the budget of work is used up",
        Obstacle::Clock => "because there is no clock",
    }
}

/// Returns the values that a path leads to, as they are shown.
fn values(path: &ValuePath, attributes: &Attributes<'_>) -> String {
    let text =
        |text: Option<&str>| text.map_or("no value".to_owned(), |text| shortened(&format!("{text:?}")));
    let work = Work::default();
    let of = |root| {
        let found = path.find(root, &work);
        let found: Vec<String> = found.iter().take(4).map(shown).collect();
        shortened(&found.join(", "))
    };
    match path.origin() {
        Origin::Arguments => of(attributes.arguments),
        Origin::Claims => match attributes.claims.root(&work) {
            Ok(claims) => of(claims),
            Err(_) => "claims that cannot be read".to_owned(),
        },
        Origin::Scopes => match attributes.claims.scopes(&work) {
            Ok(Some(words)) => shortened(&format!("\"{}\"", words.join(" "))),
            Ok(None) => "no value".to_owned(),
            Err(_) => "scopes that cannot be read".to_owned(),
        },
        Origin::Grant => text(Some(attributes.grant)),
        Origin::Principal => text(attributes.principal),
        Origin::Source => text(attributes.source),
        Origin::Tool => text(attributes.tool),
        Origin::Weekday | Origin::TimeOfDay | Origin::Date => {
            text(attributes.now.text(path.origin()).as_deref())
        }
    }
}

fn shown(found: &Resolved<'_>) -> String {
    match found {
        Resolved::Value(value) => {
            let mut out = String::new();
            json::compact(&mut out, *value);
            out
        }
        Resolved::Missing => "no value".to_owned(),
        Resolved::Blocked => "something in which the path does not lead on".to_owned(),
        Resolved::Respelled => "a key in another spelling".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN).and_then(|(at, _)| text.get(..at)) {
        Some(short) => format!("{short}…"),
        None => text.to_owned(),
    }
}
