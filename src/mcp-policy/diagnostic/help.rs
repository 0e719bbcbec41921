//! What would be right in the place of a fault, where its message does not say so already.

use mcp_policy_engine::document::{Found, InRule, InSchema, Object, Takes, Wrong};
use mcp_policy_engine::policy::keys;

use super::alike::closest;
use crate::keywords;

/// What the objects of a policy are called, by their tables.
static NAMES: [(&Object, &str); 18] = [
    (&keys::DOCUMENT, "the document itself"),
    (&keys::RULE, "a rule"),
    (&keys::LIMIT, "a limit in `limits`"),
    (&keys::RATE_LIMIT, "`rate_limit`"),
    (&keys::CONDITION, "a condition"),
    (&keys::GROUP, "a group of conditions"),
    (&keys::OPERAND, "the `value` of a condition"),
    (&keys::GRANT, "a grant in `grants`"),
    (&keys::MATCH, "a description in the `match` of a grant"),
    (&keys::SOURCE, "a source in `identity`"),
    (&keys::JWT, "`jwt` of a source"),
    (&keys::API_KEY, "`api_key` of a source"),
    (&keys::HEADER, "`header` of a source"),
    (&keys::UNAUTHENTICATED, "`unauthenticated`"),
    (&keys::APPROVALS, "`approvals`"),
    (&keys::SHARED_LIMITS, "`shared_limits`"),
    (&keys::AUDIT, "`audit`"),
    (&keys::COUNTERS, "`counters`"),
];

/// Returns what would be right; `path` is that of the fault, and `text` is the file's in two parts, before and
/// behind the start of its place. `None` if nothing is known beyond the message.
pub fn of(path: &str, wrong: &Wrong, text: (&str, &str)) -> Option<String> {
    match wrong {
        Wrong::NotJson { .. } => of_syntax(text),
        Wrong::UnknownKey { key, object } => of_key(key, object),
        Wrong::Missing { expected } => of_missing(path, expected),
        Wrong::Unfit { expected, found: Found::Scalar(text) } => of_scalar(text, expected),
        Wrong::Unfit { expected, found: Found::Compound(_) } => match one_of(expected) {
            [] => None,
            words => Some(format!("write one of the words, such as `\"{}\"`", words.first()?)),
        },
        Wrong::Rule(InRule::UnknownWindow { word, expected }) => {
            let known = closest(word, one_of(expected).iter().copied())?;
            Some(format!("unknown window `{word}`; did you mean `{known}`?"))
        }
        Wrong::Rule(InRule::NoSuchRule { name, .. }) if action(name).is_some() => {
            action(name).map(str::to_owned)
        }
        Wrong::Rule(InRule::NoSuchRule { name, alike, known }) => {
            let alike = alike.as_deref().or_else(|| closest(name, known.iter().map(String::as_str)))?;
            Some(format!("no rule has the name `{name}`; did you mean `{alike}`?"))
        }
        Wrong::Rule(InRule::NoValuePath { text, .. }) => of_value_path(text),
        Wrong::Rule(InRule::RegexAsPattern) => {
            Some("`*` stands for any text: `get_*` fits every name that begins with `get_`".to_owned())
        }
        Wrong::Rule(InRule::NoService) => {
            Some("add `\"shared_limits\": {\"cluster\": \"…\"}` to the document".to_owned())
        }
        Wrong::Rule(InRule::NobodyToAsk) => {
            Some("add `\"approvals\": {\"cluster\": \"…\"}` to the document".to_owned())
        }
        Wrong::Schema(InSchema::UnknownKeyword { keyword }) => {
            let known = closest(keyword, keywords::all().map(|(name, ..)| name))?;
            Some(format!("unknown keyword `{keyword}`; did you mean `{known}`?"))
        }
        _ => None,
    }
}

/// Returns what is right in place of something that is allowed in other languages than JSON.
fn of_syntax((before, behind): (&str, &str)) -> Option<String> {
    let help = match behind.chars().next()? {
        '}' | ']' if before.trim_end().ends_with(',') => "remove the comma before it",
        '/' | '#' => "JSON has no comments; a policy in YAML can have them",
        '\'' => "JSON has strings in double quotes",
        '\n' | '\r' => "a string ends in its line; a line break in it is written `\\n`",
        _ => return None,
    };
    Some(help.to_owned())
}

/// Returns the known key that an unknown one is like, or the object that it belongs to.
fn of_key(key: &str, object: &Object) -> Option<String> {
    if let Some(known) = closest(key, object.keys.iter().map(|known| known.name)) {
        return Some(format!("unknown key `{key}`; did you mean `{known}`?"));
    }
    let has = |(other, _): &&(&Object, &str)| other.keys.iter().any(|known| known.name == key);
    let homes: Vec<&str> = NAMES.iter().filter(has).map(|(_, name)| *name).collect();
    match homes.as_slice() {
        [] => None,
        [home] => Some(format!("`{key}` is a key of {home}")),
        [homes @ .., last] => Some(format!("`{key}` is a key of {}, and of {last}", homes.join(", of "))),
    }
}

fn of_missing(path: &str, expected: &Takes) -> Option<String> {
    let key = path.rsplit('.').next()?;
    let example = match one_of(expected) {
        [word] => format!("\"{word}\""),
        _ => return Some(format!("add the key `{key}` to this object")),
    };
    Some(format!("add `\"{key}\": {example}`"))
}

/// Words of other languages, and those of policies with the same meaning.
const MEANT: [(&str, &str); 24] = [
    ("=", "eq"),
    ("==", "eq"),
    ("equals", "eq"),
    ("!=", "neq"),
    ("<>", "neq"),
    ("ne", "neq"),
    ("<", "lt"),
    ("<=", "lte"),
    ("le", "lte"),
    (">", "gt"),
    (">=", "gte"),
    ("ge", "gte"),
    ("~", "regex"),
    ("=~", "regex"),
    ("matches", "regex"),
    ("like", "glob"),
    ("allowed", "allow"),
    ("permit", "allow"),
    ("accept", "allow"),
    ("denied", "deny"),
    ("block", "deny"),
    ("refuse", "deny"),
    ("reject", "deny"),
    ("approve", "require_approval"),
];

/// Returns how an action is written where a name of a rule stands.
fn action(name: &str) -> Option<&'static str> {
    match name {
        "allow" | "allowed" => Some("write `{}` to allow without a rule"),
        "deny" | "denied" | "block" => Some("write `{\"action\": \"deny\"}` to deny"),
        "require_approval" | "approve" => {
            Some("write `{\"action\": \"require_approval\"}` to leave calls to a person")
        }
        _ => None,
    }
}

/// Returns what a scalar was meant to be; `text` is the beginning of its JSON text.
fn of_scalar(text: &str, expected: &Takes) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        let is_text =
            takes(expected, &|takes| matches!(takes, Takes::Text | Takes::Filled | Takes::Words(_)));
        let number = text.starts_with(|char: char| char.is_ascii_digit() || char == '-');
        return (is_text && number).then(|| format!("write it in quotes: `\"{text}\"`"));
    };
    let inner = inner.strip_suffix('"')?;
    let words = one_of(expected);
    let meant = MEANT.iter().find(|(other, word)| *other == inner && words.contains(word));
    if let Some(word) = meant.map(|(_, word)| *word).or_else(|| closest(inner, words.iter().copied())) {
        return Some(format!("unknown word `{inner}`; did you mean `{word}`?"));
    }
    let is_number = serde_json::from_str::<serde_json::Number>(inner).is_ok();
    let number = |takes: &Takes| matches!(takes, Takes::Integer { .. } | Takes::Positive | Takes::Number);
    let is_boolean = matches!(inner, "true" | "false");
    let without = is_number && takes(expected, &number)
        || is_boolean && takes(expected, &|takes| matches!(takes, Takes::Boolean));
    if without {
        return Some(format!("write it without quotes: `{inner}`"));
    }
    if takes(expected, &|takes| matches!(takes, Takes::Said(text, _) if text.contains("`args."))) {
        return of_value_path(inner);
    }
    let list = |takes: &Takes| {
        matches!(takes, Takes::List(Takes::Text | Takes::Filled | Takes::Said(_, Takes::Filled)))
    };
    takes(expected, &list).then(|| format!("write a list: `[{text}]`"))
}

/// Returns what the path of a condition may have been meant to be.
fn of_value_path(text: &str) -> Option<String> {
    const ORIGINS: [&str; 8] = ["args", "grant", "principal", "claims", "scopes", "source", "tool", "time"];
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (origin, rest) = text.split_at_checked(end)?;
    let known = match origin {
        "arguments" | "params" | "input" => "args",
        _ => closest(origin, ORIGINS).unwrap_or_default(),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    match known {
        "" if ORIGINS.contains(&origin) || !plain || text.is_empty() => None,
        "" => Some(format!("an argument is written with `args.`: `args.{text}`")),
        known => Some(format!("unknown path `{text}`; did you mean `{known}{rest}`?")),
    }
}

/// Returns the words of which one belongs somewhere; none if something else does.
fn one_of(expected: &Takes) -> &'static [&'static str] {
    match expected {
        Takes::Words(words) => words,
        Takes::Said(_, takes) => one_of(takes),
        Takes::Either(all) => all.iter().map(one_of).find(|words| !words.is_empty()).unwrap_or_default(),
        _ => &[],
    }
}

/// Returns whether something of a kind belongs somewhere.
fn takes(expected: &Takes, kind: &dyn Fn(&Takes) -> bool) -> bool {
    match expected {
        Takes::Said(_, takes_) => kind(expected) || takes(takes_, kind),
        Takes::Either(all) => all.iter().any(|one| takes(one, kind)),
        _ => kind(expected),
    }
}

#[cfg(test)]
mod tests;
