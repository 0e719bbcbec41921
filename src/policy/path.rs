//! Places in a call's arguments, such as `args.items[0].sku`.

use std::fmt;

use crate::json::Value;

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A path into the arguments that names at most one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentPath {
    text: String,
    steps: Vec<Step>,
}

impl ArgumentPath {
    /// Reads `args`, then `.key` or `[index]` any number of times, at least once. A key is any run
    /// of characters but `.`, `[` and `]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix("args")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('.') {
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                let (key, remaining) = behind.split_at(end);
                if key.is_empty() || key.contains(']') {
                    return None;
                }
                steps.push(Step::Key(key.to_owned()));
                rest = remaining;
            } else {
                let (index, remaining) = rest.strip_prefix('[')?.split_once(']')?;
                let digits = index.bytes().all(|byte| byte.is_ascii_digit());
                steps.push(Step::Index(index.parse().ok().filter(|_| digits)?));
                rest = remaining;
            }
        }
        (!steps.is_empty()).then(|| Self { text: text.to_owned(), steps })
    }

    /// Finds the value at this path, or `None` where it is missing.
    #[must_use]
    pub fn find<'d>(&self, arguments: Value<'d>) -> Option<Value<'d>> {
        self.steps.iter().try_fold(arguments, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.elements().nth(*index),
        })
    }
}

impl fmt::Display for ArgumentPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_path_finds_its_value() {
        let text = br#"{"amount":5,"items":[{"sku":"a"},{"sku":"b"}],"a b":{"":1}}"#;
        let document = json::read(text).unwrap();
        for (path, expected) in [
            ("args.amount", Some("5")),
            ("args.items[1].sku", Some("\"b\"")),
            ("args.items[2].sku", None),
            ("args.amount.x", None),
            ("args.a b", Some("{\"\":1}")),
        ] {
            let found = ArgumentPath::parse(path).unwrap().find(document.root());
            assert_eq!(found.map(Value::raw), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_names_nothing_is_refused() {
        for path in [
            "",
            "args",
            "amount",
            "args.",
            "args..a",
            "args.a[",
            "args.a[x]",
            "args.a[+1]",
            "argsx",
            "args.a]",
            "args[*]",
        ] {
            assert_eq!(ArgumentPath::parse(path), None, "{path}");
        }
    }
}
