//! The methods of MCP, and everything that the filter knows about each of them.
//!
//! A new method is one entry of the table; a new list is one entry and one [`ListKind`].

mod table;

use std::borrow::Cow;
use std::fmt;

use super::keys;
use super::name::{self, Unusable};
use table::{Entry, LISTS, METHODS, UNKNOWN};

/// What a message with a method acts on, and which part of `params` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    /// A tool: `name`
    Tool,
    /// A resource: `uri`
    Resource,
    /// Any number of resources: `notifications.resourceSubscriptions`
    Resources,
    /// A prompt: `name`
    Prompt,
    /// A prompt or a resource: `ref`
    Reference,
    /// Nothing: the method keeps a session going
    Session,
    /// The filter does not know the method
    Unknown,
}

/// A list that a server publishes (MCP, Server Features: Tools, Prompts, Resources).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`, `resources/directory/read` and `skills/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
}

/// Where an answer holds its list.
#[derive(Debug)]
pub(super) struct List {
    pub kind: ListKind,
    /// The member of `result` that is the list
    pub member: &'static str,
    /// The member of an element that the policy judges it by
    pub key: &'static str,
    /// The list that each element can have
    pub parts: Option<&'static List>,
}

/// The member of `params` that the header `Mcp-Name` repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Name,
    Uri,
    TaskId,
}

/// The method of a request or notification.
#[derive(Debug, Clone)]
pub struct Method<'d> {
    name: Cow<'d, str>,
    entry: &'static Entry,
}

impl<'d> Method<'d> {
    /// Looks up a method by its name, unescaped.
    #[must_use]
    pub fn new(name: impl Into<Cow<'d, str>>) -> Self {
        let name = name.into();
        let entry = METHODS.iter().find(|entry| entry.name.fits(&name)).unwrap_or(&UNKNOWN);
        Self { name, entry }
    }

    /// Walks the names of the methods that are known by their whole names.
    pub fn known() -> impl Iterator<Item = &'static str> {
        METHODS.iter().filter_map(|entry| entry.name.whole())
    }

    /// Detaches the method from the text that it was read from.
    #[must_use]
    pub fn into_owned(self) -> Method<'static> {
        Method { name: self.name.into_owned().into(), entry: self.entry }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Tells what the method acts on.
    #[must_use]
    pub fn acts_on(&self) -> ActsOn {
        self.entry.acts_on
    }

    /// Returns the section of a policy that decides on what the method acts on, as text between
    /// back-ticks; `None` where the section `methods` decides.
    #[must_use]
    pub fn section(&self) -> Option<&'static str> {
        self.entry.section
    }

    /// Tells whether servers read `params.arguments`.
    #[must_use]
    pub fn takes_arguments(&self) -> bool {
        self.entry.arguments
    }

    /// Tells whether one call may take several rounds.
    #[must_use]
    pub fn has_rounds(&self) -> bool {
        self.entry.rounds
    }

    /// Returns the kind of list that answers the method, or `None` where it is no list.
    #[must_use]
    pub fn list_kind(&self) -> Option<ListKind> {
        self.entry.list.map(|list| list.kind)
    }

    /// Tells which member of `params` the header `Mcp-Name` repeats.
    pub(super) fn header_names(&self) -> Named {
        self.entry.named
    }

    /// Tells whether the method is known by its whole name.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.entry.name.whole().is_some()
    }

    /// Returns why some servers may take the method for another one. A method that is known by its whole name is taken for
    /// no other.
    #[must_use]
    pub fn ambiguous(&self) -> Option<Ambiguous> {
        if self.is_known() {
            return None;
        }
        let is_space = |char: &char| char.is_whitespace();
        let dropped = self.name.chars().find(is_space).or_else(|| name::first_dropped(&self.name));
        if let Some(char) = dropped {
            return Some(Ambiguous::Dropped(char));
        }
        if self.name.len() > LONGEST_SPELLING {
            return None;
        }
        Self::known().find(|known| keys::is_variant(&self.name, known)).map(Ambiguous::Respells)
    }
}

/// The longest other spelling of a known method, in bytes: such a method has at most 64, and each may come from three.
const LONGEST_SPELLING: usize = 3 * 64;

/// Why some servers may take a method for another one. Its text says what is wrong with the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ambiguous {
    /// It has white space, or another character that some servers drop or that ends a name
    Dropped(char),
    /// It is another spelling of this method
    Respells(&'static str),
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(char) => Unusable::Dropped(*char).fmt(out),
            Self::Respells(known) => write!(out, "is another spelling of `{known}`"),
        }
    }
}

/// Walks the lists that answers can have, each once.
pub(super) fn lists() -> impl Iterator<Item = &'static List> {
    LISTS.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_known_by_its_exact_name_or_its_family() {
        for (name, acts_on) in [
            ("tools/call", ActsOn::Tool),
            ("resources/directory/read", ActsOn::Resource),
            ("subscriptions/listen", ActsOn::Resources),
            ("prompts/get", ActsOn::Prompt),
            ("completion/complete", ActsOn::Reference),
            ("ping", ActsOn::Session),
            ("tasks/result", ActsOn::Session),
            ("notifications/initialized", ActsOn::Session),
            ("roots/list", ActsOn::Session),
            ("Ping", ActsOn::Unknown),
            ("tools/call ", ActsOn::Unknown),
            ("", ActsOn::Unknown),
        ] {
            assert_eq!(Method::new(name).acts_on(), acts_on, "{name}");
        }
    }

    #[test]
    fn a_method_names_a_kind_of_list() {
        for (name, kind) in [
            ("tools/list", ListKind::Tools),
            ("prompts/list", ListKind::Prompts),
            ("resources/list", ListKind::Resources),
            ("resources/templates/list", ListKind::ResourceTemplates),
            ("resources/directory/read", ListKind::Resources),
            ("skills/list", ListKind::Resources),
        ] {
            assert_eq!(Method::new(name).list_kind(), Some(kind));
        }
        for name in ["tools/call", "Tools/list", "tools/list ", "resources/read", "tasks/list", ""] {
            assert_eq!(Method::new(name).list_kind(), None, "{name}");
        }
    }

    #[test]
    fn the_header_repeats_what_the_method_acts_on() {
        for (name, key) in [
            ("tools/call", Named::Name),
            ("prompts/get", Named::Name),
            ("resources/unsubscribe", Named::Uri),
            ("skills/get", Named::Uri),
            ("tasks/list", Named::TaskId),
            ("other", Named::Name),
        ] {
            assert_eq!(Method::new(name).header_names(), key, "{name}");
        }
    }

    #[test]
    fn another_spelling_is_found() {
        for (name, of) in [
            ("Tools/Call", "tools/call"),
            ("tool\u{17f}/call", "tools/call"),
            ("TOOLS/list", "tools/list"),
            ("Tools/List", "tools/list"),
            ("Ping", "ping"),
            ("\u{130}nitialize", "initialize"),
            ("logging/setlevel", "logging/setLevel"),
            ("tasks/Cancel", "tasks/cancel"),
            ("Tasks/cancel", "tasks/cancel"),
            ("notifications/Cancelled", "notifications/cancelled"),
            ("Roots/list", "roots/list"),
        ] {
            assert_eq!(Method::new(name).ambiguous(), Some(Ambiguous::Respells(of)), "{name:?}");
        }
        for (name, char) in [
            (" tools/call", ' '),
            ("tools/call\n", '\n'),
            ("tools/call\0x", '\0'),
            ("tools\0/list", '\0'),
            ("resources/read\0/list", '\0'),
            ("custom/wipe\0/list", '\0'),
            ("ping\0", '\0'),
            ("tools/call\u{1c}", '\u{1c}'),
            ("\u{feff}tools/call\u{1f}", '\u{feff}'),
            ("tools/call\u{a0}", '\u{a0}'),
            ("tools/call\u{85}", '\u{85}'),
            ("tools/call\u{2003}", '\u{2003}'),
            ("\u{2028}tools/call", '\u{2028}'),
            ("tools/call\u{200b}", '\u{200b}'),
            ("tools/call\u{180e}", '\u{180e}'),
            ("tools/ca\u{ad}ll", '\u{ad}'),
            ("tools\t/call", '\t'),
            ("tools/call\u{7f}", '\u{7f}'),
            ("custom/ wipe", ' '),
        ] {
            assert_eq!(Method::new(name).ambiguous(), Some(Ambiguous::Dropped(char)), "{name:?}");
        }
        let long = "Tools/call".repeat(1_000);
        for name in
            ["tools/call", "tools/list", "roots/list", "tasks/own", "custom/List", "größe/x", "", &long]
        {
            assert_eq!(Method::new(name).ambiguous(), None, "{name:?}");
        }
    }

    #[test]
    fn no_known_method_is_longer_than_its_spellings_allow() {
        assert!(Method::known().all(|known| known.len() * 3 <= LONGEST_SPELLING));
    }
}
