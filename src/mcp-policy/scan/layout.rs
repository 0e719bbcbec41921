//! Writes JSON that a person can read: keys in a chosen order, short lists and objects on one line.

use serde_json::{Map, Value};

use super::findings::unseen;
use crate::written::Json as Ordered;

/// How wide a line may be, in characters.
const WIDTH: usize = 116;

/// A JSON value whose members have an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// A value without members
    Scalar(Value),
    /// A list
    List(Vec<Self>),
    /// An object, on one line if it is short
    Object(Vec<(String, Self)>),
    /// An object with each member on a line of its own
    Table(Vec<(String, Self)>),
}

/// The keys of a schema that are written first, in this order; the others follow by name.
const SCHEMA_FIRST: [&str; 6] = ["type", "enum", "const", "pattern", "properties", "required"];

impl Json {
    /// Makes a string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Scalar(Value::String(text.into()))
    }

    /// Makes a number.
    pub fn number(number: u64) -> Self {
        Self::Scalar(number.into())
    }

    /// Makes an object from its members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Returns the value without the order.
    pub fn value(&self) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::List(elements) => elements.iter().map(Self::value).collect(),
            Self::Object(members) | Self::Table(members) => {
                members.iter().map(|(key, value)| (key.clone(), value.value())).collect::<Map<_, _>>().into()
            }
        }
    }

    /// Returns the value with the order.
    pub fn ordered(&self) -> Ordered {
        match self {
            Self::Scalar(value) => Ordered::of_value(value),
            Self::List(elements) => Ordered::List(elements.iter().map(Self::ordered).collect()),
            Self::Object(members) | Self::Table(members) => {
                Ordered::Object(members.iter().map(|(key, value)| (key.clone(), value.ordered())).collect())
            }
        }
    }

    /// Returns the text, with a line feed at its end.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(0, 0, &mut text);
        text.push('\n');
        visible(&text)
    }

    fn write(&self, indent: usize, before: usize, out: &mut String) {
        let on_one_line = self.on_one_line();
        let fits = indent.saturating_add(before).saturating_add(on_one_line.chars().count()) <= WIDTH;
        match self {
            Self::Table(members) | Self::Object(members)
                if !members.is_empty() && (!fits || matches!(self, Self::Table(_))) =>
            {
                let named = members.iter().map(|(key, value)| (format!("{}: ", quoted(key)), value));
                broken('{', '}', named, indent, out);
            }
            Self::List(elements) if !elements.is_empty() && !fits => {
                broken('[', ']', elements.iter().map(|element| (String::new(), element)), indent, out);
            }
            _ => out.push_str(&on_one_line),
        }
    }

    fn on_one_line(&self) -> String {
        match self {
            Self::Scalar(value) => value.to_string(),
            Self::List(elements) => {
                format!("[{}]", elements.iter().map(Self::on_one_line).collect::<Vec<_>>().join(", "))
            }
            Self::Object(members) | Self::Table(members) if members.is_empty() => "{}".to_owned(),
            Self::Object(members) | Self::Table(members) => {
                let member =
                    |(key, value): &(String, Self)| format!("{}: {}", quoted(key), value.on_one_line());
                format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn broken<'j>(
    open: char,
    close: char,
    members: impl Iterator<Item = (String, &'j Json)>,
    indent: usize,
    out: &mut String,
) {
    let deeper = indent.saturating_add(2);
    out.push(open);
    for (index, (key, value)) in members.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(deeper));
        out.push_str(&key);
        value.write(deeper, key.chars().count().saturating_add(1), out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}

/// Writes characters that show nothing or change the direction of text as escapes, which only strings can have. So a
/// name in a policy is what it seems to be.
pub fn visible(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if unseen(char).is_none() {
            text.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Orders the keys of a schema.
pub fn of_schema(schema: &Value) -> Json {
    match schema {
        Value::Object(members) => {
            let place =
                |key: &str| SCHEMA_FIRST.iter().position(|first| *first == key).unwrap_or(SCHEMA_FIRST.len());
            let mut ordered: Vec<_> =
                members.iter().map(|(key, value)| (key.clone(), of_schema(value))).collect();
            ordered.sort_by_key(|(key, _)| place(key));
            Json::Object(ordered)
        }
        Value::Array(elements) => Json::List(elements.iter().map(of_schema).collect()),
        scalar => Json::Scalar(scalar.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_as_an_escape() {
        let json = Json::object([("a\u{202e}b", Json::text("\u{e0041}é"))]);
        let text = json.pretty();
        assert_eq!(text, "{ \"a\\u202eb\": \"\\udb40\\udc41é\" }\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json.value());
    }

    #[test]
    fn short_values_stay_on_one_line_and_tables_do_not() {
        let row = Json::object([("a", Json::number(1)), ("b", Json::List(vec![Json::text("x")]))]);
        let long = Json::List(vec![Json::text("y".repeat(70)), Json::text("z".repeat(70))]);
        let table = Json::Table(vec![("row".to_owned(), row), ("long".to_owned(), long)]);
        let expected = format!(
            "{{\n  \"row\": {{ \"a\": 1, \"b\": [\"x\"] }},\n  \"long\": [\n    \"{}\",\n    \"{}\"\n  ]\n}}\n",
            "y".repeat(70),
            "z".repeat(70)
        );
        assert_eq!(table.pretty(), expected);
        assert_eq!(serde_json::from_str::<Value>(&expected).unwrap(), table.value());
    }
}
