//! The keys and ids of a message, as far as a screen keeps them.

use super::{Finding, MOST_TOKEN, Member, Place, Screen, Token};
use crate::json;
use crate::mcp::{keys, method};

impl Screen {
    /// Begins to keep a string or scalar, if it matters.
    pub(super) fn begin_token(&mut self) {
        let at_message = self.depth == self.message;
        self.token_kind = if self.key_next && (at_message || self.member == Member::Result) {
            Token::Key
        } else if at_message && self.is_object() && self.member == Member::Id {
            Token::Id
        } else {
            Token::None
        };
        self.token.clear();
        if self.place == Place::String {
            self.keep(b"\"");
        }
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.token_kind != Token::None {
            let room = MOST_TOKEN.saturating_sub(self.token.len());
            self.token.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
    }

    pub(super) fn end_token(&mut self) {
        match std::mem::replace(&mut self.token_kind, Token::None) {
            Token::None => {}
            Token::Key => self.end_key(),
            Token::Id => {
                self.ids |= !self.id.is_empty();
                self.id = std::mem::take(&mut self.token);
            }
        }
    }

    fn end_key(&mut self) {
        let mut token = std::mem::take(&mut self.token);
        if token.len() >= MOST_TOKEN {
            shorten(&mut token);
        }
        let plain = token.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\');
        let at_message = self.depth == self.message;
        if plain {
            let key = std::str::from_utf8(token.get(1..token.len().saturating_sub(1)).unwrap_or_default());
            self.key(at_message, key.unwrap_or_default(), true);
        } else {
            match json::read(&token) {
                Ok(document) => self.key(at_message, &document.root().string().unwrap_or_default(), false),
                Err(_) => self.finding = Finding::Unreadable,
            }
        }
        self.token = token;
    }

    pub(super) fn key(&mut self, at_message: bool, key: &str, plain: bool) {
        let is = |of: &str| {
            if plain { key.eq_ignore_ascii_case(of) } else { key == of || keys::is_variant(key, of) }
        };
        if key == keys::PROTOTYPE || (!at_message && method::lists().any(|list| is(list.member))) {
            self.finding = Finding::List;
            self.has_list = true;
        }
        if !at_message {
            return;
        }
        self.member = match key {
            "id" => Member::Id,
            _ if is("result") => Member::Result,
            _ => Member::Other,
        };
        self.answers |= self.member == Member::Result || key == "error";
    }
}

/// Cuts a key that is too long to be a protocol key to its beginning. Some readers cut keys at a NUL.
fn shorten(token: &mut Vec<u8>) {
    let escape = token.windows(6).position(|bytes| bytes == b"\\u0000");
    let raw = token.iter().position(|byte| *byte == 0);
    match [escape, raw].into_iter().flatten().min() {
        Some(end) => token.truncate(end),
        None => *token = b"\"too long".to_vec(),
    }
    token.push(b'"');
}
