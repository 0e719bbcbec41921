//! Paths to what is known of a call, such as `args.items[0].sku` or `claims.team`.

use std::fmt;

use crate::json::{self, Value};
use crate::mcp::keys;

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The call's arguments
    Arguments,
    /// The name of the caller's grant
    Grant,
    /// The caller's name
    Principal,
    /// The claims of the caller's token
    Claims,
}

/// One step from a value to its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Each,
}

/// A path to a value of a call or of its caller; with `[*]`, to any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePath {
    text: String,
    origin: Origin,
    steps: Vec<Step>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
pub enum Found<'d> {
    /// A value other than null
    Value(Value<'d>),
    /// Nothing, or null; of `[*]`, an array without elements
    Missing,
    /// Something on the way is not the array or object that the path goes through. A server that
    /// makes one of it, as of a string that holds JSON, may find there what nobody has judged.
    Blocked,
    /// On the way there is another spelling of a key, which some servers read as that key
    Respelled,
}

impl ValuePath {
    /// Reads `grant`, `principal`, or `args` or `claims` and at least one step: `.key` (without `.`,
    /// `[`, `]` and `*`), `["any key"]` (a JSON string), `[index]`, or `[*]` for each element. The
    /// first step is a key.
    ///
    /// # Errors
    /// What it has that a path has not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.split(['.', '[']).next().unwrap_or_default();
        let mut rest = text.get(name.len()..).unwrap_or_default();
        let origin = match name {
            "args" => Origin::Arguments,
            "grant" => Origin::Grant,
            "principal" => Origin::Principal,
            "claims" => Origin::Claims,
            _ => return Err("begins with another word"),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, behind) = step(rest)?;
            steps.push(step);
            rest = behind;
        }
        match (origin, steps.first()) {
            (Origin::Grant | Origin::Principal, Some(_)) => Err("goes on behind a name"),
            (Origin::Arguments | Origin::Claims, None) => Err("names no single one"),
            (Origin::Arguments | Origin::Claims, Some(Step::Index(_) | Step::Each)) => {
                Err("begins with an index in place of a key")
            }
            _ => Ok(Self { text: text.to_owned(), origin, steps }),
        }
    }

    /// Tells where the path begins.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Tells whether the path names at most one argument: no `[*]`, and nothing of the caller.
    #[must_use]
    pub fn is_one_argument(&self) -> bool {
        self.origin == Origin::Arguments && !self.steps.contains(&Step::Each)
    }

    /// Finds what stands at this path below `root`, the arguments or the claims: one entry, and with
    /// `[*]` one for each element, at least one in all.
    #[must_use]
    pub fn find<'d>(&self, root: Option<Value<'d>>) -> Vec<Found<'d>> {
        let mut found = vec![Found::new(root)];
        for step in &self.steps {
            match step {
                Step::Key(key) => found.iter_mut().for_each(|place| *place = place.key(key)),
                Step::Index(index) => found.iter_mut().for_each(|place| *place = place.index(*index)),
                Step::Each => found = found.into_iter().flat_map(Found::each).collect(),
            }
        }
        found
    }

    /// Finds the value at a path without `[*]`; `None` where there is none.
    #[must_use]
    pub fn find_one<'d>(&self, root: Option<Value<'d>>) -> Option<Value<'d>> {
        match *self.find(root) {
            [Found::Value(value)] => Some(value),
            _ => None,
        }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl<'d> Found<'d> {
    fn new(value: Option<Value<'d>>) -> Self {
        match value {
            Some(value) if value.kind() != json::Kind::Null => Self::Value(value),
            _ => Self::Missing,
        }
    }

    fn key(self, key: &str) -> Self {
        match self {
            Self::Value(value) if value.is_object() => {
                let respelled = value.entries().any(|(other, _)| keys::is_variant(&other, key));
                if respelled { Self::Respelled } else { Self::new(value.get(key)) }
            }
            Self::Value(_) => Self::Blocked,
            other => other,
        }
    }

    fn index(self, index: usize) -> Self {
        match self {
            Self::Value(value) if value.is_array() => Self::new(value.elements().nth(index)),
            Self::Value(_) => Self::Blocked,
            other => other,
        }
    }

    fn each(self) -> Vec<Self> {
        match self {
            Self::Value(value) if value.is_array() => {
                let elements: Vec<Self> = value.elements().map(|element| Self::new(Some(element))).collect();
                if elements.is_empty() { vec![Self::Missing] } else { elements }
            }
            Self::Value(_) => vec![Self::Blocked],
            other => vec![other],
        }
    }
}

/// Reads the step at the start of `text`, and returns what is behind it.
fn step(text: &str) -> Result<(Step, &str), &'static str> {
    const OPEN: &str = "has a `[` that is not closed";
    if let Some(behind) = text.strip_prefix('.') {
        let (key, rest) = behind.split_at(behind.find(['.', '[']).unwrap_or(behind.len()));
        return match key {
            "" => Err("has an empty key"),
            "*" => Err("has `.*` in place of `[*]`"),
            _ if key.contains([']', '*', '"']) => Err("has a key that must stand in `[\"…\"]`"),
            _ => Ok((Step::Key(key.to_owned()), rest)),
        };
    }
    let inner = text.strip_prefix('[').ok_or("has something behind a `]` that is neither `.` nor `[`")?;
    if inner.starts_with('"') {
        let (quoted, rest) = quoted(inner).ok_or("has a quote that is not closed")?;
        let document =
            json::read(quoted.as_bytes()).map_err(|_| "has a quoted key that is no JSON string")?;
        if document.defect().is_some() {
            return Err("has a quoted key that holds half of a surrogate pair");
        }
        let key = document.root().string().unwrap_or_default().into_owned();
        return Ok((Step::Key(key), rest.strip_prefix(']').ok_or(OPEN)?));
    }
    let (index, rest) = inner.split_once(']').ok_or(OPEN)?;
    if index == "*" {
        return Ok((Step::Each, rest));
    }
    let digits = index.bytes().all(|byte| byte.is_ascii_digit());
    let index = index.parse().ok().filter(|_| digits);
    let index = index.ok_or("has an index that is neither a number, `*` nor a quoted key")?;
    Ok((Step::Index(index), rest))
}

/// Splits the JSON string at the start of `text` from what is behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let closes = *char == '"' && !escaped;
        escaped = *char == '\\' && !escaped;
        closes
    });
    text.split_at_checked(end?.0.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: Found<'_>) -> &str {
        match found {
            Found::Value(value) => value.raw(),
            Found::Missing => "missing",
            Found::Blocked => "blocked",
            Found::Respelled => "respelled",
        }
    }

    #[test]
    fn a_path_finds_what_stands_there() {
        let text =
            br#"{"amount":5, "none":null, "items":[{"sku":"a"}, {"sku":null}, {}, null, 7], "empty":[],
                        "deep":[{"to":[1,2]}, {"to":[]}, {"to":3}], "a b":{"":1}, "a.b":{"c[0]*\"\\":[9]},
                        "text":"{\"sku\":\"a\"}", "list":"[1]", "to":{"host":1,"Host":2}, "Port":3,
                        "\u017fo":4, "a\u0000":5}"#;
        let document = json::read(text).unwrap();
        for (path, expected) in [
            ("args.amount", &["5"][..]),
            ("args[\"amount\"]", &["5"]),
            ("args[\"\\u0061mount\"]", &["5"]),
            ("args.none", &["missing"]),
            ("args.none.x", &["missing"]),
            ("args.none[*]", &["missing"]),
            ("args.other", &["missing"]),
            ("args.other[*].x[0]", &["missing"]),
            ("args.items[0].sku", &["\"a\""]),
            ("args.items[3].sku", &["missing"]),
            ("args.items[9].sku", &["missing"]),
            ("args.items[*].sku", &["\"a\"", "missing", "missing", "missing", "blocked"]),
            ("args.empty[*]", &["missing"]),
            ("args.empty[0]", &["missing"]),
            ("args.deep[*].to[*]", &["1", "2", "missing", "blocked"]),
            ("args.amount.x", &["blocked"]),
            ("args.amount[0]", &["blocked"]),
            ("args.amount[*]", &["blocked"]),
            ("args.items.sku", &["blocked"]),
            ("args.text.sku", &["blocked"]),
            ("args.list[*]", &["blocked"]),
            ("args.list[0]", &["blocked"]),
            ("args.to.host", &["respelled"]),
            ("args.to.Host.x[*]", &["respelled"]),
            ("args.port", &["respelled"]),
            ("args.Port", &["3"]),
            ("args.so", &["respelled"]),
            ("args.a", &["respelled"]),
            ("args.a b[\"\"]", &["1"]),
            (r#"args["a.b"]["c[0]*\"\\"][0]"#, &["9"]),
        ] {
            let path = ValuePath::parse(path).unwrap();
            let found: Vec<_> = path.find(Some(document.root())).into_iter().map(told).collect();
            assert_eq!(found, expected, "{path}");
            assert!(path.find(None).into_iter().all(|found| told(found) == "missing"), "{path}");
        }
    }

    #[test]
    fn a_path_that_names_nothing_is_refused() {
        for (path, why) in [
            ("", "begins with another word"),
            ("amount", "begins with another word"),
            ("Args.a", "begins with another word"),
            ("argsx", "begins with another word"),
            (" args.a", "begins with another word"),
            ("args", "names no single one"),
            ("claims", "names no single one"),
            ("grant.name", "goes on behind a name"),
            ("principal[0]", "goes on behind a name"),
            ("args[*]", "begins with an index in place of a key"),
            ("args[0]", "begins with an index in place of a key"),
            ("args.", "has an empty key"),
            ("args..a", "has an empty key"),
            ("args.a.[0]", "has an empty key"),
            ("args.a.*", "has `.*` in place of `[*]`"),
            ("args.a*", "has a key that must stand in `[\"…\"]`"),
            ("args.a]", "has a key that must stand in `[\"…\"]`"),
            ("args.a[", "has a `[` that is not closed"),
            ("args.a[0", "has a `[` that is not closed"),
            ("args[\"a\"", "has a `[` that is not closed"),
            ("args[\"a", "has a quote that is not closed"),
            ("args[\"a\\\"]", "has a quote that is not closed"),
            ("args[\"\\x\"]", "has a quoted key that is no JSON string"),
            ("args[\"\\ud800\"]", "has a quoted key that holds half of a surrogate pair"),
            ("args.a[x]", "has an index that is neither a number, `*` nor a quoted key"),
            ("args.a[]", "has an index that is neither a number, `*` nor a quoted key"),
            ("args.a[+1]", "has an index that is neither a number, `*` nor a quoted key"),
            ("args.a[-1]", "has an index that is neither a number, `*` nor a quoted key"),
            ("args.a[0]b", "has something behind a `]` that is neither `.` nor `[`"),
        ] {
            assert_eq!(ValuePath::parse(path).unwrap_err(), why, "{path}");
        }
    }

    #[test]
    fn an_amount_is_one_argument() {
        for (path, one) in [
            ("args.a[0].b", true),
            ("args.a[*]", false),
            ("claims.a", false),
            ("grant", false),
            ("principal", false),
        ] {
            assert_eq!(ValuePath::parse(path).unwrap().is_one_argument(), one, "{path}");
        }
    }
}
