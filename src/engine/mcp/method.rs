//! The methods of MCP, and everything that the filter knows about each of them.
//!
//! A new method is one entry of the table; a new list is one entry and one [`ListKind`].

mod table;

use std::borrow::Cow;

use super::keys;
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

    /// Returns the method that the name is another spelling of: one that acts on something or returns a list.
    /// Names that have an entry of their own are no spellings of others; those of a family can be.
    pub(super) fn respells(&self) -> Option<&'static str> {
        if self.entry.name.whole().is_some() {
            return None;
        }
        let plain = self.name.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        let is = |of: &str| match plain {
            // Of such a name only the case can differ. It does: exact names have an entry.
            true => self.name.eq_ignore_ascii_case(of),
            false => respells(&self.name, of),
        };
        let matters = |entry: &&Entry| entry.list.is_some() || entry.section.is_some();
        METHODS.iter().filter(matters).filter_map(|entry| entry.name.whole()).find(|of| is(of))
    }
}

/// Tells whether some servers read `name` as the method `of`, which it is not.
fn respells(name: &str, of: &str) -> bool {
    let bare = name.trim_matches(is_stripped);
    // A server may drop some of them in the middle, too: `tools\0/list`.
    let joined: String = name.chars().filter(|char| !is_stripped(*char)).collect();
    keys::is_variant(bare, of)
        || keys::is_variant(&joined, of)
        || (name != of && (bare == of || joined == of))
}

/// Tells whether some servers drop a character. Python strips white space and the separators U+001C to
/// U+001F, JavaScript the byte order mark; others drop what takes no space.
fn is_stripped(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
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
            ("Tools/Call", Some("tools/call")),
            (" tools/call", Some("tools/call")),
            ("tools/call\n", Some("tools/call")),
            ("tool\u{17f}/call", Some("tools/call")),
            ("tools/call\0x", Some("tools/call")),
            ("tools\0/call", Some("tools/call")),
            ("TOOLS/list", Some("tools/list")),
            ("tools\0/list", Some("tools/list")),
            ("tools/call\0/list", Some("tools/call")),
            ("resources/read\0/list", Some("resources/read")),
            ("Tools/List", Some("tools/list")),
            ("tools/list\0x", Some("tools/list")),
            ("tools/call\u{1c}", Some("tools/call")),
            ("\u{feff}tools/call\u{1f}", Some("tools/call")),
            ("tools/call\u{feff}", Some("tools/call")),
            ("tools/call\u{a0}", Some("tools/call")),
            ("tools/call\u{85}", Some("tools/call")),
            ("tools/call\u{2003}", Some("tools/call")),
            ("\u{2028}tools/call\u{2029}", Some("tools/call")),
            ("tools/call\u{3000}", Some("tools/call")),
            ("tools/call\u{200b}", Some("tools/call")),
            ("\u{2060}tools/call\u{200d}", Some("tools/call")),
            ("tools/call\u{180e}", Some("tools/call")),
            ("tools/ca\u{ad}ll", Some("tools/call")),
            ("Tools\u{200b}/Call", Some("tools/call")),
            ("tools\t/call", Some("tools/call")),
            ("tools/call\u{7f}", Some("tools/call")),
            ("skills/list\u{1c}", Some("skills/list")),
            ("tools/call", None),
            ("tools/list", None),
            ("roots/list", None),
            ("other", None),
        ] {
            assert_eq!(Method::new(name).respells(), of, "{name:?}");
        }
    }
}
