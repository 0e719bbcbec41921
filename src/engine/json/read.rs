//! The reader: bytes to a [`Document`], in one pass and without recursion.

use std::borrow::Cow;

use super::defect::{Defect, DefectKind, Malformed};
use super::document::{Document, Kind, Node};
use super::number::{self, Fit};
use super::text;

/// How many arrays and objects may stand within one another, the outermost one counted.
pub const MAX_DEPTH: usize = 100;

/// Objects up to this many keys are searched pairwise for duplicates, larger ones sorted.
const FEW_KEYS: usize = 8;

/// Reads `bytes` as one JSON text.
///
/// # Errors
/// [`Malformed`] where the bytes are no JSON text. What is JSON but reads in two ways is no error
/// here: it is the document's [`defect`](Document::defect), so that the id of a request can still
/// be echoed in its refusal.
pub fn read(bytes: &[u8]) -> Result<Document<'_>, Malformed> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Malformed { at: 0, what: "there is a byte order mark" });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Malformed { at: error.valid_up_to(), what: "the text is not UTF-8" })?;
    let mut reader = Reader {
        text,
        at: 0,
        // A node for about every eight bytes is what real requests have.
        nodes: Vec::with_capacity((bytes.len() / 8).saturating_add(8)),
        open: Vec::with_capacity(8),
        low_half: 0,
        defect: None,
        duplicate: None,
    };
    reader.document()?;
    Ok(Document { text, nodes: reader.nodes, defect: reader.defect, duplicate: reader.duplicate })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    nodes: Vec<Node>,
    /// Indices of the arrays and objects that are not closed yet.
    open: Vec<usize>,
    /// Where the last high surrogate ended.
    low_half: usize,
    defect: Option<Defect>,
    duplicate: Option<Defect>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<(), Malformed> {
        self.value()?;
        while let Some(&container) = self.open.last() {
            self.member(container)?;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => self.malformed("something stands behind the value"),
        }
    }

    /// Reads what follows inside the innermost open container: its end, or its next member.
    fn member(&mut self, container: usize) -> Result<(), Malformed> {
        let (object, empty) = match self.nodes.get(container) {
            Some(node) => (node.kind == Kind::Object, self.nodes.len() == container.saturating_add(1)),
            None => return self.malformed("a value is out of place"),
        };
        let close = if object { b'}' } else { b']' };
        match self.peek() {
            Some(byte) if byte == close => {
                self.bump();
                self.close(container);
                return Ok(());
            }
            Some(b',') if !empty => self.bump(),
            Some(_) if empty => {}
            Some(_) => return self.malformed("a comma or a closing bracket is missing"),
            None => return self.malformed("the text ends too early"),
        }
        if object {
            if self.peek() != Some(b'"') {
                return self.malformed("a key is missing");
            }
            self.string()?;
            if self.peek() != Some(b':') {
                return self.malformed("a colon is missing");
            }
            self.bump();
        }
        self.value()
    }

    fn value(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'{') => self.open(Kind::Object),
            Some(b'[') => self.open(Kind::Array),
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return self.malformed("a value is missing"),
            None => return self.malformed("the text ends too early"),
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind) {
        let start = self.at;
        self.bump();
        self.open.push(self.nodes.len());
        if self.open.len() > MAX_DEPTH {
            self.flag(start, DefectKind::TooDeep);
        }
        self.push(kind, start);
    }

    fn close(&mut self, container: usize) {
        self.open.pop();
        let (end, after) = (self.at, self.nodes.len());
        if let Some(node) = self.nodes.get_mut(container) {
            node.end = end;
            node.after = after;
            if node.kind == Kind::Object {
                self.find_duplicate(container, after);
            }
        }
    }

    /// Looks for a key that stands twice among the members of one object.
    fn find_duplicate(&mut self, object: usize, after: usize) {
        let source: &'t str = self.text;
        let mut keys: Vec<(Cow<'t, str>, usize)> = Vec::new();
        let mut index = object.saturating_add(1);
        while index < after {
            let (Some(key), Some(value)) = (self.nodes.get(index), self.nodes.get(index.saturating_add(1)))
            else {
                break;
            };
            let inner = key.start.saturating_add(1)..key.end.saturating_sub(1);
            let raw = source.get(inner).unwrap_or_default();
            let name = match key.kind {
                Kind::String { escaped: true } => Cow::Owned(text::unescape(raw)),
                _ => Cow::Borrowed(raw),
            };
            if keys.len() < FEW_KEYS && keys.iter().any(|(other, _)| *other == name) {
                let at = key.start;
                self.flag(at, DefectKind::DuplicateKey);
                return;
            }
            keys.push((name, key.start));
            index = value.after.max(index.saturating_add(2));
        }
        if keys.len() > FEW_KEYS {
            keys.sort_unstable();
            let twice = keys.windows(2).find_map(|pair| match pair {
                [(first, _), (second, at)] if first == second => Some(*at),
                _ => None,
            });
            if let Some(at) = twice {
                self.flag(at, DefectKind::DuplicateKey);
            }
        }
    }

    fn string(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let mut escaped = false;
        self.bump();
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return self.malformed("a string holds an unescaped control character"),
                Some(_) => self.bump(),
                None => return self.malformed("the text ends too early"),
            }
        }
        self.bump();
        self.push(Kind::String { escaped }, start);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.bump();
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.bump(),
            Some(b'u') => {
                self.bump();
                for _ in 0..4 {
                    match self.byte() {
                        Some(byte) if byte.is_ascii_hexdigit() => self.bump(),
                        _ => return self.malformed("an escape in a string is unknown"),
                    }
                }
                self.surrogate(start);
            }
            _ => return self.malformed("an escape in a string is unknown"),
        }
        Ok(())
    }

    /// Notes half a surrogate pair: a high half announces where its low half stands.
    fn surrogate(&mut self, start: usize) {
        let lone = match text::code_unit(self.text, start) {
            0xd800..=0xdbff => {
                self.low_half = self.at;
                !matches!(text::code_unit(self.text, self.at), 0xdc00..=0xdfff)
            }
            0xdc00..=0xdfff => self.low_half != start,
            _ => false,
        };
        if lone {
            self.flag(start, DefectKind::LoneSurrogate);
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.bump();
        }
        match self.byte() {
            Some(b'0') => self.bump(),
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.malformed("a number has no digits"),
        }
        if self.byte() == Some(b'.') {
            self.bump();
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.bump();
            if let Some(b'+' | b'-') = self.byte() {
                self.bump();
            }
            self.some_digits()?;
        }
        if number::fit(self.text.get(start..self.at).unwrap_or_default()) == Fit::Unfit {
            self.flag(start, DefectKind::UnfitNumber);
        }
        self.push(Kind::Number, start);
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Malformed> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.malformed("a number has no digits");
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.bump();
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Malformed> {
        let start = self.at;
        let end = start.saturating_add(word.len());
        if self.text.get(start..end) != Some(word) {
            return self.malformed("a value is missing");
        }
        self.at = end;
        self.push(kind, start);
        Ok(())
    }

    /// Records a value that ends here; a container's end is set when it closes.
    fn push(&mut self, kind: Kind, start: usize) {
        let after = self.nodes.len().saturating_add(1);
        self.nodes.push(Node { kind, start, end: self.at, after });
    }

    fn flag(&mut self, at: usize, kind: DefectKind) {
        let defect = Defect { at, kind };
        if kind == DefectKind::DuplicateKey && self.duplicate.is_none() {
            self.duplicate = Some(defect.clone());
        }
        self.defect.get_or_insert(defect);
    }

    /// Skips white space and returns the byte behind it.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.bump();
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn malformed<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }
}
