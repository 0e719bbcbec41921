//! Reads the keys of a configuration table, and reports unknown ones.

use mcp_policy_engine::document::Path;
use mcp_policy_engine::policy::Pattern;
use toml::{Table, Value};

use super::Faults;

/// A table that is being read. Each method reads the value of one key; [`close`](Self::close) reports all
/// keys that no method has read.
pub(super) struct Keys<'t> {
    path: Path,
    table: Option<&'t Table>,
    expected: Vec<&'static str>,
}

impl<'t> Keys<'t> {
    /// Opens the top-level table.
    pub(super) fn root(table: &'t Table) -> Self {
        Self { path: Path::default(), table: Some(table), expected: Vec::new() }
    }

    /// Opens the table at `path`. A value of another type is a fault, and reads as an empty table.
    fn open(value: &'t Value, path: Path, faults: &mut Faults) -> Self {
        let table = value.as_table();
        if table.is_none() {
            faults.note(&path, format!("must be a table, found {}", found(value)));
        }
        Self { path, table, expected: Vec::new() }
    }

    /// Returns the path of `key`.
    pub(super) fn place(&self, key: &str) -> Path {
        self.path.key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Value> {
        self.expected.push(key);
        self.table?.get(key)
    }

    /// Reads a non-empty string.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        let value = self.take(key)?;
        match value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                let path = self.place(key);
                faults.note(&path, format!("must be a non-empty string, found {}", found(value)));
                None
            }
        }
    }

    /// Reads a required non-empty string. Returns an empty string and reports a fault if it is missing or
    /// invalid.
    pub(super) fn required(&mut self, key: &'static str, faults: &mut Faults) -> String {
        let text = self.text(key, faults);
        let place = self.place(key);
        if text.is_none() && !faults.has(&place) {
            faults.note(&place, "is missing, must be a non-empty string");
        }
        text.unwrap_or_default()
    }

    /// Reads an integer of 1 or more.
    pub(super) fn count(&mut self, key: &'static str, faults: &mut Faults) -> Option<u32> {
        let value = self.take(key)?;
        let count =
            value.as_integer().and_then(|number| u32::try_from(number).ok()).filter(|count| *count > 0);
        if count.is_none() {
            let path = self.place(key);
            faults.note(&path, format!("must be an integer of 1 or more, found {}", found(value)));
        }
        count
    }

    /// Reads a boolean; `absent` is the default.
    pub(super) fn flag(&mut self, key: &'static str, absent: bool, faults: &mut Faults) -> bool {
        let Some(value) = self.take(key) else { return absent };
        value.as_bool().unwrap_or_else(|| {
            let path = self.place(key);
            faults.note(&path, format!("must be `true` or `false`, found {}", found(value)));
            absent
        })
    }

    /// Reads a list of non-empty strings.
    pub(super) fn texts(&mut self, key: &'static str, faults: &mut Faults) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let path = self.place(key);
        let Some(list) = value.as_array() else {
            faults.note(&path, format!("must be a list of strings, found {}", found(value)));
            return None;
        };
        let mut texts = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match value.as_str() {
                Some(text) if !text.is_empty() => texts.push(text.to_owned()),
                _ => {
                    let what = format!("must be a non-empty string, found {}", found(value));
                    faults.note(&path.index(index), what);
                }
            }
        }
        Some(texts)
    }

    /// Reads a list of patterns. The default is one pattern that matches every name.
    pub(super) fn patterns(&mut self, key: &'static str, faults: &mut Faults) -> Vec<Pattern> {
        let texts = self.texts(key, faults);
        texts.map_or_else(
            || vec![Pattern::new("*")],
            |texts| texts.iter().map(|text| Pattern::new(text)).collect(),
        )
    }

    /// Reads a table.
    pub(super) fn table(&mut self, key: &'static str, faults: &mut Faults) -> Option<Self> {
        let value = self.take(key)?;
        Some(Self::open(value, self.place(key), faults))
    }

    /// Reads a list of tables, written as `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str, faults: &mut Faults) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let path = self.place(key);
        let Some(list) = value.as_array() else {
            let what = format!("must be a list of tables, each under `[[{key}]]`, found {}", found(value));
            faults.note(&path, what);
            return Vec::new();
        };
        let open = |(index, value)| Self::open(value, path.index(index), faults);
        list.iter().enumerate().map(open).collect()
    }

    /// Reports every key that was not read as unknown.
    pub(super) fn close(self, faults: &mut Faults) {
        for key in self.table.into_iter().flat_map(Table::keys) {
            if !self.expected.contains(&key.as_str()) {
                let mut expected: Vec<_> = self.expected.iter().map(|key| format!("`{key}`")).collect();
                let last = expected.pop().unwrap_or_default();
                let expected =
                    if expected.is_empty() { last } else { format!("{} or {last}", expected.join(", ")) };
                faults.note(&self.path.key(key), format!("unknown key, expected {expected}"));
            }
        }
    }
}

/// Describes the type of a value, not the value itself, which may be a secret.
fn found(value: &Value) -> &'static str {
    match value {
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
