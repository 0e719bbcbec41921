//! The reader: bytes to a [`Document`], in one pass and without recursion.

mod bytes;
mod open;
mod prototype;
mod string;

use bytes::Bytes;
use open::{KeyFilter, Open};

use super::defect::{Defect, DefectKind, Malformed};
use super::document::Document;
use super::node::{Kind, Node};
use super::number::{self, Fit};
use super::{duplicate, text};

/// How many arrays and objects may stand within one another, the outermost one counted.
pub const MAX_DEPTH: usize = 100;

/// Numbers up to this many characters without an exponent fit: 18 digits are below 2^63.
const SHORT_NUMBER: usize = 18;

/// Reads `bytes` as one JSON text.
///
/// # Errors
/// [`Malformed`] if the bytes are not a JSON text, or are more than 4 GiB. A defect is not an error here: the
/// document has it as its [`defect`](Document::defect), so that the refusal of a request can still contain the
/// request's id.
pub fn read(bytes: &[u8]) -> Result<Document<'_>, Malformed> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Malformed { at: 0, what: "there is a byte order mark" });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Malformed { at: error.valid_up_to(), what: "the text is not UTF-8" })?;
    if u32::try_from(text.len()).is_err() {
        return Err(Malformed { at: 0, what: "the text is longer than 4 GiB" });
    }
    let mut reader = Reader {
        text,
        // A node for about every eight bytes is what real requests have.
        nodes: Vec::with_capacity((bytes.len() / 8).saturating_add(8)),
        open: Open::new(0, Kind::Null),
        depth: 0,
        low_half: 0,
        defect: None,
        duplicate: None,
        prototype: None,
        constructor: false,
    };
    reader.document(Bytes(bytes))?;
    let Reader { nodes, defect, duplicate, prototype, constructor, .. } = reader;
    let prototype = prototype.or_else(|| constructor.then(|| prototype::find(text, &nodes)).flatten());
    Ok(Document { text, nodes, defect, duplicate, prototype })
}

/// Places are byte offsets, at most one behind the text's end, so that none of their sums wraps.
struct Reader<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// Meaningless while `depth` is 0. The node of an array or object keeps `keys` as its `end`, and the
    /// index of the one around it as its `after`, while something inside it is read.
    open: Open,
    /// How many arrays and objects are open
    depth: usize,
    /// Where the last high surrogate ended
    low_half: usize,
    defect: Option<Defect>,
    duplicate: Option<Defect>,
    /// The first key that names a prototype in JavaScript
    prototype: Option<usize>,
    /// Whether a key may be `constructor`, below which `prototype` names one
    constructor: bool,
}

impl Reader<'_> {
    fn document(&mut self, bytes: Bytes<'_>) -> Result<(), Malformed> {
        let mut at = 0;
        loop {
            at = self.value(bytes, at)?;
            match self.next(bytes, at)? {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
    }

    /// Reads a whole value, or the bracket that opens one, and returns the place behind it.
    fn value(&mut self, bytes: Bytes<'_>, at: usize) -> Result<usize, Malformed> {
        let (at, byte) = bytes.token(at);
        match byte {
            Some(b'"') => {
                let (end, escaped) = self.string(bytes, at)?;
                self.push(Kind::String { escaped }, at, end);
                Ok(end)
            }
            Some(b'{') => Ok(self.open(Kind::Object, at)),
            Some(b'[') => Ok(self.open(Kind::Array, at)),
            Some(b'-' | b'0'..=b'9') => self.number(bytes, at),
            Some(b't') => self.word(bytes, "true", Kind::Bool(true), at),
            Some(b'f') => self.word(bytes, "false", Kind::Bool(false), at),
            Some(b'n') => self.word(bytes, "null", Kind::Null, at),
            Some(_) => malformed(at, "a value is missing"),
            None => malformed(at, "the text ends too early"),
        }
    }

    /// Reads what stands between two values, and returns the place of the next one; `None` at the end.
    fn next(&mut self, bytes: Bytes<'_>, mut at: usize) -> Result<Option<usize>, Malformed> {
        while self.depth > 0 {
            let (here, byte) = bytes.token(at);
            let behind = here.wrapping_add(1);
            let member = match byte {
                Some(byte) if byte == self.open.bracket => {
                    self.close(behind);
                    at = behind;
                    continue;
                }
                Some(_) if self.open.empty => here,
                Some(b',') => behind,
                Some(_) => return malformed(here, "a comma or a closing bracket is missing"),
                None => return malformed(here, "the text ends too early"),
            };
            return self.key(bytes, member).map(Some);
        }
        match bytes.token(at) {
            (_, None) => Ok(None),
            (at, Some(_)) => malformed(at, "something follows the value"),
        }
    }

    /// Reads the key and the colon in front of a member; nothing in front of an element.
    fn key(&mut self, bytes: Bytes<'_>, at: usize) -> Result<usize, Malformed> {
        self.open.empty = false;
        if self.open.bracket == b']' {
            return Ok(at);
        }
        let (at, byte) = bytes.token(at);
        if byte != Some(b'"') {
            return malformed(at, "a key is missing");
        }
        let (end, escaped) = self.string(bytes, at)?;
        self.push(Kind::String { escaped }, at, end);
        let key = bytes.between(at.wrapping_add(1), end.wrapping_sub(1));
        self.open.keys.add(key, escaped);
        if key.len() >= prototype::SHORTEST {
            self.note_prototype(at, key, escaped);
        }
        match bytes.token(end) {
            (at, Some(b':')) => Ok(at.wrapping_add(1)),
            (at, _) => malformed(at, "a colon is missing"),
        }
    }

    /// Notes a key of JavaScript's prototypes.
    fn note_prototype(&mut self, at: usize, key: &[u8], escaped: bool) {
        if escaped {
            let key = text::unescape(std::str::from_utf8(key).unwrap_or_default());
            return self.note_prototype(at, key.as_bytes(), false);
        }
        if prototype::is_named(key) {
            self.prototype.get_or_insert(at);
        }
        self.constructor |= key == prototype::CONSTRUCTOR;
    }

    fn open(&mut self, kind: Kind, at: usize) -> usize {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            self.flag(at, DefectKind::TooDeep);
        }
        let Open { index: outer, keys, .. } = self.open;
        if let Some(node) = self.nodes.get_mut(outer) {
            node.end = keys.0;
        }
        self.open = Open::new(self.nodes.len(), kind);
        self.nodes.push(Node::new(kind, at, 0, outer));
        at.wrapping_add(1)
    }

    fn close(&mut self, end: usize) {
        let Open { index, bracket, keys, .. } = self.open;
        let after = self.nodes.len();
        let Some(node) = self.nodes.get_mut(index) else { return };
        let outer = node.after();
        *node = Node::new(node.kind, node.span().start, end, after);
        if keys.may_repeat()
            && bracket == b'}'
            && let Some(at) = duplicate::find(self.text, &self.nodes, index)
        {
            self.flag(at, DefectKind::DuplicateKey);
        }
        self.depth = self.depth.saturating_sub(1);
        if let Some(node) = self.nodes.get(outer) {
            self.open = Open { empty: false, keys: KeyFilter(node.end), ..Open::new(outer, node.kind) };
        }
    }

    fn number(&mut self, bytes: Bytes<'_>, start: usize) -> Result<usize, Malformed> {
        let unsigned = if bytes.at(start) == Some(b'-') { start.wrapping_add(1) } else { start };
        let mut end = match bytes.at(unsigned) {
            Some(b'0') => unsigned.wrapping_add(1),
            _ => bytes.digits(unsigned)?,
        };
        if bytes.at(end) == Some(b'.') {
            end = bytes.digits(end.wrapping_add(1))?;
        }
        let exponent = matches!(bytes.at(end), Some(b'e' | b'E'));
        if exponent {
            end = end.wrapping_add(1);
            if let Some(b'+' | b'-') = bytes.at(end) {
                end = end.wrapping_add(1);
            }
            end = bytes.digits(end)?;
        }
        let short = !exponent && end.wrapping_sub(start) <= SHORT_NUMBER;
        if !short && number::fit(self.text.get(start..end).unwrap_or_default()) == Fit::Unfit {
            self.flag(start, DefectKind::UnfitNumber);
        }
        self.push(Kind::Number, start, end);
        Ok(end)
    }

    fn word(&mut self, bytes: Bytes<'_>, word: &str, kind: Kind, start: usize) -> Result<usize, Malformed> {
        let end = start.wrapping_add(word.len());
        if bytes.between(start, end) != word.as_bytes() {
            return malformed(start, "a value is missing");
        }
        self.push(kind, start, end);
        Ok(end)
    }

    /// Records a value that has no parts.
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let after = self.nodes.len().wrapping_add(1);
        self.nodes.push(Node::new(kind, start, end, after));
    }

    fn flag(&mut self, at: usize, kind: DefectKind) {
        let defect = Defect { at, kind };
        if kind == DefectKind::DuplicateKey && self.duplicate.is_none() {
            self.duplicate = Some(defect.clone());
        }
        self.defect.get_or_insert(defect);
    }
}

fn malformed<T>(at: usize, what: &'static str) -> Result<T, Malformed> {
    Err(Malformed { at, what })
}
