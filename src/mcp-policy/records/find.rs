//! Finds the records in a line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;
use serde_json::value::RawValue;

/// How a record begins as the filter writes it.
const BEGIN: &[u8] = b"{\"decision\":\"";
/// A word of every record, however it is written.
const WORD: &[u8] = b"decision";
/// How deep members and texts within texts are searched.
const DEEPEST: usize = 16;
/// The members that only a record has together.
const MEMBERS: [&str; 5] = ["decision", "id", "server", "counters", "policy"];

/// Finds records in lines: as they are, as members of JSON at any depth, and as texts in it.
pub struct Finder {
    begin: memmem::Finder<'static>,
    word: memmem::Finder<'static>,
    /// The name of the member that records are taken from; `None` for all
    member: Option<String>,
}

type Members<'t> = BTreeMap<Cow<'t, str>, &'t RawValue>;

impl Finder {
    /// Makes a finder that takes records only from members with this name, if one is given.
    pub fn new(member: Option<String>) -> Self {
        Self { begin: memmem::Finder::new(BEGIN), word: memmem::Finder::new(WORD), member }
    }

    /// Calls `take` with the JSON text of each record of a line. Returns how many there were.
    pub fn records(&self, line: &[u8], take: &mut dyn FnMut(&str)) -> usize {
        match self.plain(line, take) {
            0 if self.word.find(line).is_some() => {
                std::str::from_utf8(line).map_or(0, |text| self.in_text(text, 0, self.member.is_none(), take))
            }
            found => found,
        }
    }

    /// Finds records as the filter writes them, with any text around them.
    fn plain(&self, line: &[u8], take: &mut dyn FnMut(&str)) -> usize {
        let mut found = 0_usize;
        let mut from = 0;
        while let Some(rest) = line.get(from..)
            && let Some(at) = self.begin.find(rest)
        {
            let record = rest.get(at..).unwrap_or_default();
            let before = line.get(..from.saturating_add(at)).unwrap_or_default();
            let end = object_end(record).filter(|_| self.is_in_member(before));
            match end.and_then(|end| std::str::from_utf8(record.get(..end)?).ok()) {
                Some(text) => {
                    take(text);
                    found = found.saturating_add(1);
                    from = from.saturating_add(at).saturating_add(text.len());
                }
                None => from = from.saturating_add(at).saturating_add(BEGIN.len()),
            }
        }
        found
    }

    /// Returns whether text ends with the key of the member, and possibly the start of a list.
    fn is_in_member(&self, before: &[u8]) -> bool {
        let Some(member) = &self.member else { return true };
        let before = before.trim_ascii_end();
        let before = before.strip_suffix(b"[").unwrap_or(before).trim_ascii_end();
        let Some(key) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end) else { return false };
        let key = key.strip_suffix(b"\"").and_then(|key| key.strip_suffix(member.as_bytes()));
        key.is_some_and(|key| key.ends_with(b"\""))
    }

    /// Finds records in a text that holds JSON, possibly behind other text.
    fn in_text(&self, text: &str, depth: usize, taking: bool, take: &mut dyn FnMut(&str)) -> usize {
        let Some(rest) = text.find('{').and_then(|at| text.get(at..)) else { return 0 };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) => self.in_json(value.get(), depth, taking, take),
            _ => 0,
        }
    }

    fn in_json(&self, json: &str, depth: usize, taking: bool, take: &mut dyn FnMut(&str)) -> usize {
        if depth > DEEPEST || self.word.find(json.as_bytes()).is_none() {
            return 0;
        }
        let below = depth.saturating_add(1);
        match json.bytes().next() {
            Some(b'{') => {
                let Ok(members) = serde_json::from_str::<Members<'_>>(json) else { return 0 };
                if taking && MEMBERS.iter().all(|key| members.contains_key(*key)) {
                    take(json);
                    return 1;
                }
                let found = |(key, value): (&Cow<'_, str>, &&RawValue)| {
                    let taking = taking || self.member.as_deref() == Some(key);
                    self.in_json(value.get(), below, taking, take)
                };
                members.iter().map(found).sum()
            }
            Some(b'[') => {
                let elements = serde_json::from_str::<Vec<&RawValue>>(json).unwrap_or_default();
                elements.iter().map(|element| self.in_json(element.get(), below, taking, take)).sum()
            }
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(text) => self.in_text(&text, below, taking, take),
                Err(_) => 0,
            },
            _ => 0,
        }
    }
}

/// Returns where the object at the start of a text ends.
fn object_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut open = 0_usize;
    loop {
        at = memchr::memchr3(b'"', b'{', b'}', text.get(at..)?)?.checked_add(at)?;
        match text.get(at) {
            Some(b'"') => at = string_end(text, at)?,
            Some(b'{') => {
                open = open.checked_add(1)?;
                at = at.checked_add(1)?;
            }
            _ => {
                open = open.checked_sub(1)?;
                at = at.checked_add(1)?;
            }
        }
        if open == 0 {
            return Some(at);
        }
    }
}

/// Returns where the string that begins at a quote ends.
fn string_end(text: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote.checked_add(1)?;
    loop {
        at = memchr::memchr2(b'"', b'\\', text.get(at..)?)?.checked_add(at)?;
        match text.get(at) {
            Some(b'"') => return at.checked_add(1),
            _ => at = at.checked_add(2)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"decision":"deny","id":"1","server":"s","target":"a}\"{","counters":[{"used":1}],"arguments":{"x":{"decision":"allow"}},"policy":"p"}"#;

    fn found(finder: &Finder, line: &str) -> Vec<String> {
        let mut found = Vec::new();
        let count = finder.records(line.as_bytes(), &mut |text| found.push(text.to_owned()));
        assert_eq!(count, found.len(), "{line}");
        found
    }

    #[test]
    fn a_record_is_found_whatever_stands_around_it() {
        let quoted = serde_json::to_string(RECORD).unwrap();
        let twice = serde_json::to_string(&format!("{{\"m\":{quoted}}}\n")).unwrap();
        let spaced = RECORD
            .replace("\":", "\": ")
            .replace(r#"{"decision": "deny","id": "1","#, r#"{"id": "1", "decision": "deny","#);
        let finder = Finder::new(None);
        for (line, expected) in [
            (RECORD.to_owned(), &[RECORD][..]),
            (format!("[2026] \"GET {{ /\" {RECORD} tail}}"), &[RECORD]),
            (format!(r#"{{"mcp":[{RECORD}],"status":200}}"#), &[RECORD]),
            (format!(r#"{{"a":{{"b":{RECORD}}}}}"#), &[RECORD]),
            (format!("{RECORD} {RECORD}"), &[RECORD, RECORD]),
            (format!(r#"{{"mcp":{quoted}}}"#), &[RECORD]),
            (format!(r#"{{"log":{twice}}}"#), &[RECORD]),
            (format!(r#"2026-11-26T09:00:00Z stdout F {{"log":{twice}}}"#), &[RECORD]),
            (format!(r#"{{"mcp":{spaced}}}"#), &[&spaced]),
            (r#"{"mcp":[]}"#.to_owned(), &[]),
            (r#"{"decision":"deny","id":"1"#.to_owned(), &[]),
            (r#"{"decision":"the board's"} {"x":"decision"}"#.to_owned(), &[r#"{"decision":"the board's"}"#]),
            (String::new(), &[]),
        ] {
            assert_eq!(found(&finder, &line), expected, "{line}");
        }
    }

    #[test]
    fn with_a_member_no_other_text_of_a_line_is_a_record() {
        let quoted = serde_json::to_string(RECORD).unwrap();
        let finder = Finder::new(Some("mcp".to_owned()));
        for (line, expected) in [
            (format!(r#"{{"mcp":[{RECORD}]}}"#), 1),
            (format!(r#"{{"mcp" : {RECORD}}}"#), 1),
            (format!(r#"{{"agent":{quoted},"mcp":{quoted}}}"#), 1),
            (format!(r#"{{"agent":{quoted},"mcp":[]}}"#), 0),
            (format!(r#"{{"not_mcp":{RECORD}}}"#), 0),
            (RECORD.to_owned(), 0),
        ] {
            assert_eq!(found(&finder, &line).len(), expected, "{line}");
        }
    }

    #[test]
    fn no_text_is_too_strange() {
        let finder = Finder::new(None);
        let deep = format!("{}{}", "{\"decision\":[".repeat(500), "\"");
        for line in
            [&deep, "{\"decision\":\"\\", "{\"decision\":\"}}}}", "\u{0}decision", "{\"a\":\"decision\\u\"}"]
        {
            let _ = finder.records(line.as_bytes(), &mut |_| {});
        }
        assert_eq!(finder.records(b"{\"decision\":\"\xff\"}", &mut |_| {}), 0);
    }
}
