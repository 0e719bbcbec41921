//! Writes the starting policy.

mod rules;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::policy::Policy;

use super::class::Class;
use super::classify::Classified;
use super::definitions::Digest;
use super::findings::{Finding, Severity, Target};
use super::layout::{Json, of_schema};
use super::offer::{Offer, Tool};
use super::schema;
use crate::outcome::Failure;

/// What the author chooses.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The value of `server`; otherwise what the server calls itself
    pub server: Option<String>,
    /// The cluster of the approval service, if there is one
    pub approvals: Option<String>,
    /// The digests of the tools' definitions by name, or why there is none, if the tools are to be pinned
    pub pins: BTreeMap<String, Digest>,
}

/// A policy for a server.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The document
    pub document: Json,
    /// What the author should know about it
    pub notes: Vec<Finding>,
}

/// Writes a policy that decides on every tool by its name.
///
/// # Errors
/// The policy does not load. It should, so this is a defect of this program.
pub fn compose(offer: &Offer, classified: &[Classified], choices: &Choices) -> Result<Composed, Failure> {
    let mut notes = Vec::new();
    let (tools, used) = tools(offer, classified, choices, &mut notes);
    let others = others(offer, &mut notes);
    let uses_read = used.contains(&Class::Read) || others.iter().any(|(_, entries)| !entries.is_empty());
    let classes =
        Class::ALL.into_iter().filter(|class| used.contains(class) || (*class == Class::Read && uses_read));

    let mut document = vec![("version".to_owned(), Json::text("1"))];
    if let Some(server) = server(offer, choices, &mut notes) {
        document.push(("server".to_owned(), Json::text(server)));
    }
    document.push(("description".to_owned(), Json::text(summary::of(offer, classified))));
    document.push(("default".to_owned(), Json::text("deny")));
    if let Some(cluster) = &choices.approvals {
        document.push(("approvals".to_owned(), Json::object([("cluster", Json::text(cluster))])));
    }
    let rules: Vec<_> = classes
        .map(|class| (class.name().to_owned(), rules::of_class(class, choices.approvals.is_some())))
        .collect();
    if !rules.is_empty() {
        document.push(("rules".to_owned(), Json::Table(rules)));
    }
    document.push(("tools".to_owned(), Json::Table(tools)));
    for (section, entries) in others {
        if !entries.is_empty() {
            document.push((section.to_owned(), Json::Table(entries)));
        }
    }
    for (list, says) in &offer.unlisted {
        let why = format!("the server does not list its {list}: {says}");
        notes.push(left_out(Target::Server(offer.server.clone().unwrap_or_default()), &why));
    }
    let document = Json::Table(document);
    match Policy::from_bytes(document.pretty().as_bytes()) {
        Ok(_) => Ok(Composed { document, notes }),
        Err(faults) => Err(Failure::new(format!(
            "the policy that scan wrote does not load, which is a bug in mcp-policy; please report it:\n{faults}"
        ))),
    }
}

/// Returns the server's name for the policy. What a server calls itself may not be a name that the filter takes.
fn server<'o>(offer: &'o Offer, choices: &'o Choices, notes: &mut Vec<Finding>) -> Option<&'o String> {
    if choices.server.is_some() {
        return choices.server.as_ref();
    }
    let name = offer.server.as_ref()?;
    let document = serde_json::json!({ "version": "1", "server": name }).to_string();
    if let Err(faults) = Policy::from_bytes(document.as_bytes()) {
        notes.push(Finding {
            severity: Severity::Note,
            id: "left-out",
            target: Target::Server(name.clone()),
            place: "policy".to_owned(),
            message: format!("its name is left out; give one with `--server`: {}", faults.to_string().trim()),
            excerpt: None,
        });
        return None;
    }
    Some(name)
}

/// Returns the entries of all tools, and the classes that they use.
fn tools(
    offer: &Offer,
    classified: &[Classified],
    choices: &Choices,
    notes: &mut Vec<Finding>,
) -> (Vec<(String, Json)>, BTreeSet<Class>) {
    // Of tools that share a name, the most dangerous decides.
    let mut by_name: BTreeMap<&str, (&Tool, Class)> = BTreeMap::new();
    for (tool, classified) in offer.tools.iter().zip(classified) {
        let entry = by_name.entry(&tool.name).or_insert((tool, classified.class));
        if classified.class > entry.1 {
            *entry = (tool, classified.class);
        }
    }
    let mut entries = Vec::new();
    let mut used = BTreeSet::new();
    for (name, (tool, class)) in by_name {
        if let Some(why) = unusable("tools", name) {
            notes.push(left_out(Target::Tool(name.to_owned()), &why));
            continue;
        }
        if let Some(beyond) = offer.beyond(name) {
            let note = left_out(Target::Tool(name.to_owned()), &beyond.why());
            notes.push(Finding { place: beyond.place.clone(), ..note });
            continue;
        }
        used.insert(class);
        entries.push((name.to_owned(), entry(tool, class, choices, notes)));
    }
    (entries, used)
}

fn entry(tool: &Tool, class: Class, choices: &Choices, notes: &mut Vec<Finding>) -> Json {
    let rule = Json::text(class.name());
    // A tool that is denied has its schema, too: it then counts as soon as somebody changes the class.
    let taken = schema::take_over(&tool.schema);
    for difference in taken.differences {
        notes.push(Finding {
            severity: Severity::Note,
            id: "schema-changed",
            target: Target::Tool(tool.name.clone()),
            place: format!("inputSchema.{}", difference.path),
            message: difference.what,
            excerpt: None,
        });
    }
    let mut own = Vec::new();
    let denied = rules::denies(class, choices.approvals.is_some());
    match choices.pins.get(&tool.name).filter(|_| !denied) {
        Some(Ok(digest)) => own.push(("definition".to_owned(), Json::text(digest.to_string()))),
        Some(Err(why)) => notes.push(Finding {
            severity: Severity::Note,
            id: "not-pinned",
            target: Target::Tool(tool.name.clone()),
            place: "policy".to_owned(),
            message: format!("its definition is not pinned: {why}"),
            excerpt: None,
        }),
        None => {}
    }
    own.extend(taken.schema.map(|schema| ("arguments".to_owned(), of_schema(&schema))));
    match own.is_empty() {
        true => rule,
        false => Json::List(vec![rule, Json::Object(own)]),
    }
}

/// Returns the entries for resources and prompts. What the server lists may be read.
fn others(offer: &Offer, notes: &mut Vec<Finding>) -> [(&'static str, Vec<(String, Json)>); 2] {
    let mut of_section = |section: &'static str, names: BTreeSet<&str>, target: fn(String) -> Target| {
        let mut entries = Vec::new();
        for name in names {
            match unusable(section, name) {
                Some(why) => notes.push(left_out(target(name.to_owned()), &why)),
                None => entries.push((name.to_owned(), Json::text("read"))),
            }
        }
        (section, entries)
    };
    let resources = of_section(
        "resources",
        offer.resources.iter().map(|resource| resource.name.as_str()).collect(),
        Target::Resource,
    );
    let prompts = of_section(
        "prompts",
        offer.prompts.iter().map(|prompt| prompt.name.as_str()).collect(),
        Target::Prompt,
    );
    for template in &offer.templates {
        let why = "the resources of a template are denied, because the server does not list them; allow those that agents need with a pattern";
        notes.push(left_out(Target::Template(template.name.clone()), why));
    }
    [resources, prompts]
}

/// Says why a name cannot be a key of a section that means exactly this name.
fn unusable(section: &str, name: &str) -> Option<String> {
    if name.contains('*') {
        return Some("its name contains `*`, which is a pattern in a policy".to_owned());
    }
    let entries = serde_json::json!({ name: {} });
    let document = serde_json::json!({ "version": "1", section: entries }).to_string();
    let faults = Policy::from_bytes(document.as_bytes()).err()?;
    let first = faults.iter().next().map(|fault| fault.wrong.to_string());
    Some(first.unwrap_or_else(|| "the filter does not take its name".to_owned()))
}

fn left_out(target: Target, why: &str) -> Finding {
    Finding {
        severity: Severity::Note,
        id: "left-out",
        target,
        place: "policy".to_owned(),
        message: format!("left out, and so denied: {why}"),
        excerpt: None,
    }
}
