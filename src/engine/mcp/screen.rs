//! Looks for a list in a JSON text while it arrives, in bounded memory.
//!
//! The structure of a text is the same for every parser that accepts it: what is a string, what is a key, and
//! which bracket closes which. A [`Screen`] follows only that. It reads the keys of the message and of its
//! `result`, skips everything else, and needs no memory for it. Text in which a parser could see another
//! structure is [`Finding::Unreadable`].

mod plain;
mod structure;
mod token;

use crate::json::{self, plain_end};

/// What a text is, as far as it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// No list so far
    Nothing,
    /// A `result` has a member that is a list, or is named almost like one, or the message or its `result` has a prototype
    List,
    /// It begins like no message in any notation. It can contain no list
    NoMessage,
    /// A client could find something in it that this reader does not
    Unreadable,
}

/// A reader of one or more JSON texts, one behind the other.
#[derive(Debug)]
pub struct Screen {
    finding: Finding,
    /// How many arrays and objects are open
    depth: usize,
    /// The depth of a message's members: 1, or 2 in an array of messages; 0 before the first bracket
    message: usize,
    /// Which of the first levels are objects, as bits
    objects: u8,
    /// The next string at one of the first levels is a key
    key_next: bool,
    /// The member of the message that is being read
    member: Member,
    place: Place,
    /// The bytes of a key or an id that is being read
    token: Vec<u8>,
    token_kind: Token,
    /// The text of the message's id
    id: Vec<u8>,
    /// The message has several ids, or is one of several
    ids: bool,
    answers: bool,
    /// A list was found, whatever came behind it
    has_list: bool,
}

/// Where the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Structure,
    String,
    /// Behind a backslash
    Escape,
    /// Within a number, `true` or the like
    Scalar,
    /// Behind a slash in front of the first bracket
    Slash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Id,
    Result,
    Other,
}

/// What the bytes in `token` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    Key,
    Id,
}

/// The most bytes of a key or an id that are kept. No spelling of a protocol key is longer.
const MOST_TOKEN: usize = 1_024;

impl Default for Screen {
    fn default() -> Self {
        Self {
            finding: Finding::Nothing,
            depth: 0,
            message: 0,
            objects: 0,
            key_next: false,
            member: Member::Other,
            place: Place::Structure,
            token: Vec::new(),
            token_kind: Token::None,
            id: Vec::new(),
            ids: false,
            answers: false,
            has_list: false,
        }
    }
}

impl Screen {
    /// Reads the next bytes. Returns how many of them were read: up to the end of the text, or up to where the
    /// finding changed; otherwise all. The next text begins with the first bracket behind the end.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let before = self.finding;
        let mut at = 0;
        while self.finding == before
            && matches!(before, Finding::Nothing | Finding::List)
            && let Some(&byte) = bytes.get(at)
        {
            at = match self.place {
                Place::Structure if self.bit().is_none() => self.deep(bytes, at),
                Place::Structure => {
                    let opened = self.depth > 0;
                    self.structure(byte);
                    if opened && self.depth == 0 {
                        return at.saturating_add(1);
                    }
                    at.saturating_add(1)
                }
                Place::String => self.string(bytes, at),
                Place::Escape => {
                    self.keep(&[byte]);
                    self.place = Place::String;
                    at.saturating_add(1)
                }
                Place::Slash => {
                    let comment = matches!(byte, b'/' | b'*');
                    self.finding = if comment { Finding::Unreadable } else { Finding::NoMessage };
                    at.saturating_add(1)
                }
                Place::Scalar if is_scalar(byte) => {
                    self.keep(&[byte]);
                    at.saturating_add(1)
                }
                Place::Scalar => {
                    self.place = Place::Structure;
                    self.end_token();
                    at
                }
            };
        }
        at
    }

    /// Returns what the text is.
    #[must_use]
    pub fn finding(&self) -> Finding {
        self.finding
    }

    /// Tells whether the bytes are one whole text without a list.
    #[must_use]
    pub fn finds_nothing_in(bytes: &[u8]) -> bool {
        if plain::is_without_list(bytes) {
            return true;
        }
        let mut screen = Self::default();
        let read = screen.push(bytes);
        read == bytes.len() && screen.finding == Finding::Nothing && !screen.is_within()
    }

    /// Tells whether a text has begun and not ended.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.depth > 0 || self.place == Place::Slash
    }

    /// Returns the message's id as JSON text, if it has been read and is a string or a number.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        // Of two ids a client may read either, and an array of messages has one for each.
        if self.ids || self.message > 1 || self.id.len() >= MOST_TOKEN {
            return None;
        }
        let document = json::read(&self.id).ok()?;
        let id = document.root();
        (id.string().is_some() || id.number().is_some()).then(|| id.raw().to_owned())
    }

    /// Tells whether the message has a `result` or an `error`.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.answers
    }

    /// Tells whether the text has a list, even if something behind it cannot be read.
    #[must_use]
    pub fn has_list(&self) -> bool {
        self.has_list
    }

    /// Reads on in a string, up to its end or to a backslash.
    fn string(&mut self, bytes: &[u8], at: usize) -> usize {
        let end = plain_end(bytes, at);
        let run = bytes.get(at..end).unwrap_or_default();
        if self.token_kind == Token::Key
            && self.token == b"\""
            && bytes.get(end) == Some(&b'"')
            && let Ok(key) = std::str::from_utf8(run)
            && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        {
            // Almost every key is like this.
            self.place = Place::Structure;
            self.token_kind = Token::None;
            self.key(self.depth == self.message, key, true);
            return end.saturating_add(1);
        }
        self.keep(run);
        let Some(&byte) = bytes.get(end) else { return end };
        self.keep(&[byte]);
        match byte {
            b'"' => {
                self.place = Place::Structure;
                self.end_token();
            }
            b'\\' => self.place = Place::Escape,
            // A lenient parser accepts a control character in a string, and it changes no structure.
            _ => {}
        }
        end.saturating_add(1)
    }
}

const fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests;
