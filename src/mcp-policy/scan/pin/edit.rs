//! Edits of a policy's text, in JSON and YAML: digests are added to entries, and nothing else changes.

use std::ops::Range;

use mcp_policy_engine::mcp::definition::DefinitionDigest;

use crate::input::{Node, Value};

/// Why an entry is left to its author.
const NOT_ALWAYS: &str = "its rule has `when` or is in shadow mode: make a list of it by hand, with `{\"definition\": \"\"}` \
    behind the rule";
const NO_RULE: &str = "its entry is no rule";
const OWN_LINE: &str = "its entry does not begin on a line of its own";

/// Edits of one text.
#[derive(Debug)]
pub struct Edits<'t> {
    text: &'t str,
    /// Places and what comes there
    list: Vec<(Range<usize>, String)>,
}

impl<'t> Edits<'t> {
    /// Begins without any.
    pub fn new(text: &'t str) -> Self {
        Self { text, list: Vec::new() }
    }

    /// Replaces a digest.
    pub fn replace(&mut self, definition: &Node, digest: DefinitionDigest) {
        if !matches!(&definition.value, Value::Text(text) if *text == digest.to_string()) {
            self.list.push((definition.span.clone(), format!("\"{digest}\"")));
        }
    }

    /// Adds a digest to an entry that has none.
    ///
    /// # Errors
    /// Why that is not possible.
    pub fn add(&mut self, entry: &Node, digest: DefinitionDigest) -> Result<(), &'static str> {
        let Range { start, end } = self.place(entry);
        let member = format!("\"definition\": \"{digest}\"");
        let is_flow = self.text.get(start..).is_some_and(|text| text.starts_with(['{', '[']));
        match &entry.value {
            Value::Object(members) if members.is_empty() => self.put(start..end, format!("{{ {member} }}")),
            // In such a rule the digest would not be allowed, or would refuse nothing.
            Value::Object(members) if members.iter().any(|(key, _, value)| is_not_always(key, value)) => {
                if !is_flow {
                    return Err(NOT_ALWAYS);
                }
                self.put(start..start, "[".to_owned());
                self.put(end..end, format!(", {{ {member} }}]"));
            }
            Value::Object(members) => {
                let first = members.first().map_or(start, |(_, place, _)| place.start);
                let text = match is_flow {
                    true => format!("{member},{}", self.space_before(first)),
                    false => format!("definition: \"{digest}\"\n{}", self.indent(first)?),
                };
                self.put(first..first, text);
            }
            Value::List(rules) => {
                let (Some(first), Some(last)) = (rules.first(), rules.last()) else { return Err(NO_RULE) };
                if is_flow {
                    let Range { start, end } = self.place(last);
                    self.put(end..end, format!(",{}{{ {member} }}", self.space_before(start)));
                } else {
                    let dash = self.dash(first.span.start)?;
                    let end = self.line_end(self.place(last).end);
                    self.put(end..end, format!("\n{}- {{ {member} }}", self.indent(dash)?));
                }
            }
            Value::Text(name) => {
                let name = serde_json::Value::from(name.as_str());
                self.put(start..end, format!("[{name}, {{ {member} }}]"));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => return Err(NO_RULE),
        }
        Ok(())
    }

    /// Returns the new text.
    ///
    /// # Errors
    /// Two edits are about the same place.
    pub fn apply(mut self) -> Result<String, &'static str> {
        self.list.sort_by_key(|(place, _)| (place.start, place.end));
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        let mut last = None;
        for (place, text) in &self.list {
            if place.start < at || last == Some(place) {
                return Err("two tools share one rule by an alias: write the rule for each of them");
            }
            out.push_str(self.text.get(at..place.start).unwrap_or_default());
            out.push_str(text);
            at = place.end;
            last = Some(place);
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        Ok(out)
    }

    /// Returns the place of a value. That of a list or an object in brackets can lack the closing one in YAML.
    fn place(&self, node: &Node) -> Range<usize> {
        let Range { start, end } = node.span;
        let text = self.text.get(start..).unwrap_or_default();
        match node.value {
            Value::List(_) | Value::Object(_) if text.starts_with(['{', '[']) => {
                start..brackets_end(text).map_or(end, |length| start.saturating_add(length))
            }
            _ => start..end,
        }
    }

    fn put(&mut self, place: Range<usize>, text: String) {
        self.list.push((place, text));
    }

    /// Returns the white space in front of a place if a line begins in it, otherwise one space.
    fn space_before(&self, at: usize) -> &'t str {
        let before = self.text.get(..at).unwrap_or_default();
        let space = before.get(before.trim_end().len()..).unwrap_or_default();
        if space.contains('\n') { space } else { " " }
    }

    /// Returns the place of the dash in front of an element of a YAML list.
    fn dash(&self, element: usize) -> Result<usize, &'static str> {
        let before = self.text.get(..element).unwrap_or_default().trim_end_matches(' ');
        before.ends_with('-').then(|| before.len().saturating_sub(1)).ok_or(OWN_LINE)
    }

    /// Returns the indentation of what begins at a place: spaces, also for the dashes of lists in front of it.
    fn indent(&self, at: usize) -> Result<String, &'static str> {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.chars().all(|char| matches!(char, ' ' | '-')).then(|| " ".repeat(line.len())).ok_or(OWN_LINE)
    }

    /// Returns the end of the line in which a value ends. The place of a value can include line ends behind it.
    fn line_end(&self, value_end: usize) -> usize {
        let end = self.text.get(..value_end).unwrap_or_default().trim_end().len();
        let rest = self.text.get(end..).unwrap_or_default();
        end.saturating_add(rest.find('\n').unwrap_or(rest.len()))
    }
}

/// Tells whether a rule with this member does not refuse each call that it could.
fn is_not_always(key: &str, value: &Node) -> bool {
    key == "when" || (key == "mode" && matches!(&value.value, Value::Text(mode) if mode == "shadow"))
}

/// Returns the length of the list or object in brackets with which a text in JSON or YAML begins.
fn brackets_end(text: &str) -> Option<usize> {
    let (mut open, mut quote, mut is_escaped) = (0_usize, None, false);
    // A quotation mark within a word, and a `#` too, is a letter of the word.
    let (mut begins, mut is_comment) = (true, false);
    for (at, char) in text.char_indices() {
        match (char, quote) {
            _ if is_comment => is_comment = char != '\n',
            (_, Some(_)) if is_escaped => is_escaped = false,
            ('\\', Some('"')) => is_escaped = true,
            (_, Some(mark)) => quote = Some(mark).filter(|mark| char != *mark),
            ('"' | '\'', None) if begins => quote = Some(char),
            ('#', None) if text.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace)) => {
                is_comment = true;
            }
            ('{' | '[', None) => open = open.saturating_add(1),
            ('}' | ']', None) => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at.saturating_add(1));
        }
        begins = matches!(char, '{' | '[' | ',' | ':') || (begins && char.is_whitespace());
    }
    None
}
