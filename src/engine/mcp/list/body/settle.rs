//! What becomes of a text that has been read.

use super::{ListBody, State};
use crate::json::{self, Malformed};
use crate::mcp::list::answer::{Shown, error_for};
use crate::mcp::list::{Filtered, Keep, Unreadable, filter};
use crate::mcp::screen::{Finding, Screen};

impl ListBody {
    /// Acts on what the screen has found.
    pub(super) fn settle(&mut self, keep: &mut Keep<'_>, shown: &mut Shown) {
        let holding = matches!(self.state, State::Holding);
        match self.screen.finding() {
            Finding::NoMessage if self.announced => self.refuse(shown),
            Finding::NoMessage => {
                shown.bytes.append(&mut self.held);
                self.state = State::Open;
            }
            Finding::Unreadable if holding => self.refuse(shown),
            Finding::List if holding && self.held.len() > self.bounds.limit => {
                self.replace(Unreadable::TooLarge(self.bounds.limit), shown);
            }
            Finding::List if holding && self.screen.is_within() => {}
            Finding::List if holding => self.filter(keep, shown),
            Finding::Unreadable | Finding::List => {
                shown.unreadable = Some(Unreadable::TooLarge(self.bounds.hold));
                shown.lost |= self.may_be_list();
                self.state = State::Replaced { error: None, owed: 0 };
            }
            Finding::Nothing if !self.screen.is_within() => {
                shown.bytes.append(&mut self.held);
                self.state = State::Holding;
                // What follows is another text, and the id is not its own.
                self.screen = Screen::default();
            }
            Finding::Nothing if holding && self.held.len() > self.bounds.hold => {
                match self.awaited.list.is_some() {
                    true => self.replace(Unreadable::TooLarge(self.bounds.limit), shown),
                    false => {
                        shown.bytes.append(&mut self.held);
                        self.held = Vec::new();
                        self.state = State::Passing;
                    }
                }
            }
            Finding::Nothing => {}
        }
    }

    /// Filters a whole text that has a list.
    fn filter(&mut self, keep: &mut Keep<'_>, shown: &mut Shown) {
        let length = self.held.len();
        let filtered = match filter(&self.held, keep) {
            Ok(Filtered { bytes: Some(bytes), .. }) if self.padded && bytes.len() > length => {
                return self.replace(Unreadable::TooLarge(length), shown);
            }
            Ok(filtered) => filtered,
            Err(unreadable) => return self.replace(unreadable, shown),
        };
        shown.removed = shown.removed.saturating_add(filtered.removed);
        shown.unreadable = filtered.unreadable.or(shown.unreadable.take());
        let start = shown.bytes.len();
        shown.bytes.extend_from_slice(filtered.bytes.as_deref().unwrap_or(&self.held));
        if self.padded {
            shown.bytes.resize(start.saturating_add(length), b' ');
        }
        self.held.clear();
        self.screen = Screen::default();
    }

    /// Puts the error in the place of a text that cannot be read.
    pub(super) fn refuse(&mut self, shown: &mut Shown) {
        let malformed = json::read(&self.held).err();
        let malformed = malformed.unwrap_or(Malformed { at: 0, what: "it is no JSON-RPC message" });
        self.replace(Unreadable::Malformed(malformed), shown);
    }

    fn replace(&mut self, unreadable: Unreadable, shown: &mut Shown) {
        shown.unreadable = Some(unreadable);
        shown.lost |= self.may_be_list();
        let id = self.awaited.id.clone().or_else(|| self.screen.id());
        let error = error_for(id.as_deref().unwrap_or("null")).into_bytes();
        let owed = std::mem::take(&mut self.held).len();
        if self.padded {
            self.state = State::Replaced { error: Some(error), owed: 0 };
            self.swallow(owed, shown);
        } else {
            shown.bytes.extend_from_slice(&error);
            self.state = State::Replaced { error: None, owed: 0 };
        }
    }

    /// Takes bytes that do not go out, and makes them up where the length is announced.
    pub(super) fn swallow(&mut self, length: usize, shown: &mut Shown) {
        let State::Replaced { error, owed } = &mut self.state else { return };
        if !self.padded {
            return;
        }
        *owed = owed.saturating_add(length);
        let room = *owed;
        if let Some(text) = error.take_if(|text| text.len() <= room) {
            shown.bytes.extend_from_slice(&text);
            *owed = owed.saturating_sub(text.len());
        }
        if error.is_none() {
            let spaces = std::mem::take(owed);
            shown.bytes.resize(shown.bytes.len().saturating_add(spaces), b' ');
        }
    }
}
