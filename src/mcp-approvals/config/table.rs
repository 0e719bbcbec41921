//! Tables of the file, key by key: what is not asked for is unknown.

use mcp_policy_engine::document::Path;
use mcp_policy_engine::policy::Pattern;
use toml::{Table, Value};

use super::Faults;

/// A table that is being read. Keys are taken by name; [`close`](Self::close) reports the rest.
pub(super) struct Keys<'t> {
    path: Path,
    table: Option<&'t Table>,
    known: Vec<&'static str>,
}

impl<'t> Keys<'t> {
    /// Opens the whole file.
    pub(super) fn root(table: &'t Table) -> Self {
        Self { path: Path::default(), table: Some(table), known: Vec::new() }
    }

    /// Opens a table at `path`; what is none counts as one without keys, and is a fault.
    fn open(value: &'t Value, path: Path, faults: &mut Faults) -> Self {
        let table = value.as_table();
        if table.is_none() {
            faults.note(&path, format!("must be a table, found {}", found(value)));
        }
        Self { path, table, known: Vec::new() }
    }

    /// Returns the place of `key`.
    pub(super) fn place(&self, key: &str) -> Path {
        self.path.key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Value> {
        self.known.push(key);
        self.table?.get(key)
    }

    /// Takes a string that is not empty.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        let value = self.take(key)?;
        match value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                let path = self.place(key);
                faults.note(&path, format!("must be a string that is not empty, found {}", found(value)));
                None
            }
        }
    }

    /// Takes a string that has to be there; an empty one in its place is a fault that is noted.
    pub(super) fn needed(&mut self, key: &'static str, faults: &mut Faults) -> String {
        let text = self.text(key, faults);
        let place = self.place(key);
        if text.is_none() && !faults.has(&place) {
            faults.note(&place, "is missing, must be a string that is not empty");
        }
        text.unwrap_or_default()
    }

    /// Takes an integer from 1 on.
    pub(super) fn count(&mut self, key: &'static str, faults: &mut Faults) -> Option<u32> {
        let value = self.take(key)?;
        let count =
            value.as_integer().and_then(|number| u32::try_from(number).ok()).filter(|count| *count > 0);
        if count.is_none() {
            let path = self.place(key);
            faults.note(&path, format!("must be an integer from 1 on, found {}", found(value)));
        }
        count
    }

    /// Takes `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, absent: bool, faults: &mut Faults) -> bool {
        let Some(value) = self.take(key) else { return absent };
        value.as_bool().unwrap_or_else(|| {
            let path = self.place(key);
            faults.note(&path, format!("must be `true` or `false`, found {}", found(value)));
            absent
        })
    }

    /// Takes a list of strings, none of them empty.
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
                    let what = format!("must be a string that is not empty, found {}", found(value));
                    faults.note(&path.index(index), what);
                }
            }
        }
        Some(texts)
    }

    /// Takes a list of patterns; where it is absent, every name fits.
    pub(super) fn patterns(&mut self, key: &'static str, faults: &mut Faults) -> Vec<Pattern> {
        let texts = self.texts(key, faults);
        texts.map_or_else(
            || vec![Pattern::new("*")],
            |texts| texts.iter().map(|text| Pattern::new(text)).collect(),
        )
    }

    /// Takes a table.
    pub(super) fn table(&mut self, key: &'static str, faults: &mut Faults) -> Option<Self> {
        let value = self.take(key)?;
        Some(Self::open(value, self.place(key), faults))
    }

    /// Takes a list of tables, as `[[key]]` writes it.
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

    /// Notes a fault for every key that nobody took.
    pub(super) fn close(self, faults: &mut Faults) {
        for key in self.table.into_iter().flat_map(Table::keys) {
            if !self.known.contains(&key.as_str()) {
                let mut known: Vec<_> = self.known.iter().map(|key| format!("`{key}`")).collect();
                let last = known.pop().unwrap_or_default();
                let known = if known.is_empty() { last } else { format!("{} or {last}", known.join(", ")) };
                faults.note(&self.path.key(key), format!("unknown key, expected {known}"));
            }
        }
    }
}

/// Describes a value in a message: its type alone, since it may be a secret.
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
