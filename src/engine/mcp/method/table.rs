//! The table: one entry for each method.

use super::{ActsOn, List, ListKind, Named};

/// One method, or all methods whose names begin or end alike.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: Name,
    pub acts_on: ActsOn,
    /// The sections of a policy that decide on what it acts on
    pub section: Option<&'static str>,
    /// Whether servers read `arguments` from its params
    pub arguments: bool,
    /// Whether one call may take several rounds (`requestState`, `inputResponses`)
    pub rounds: bool,
    /// What the header `Mcp-Name` repeats
    pub named: Named,
    /// The list in its answer
    pub list: Option<&'static List>,
}

#[derive(Debug)]
pub(super) enum Name {
    Is(&'static str),
    Begins(&'static str),
    Ends(&'static str),
}

static TOOLS: List = List { kind: ListKind::Tools, member: "tools", key: "name", parts: None };
static PROMPTS: List = List { kind: ListKind::Prompts, member: "prompts", key: "name", parts: None };
static RESOURCES: List = List { kind: ListKind::Resources, member: "resources", key: "uri", parts: None };
static RESOURCE_TEMPLATES: List =
    List { kind: ListKind::ResourceTemplates, member: "resourceTemplates", key: "uriTemplate", parts: None };
/// An entry names its `SKILL.md` and, in `resources`, every file of the skill (extension
/// `io.modelcontextprotocol/skills`).
static SKILLS: List =
    List { kind: ListKind::Resources, member: "skills", key: "uri", parts: Some(&RESOURCES) };

/// Every list that an answer can have.
pub(super) static LISTS: [&List; 5] = [&TOOLS, &PROMPTS, &RESOURCES, &RESOURCE_TEMPLATES, &SKILLS];

/// Acts on nothing and has nothing special.
const SESSION: Entry = Entry {
    name: Name::Begins(""),
    acts_on: ActsOn::Session,
    section: None,
    arguments: false,
    rounds: false,
    named: Named::Name,
    list: None,
};

/// Acts on the resource that `params.uri` names.
const RESOURCE: Entry =
    Entry { acts_on: ActsOn::Resource, section: Some("resources"), named: Named::Uri, ..SESSION };

/// Acts on nothing and names a task.
const TASK: Entry = Entry { named: Named::TaskId, ..SESSION };

/// The first entry that a name fits describes the method.
pub(super) static METHODS: [Entry; 30] = [
    Entry {
        name: Name::Is("tools/call"),
        acts_on: ActsOn::Tool,
        section: Some("tools"),
        arguments: true,
        rounds: true,
        ..SESSION
    },
    Entry { name: Name::Is("tools/list"), list: Some(&TOOLS), ..SESSION },
    Entry {
        name: Name::Is("prompts/get"),
        acts_on: ActsOn::Prompt,
        section: Some("prompts"),
        arguments: true,
        rounds: true,
        ..SESSION
    },
    Entry { name: Name::Is("prompts/list"), list: Some(&PROMPTS), ..SESSION },
    Entry { name: Name::Is("resources/read"), rounds: true, ..RESOURCE },
    Entry { name: Name::Is("resources/subscribe"), ..RESOURCE },
    Entry { name: Name::Is("resources/unsubscribe"), ..RESOURCE },
    Entry { name: Name::Is("resources/directory/read"), list: Some(&RESOURCES), ..RESOURCE },
    Entry { name: Name::Is("skills/get"), ..RESOURCE },
    Entry { name: Name::Is("skills/list"), list: Some(&SKILLS), ..SESSION },
    Entry { name: Name::Is("resources/list"), list: Some(&RESOURCES), ..SESSION },
    Entry { name: Name::Is("resources/templates/list"), list: Some(&RESOURCE_TEMPLATES), ..SESSION },
    Entry {
        name: Name::Is("subscriptions/listen"),
        acts_on: ActsOn::Resources,
        section: Some("resources"),
        ..SESSION
    },
    Entry {
        name: Name::Is("completion/complete"),
        acts_on: ActsOn::Reference,
        section: Some("prompts` or `resources"),
        ..SESSION
    },
    Entry { name: Name::Is("initialize"), ..SESSION },
    Entry { name: Name::Is("server/discover"), ..SESSION },
    Entry { name: Name::Is("ping"), ..SESSION },
    Entry { name: Name::Is("logging/setLevel"), ..SESSION },
    Entry { name: Name::Is("tasks/get"), ..TASK },
    Entry { name: Name::Is("tasks/list"), ..TASK },
    Entry { name: Name::Is("tasks/result"), ..TASK },
    Entry { name: Name::Is("tasks/cancel"), ..TASK },
    Entry { name: Name::Is("notifications/initialized"), ..SESSION },
    Entry { name: Name::Is("notifications/cancelled"), ..SESSION },
    Entry { name: Name::Is("notifications/progress"), ..SESSION },
    Entry { name: Name::Is("notifications/roots/list_changed"), ..SESSION },
    Entry { name: Name::Is("roots/list"), ..SESSION },
    Entry { name: Name::Begins("tasks/"), ..TASK },
    Entry { name: Name::Begins("notifications/"), ..SESSION },
    Entry { name: Name::Ends("/list"), ..SESSION },
];

/// What is known of a method without an entry.
pub(super) static UNKNOWN: Entry = Entry { acts_on: ActsOn::Unknown, ..SESSION };

impl Name {
    pub fn fits(&self, name: &str) -> bool {
        match self {
            Self::Is(whole) => name == *whole,
            Self::Begins(start) => name.starts_with(start),
            Self::Ends(end) => name.ends_with(end),
        }
    }

    pub fn whole(&self) -> Option<&'static str> {
        match self {
            Self::Is(whole) => Some(whole),
            Self::Begins(_) | Self::Ends(_) => None,
        }
    }
}
