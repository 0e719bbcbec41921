//! Finds the class of each tool, and why.
//!
//! The words of the name count most, then those of the description. Parameters and annotations confirm or contradict
//! them. In a contradiction the more dangerous class is taken, because a tool that is kept from agents can be allowed
//! after a look, and a deletion cannot be undone.

mod description;
mod evidence;
mod name;
mod parameters;
mod subject;
mod verbs;

pub use evidence::{Evidence, Kind};

use super::class::Class;
use super::offer::Tool;
use crate::words;
use description::Described;
use name::Named;

/// The class of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The class
    pub class: Class,
    /// How sure that is, in hundredths
    pub confidence: u8,
    /// Why, the best reason first
    pub evidence: Vec<Evidence>,
}

/// Returns the class of each tool of a server.
pub fn classify(tools: &[Tool]) -> Vec<Classified> {
    let prefix = name::common_prefix(tools.iter().map(|tool| tool.name.as_str()));
    let with_secret = tools.iter().filter(|tool| parameters::secret(tool).is_some()).count();
    // If most tools take a key, that is how the server authenticates its callers.
    let secrets_count = with_secret.saturating_mul(2) < tools.len().max(3);
    let server = Server { prefix, secrets_count, all_destructive: annotates_all_as_destructive(tools) };
    tools.iter().map(|tool| of_tool(tool, server)).collect()
}

/// What is true of all tools of a server.
#[derive(Debug, Clone, Copy)]
struct Server {
    /// How many words stand before the names of all tools
    prefix: usize,
    /// Whether a parameter for keys says something about its tool
    secrets_count: bool,
    /// Whether every tool that changes something is annotated as destructive, so that it tells nothing about one of them
    all_destructive: bool,
}

fn annotates_all_as_destructive(tools: &[Tool]) -> bool {
    let mut changing = tools.iter().filter(|tool| tool.read_only != Some(true)).peekable();
    changing.clone().count() >= 3 && changing.all(|tool| tool.destructive == Some(true))
}

fn of_tool(tool: &Tool, server: Server) -> Classified {
    let named = name::read(&tool.name, server.prefix);
    let described = description::read(&tool.description);
    let mut found = of_words(&named, &described);
    let speaks = speaks_of_money(tool, &described);
    found.extend(money(&named, &described, speaks, found.first().map(|evidence| evidence.class)));
    found.extend(credential(&named, &described));
    found.extend(described.phrase.map(|(phrase, class)| Evidence::new(Kind::Description, phrase, class)));
    let base = found.iter().map(|evidence| evidence.class).max();
    found.extend(parameters::evidence(tool, base, server.secrets_count));
    let words = found.iter().map(|evidence| evidence.class).max();
    if tool.read_only == Some(true) {
        // A word that is more often a noun does not contradict the annotation: `open_nodes` reads.
        found.retain(|evidence| !is_loose(evidence, &named));
    }
    found.extend(annotated(tool, &named, words, server));
    conclude(found, &named)
}

/// Returns what the verbs of the name and of the description say.
fn of_words(named: &Named, described: &Described) -> Vec<Evidence> {
    let from_name =
        |(word, verb): &(String, verbs::Verb)| Evidence::new(Kind::Name, word.clone(), verb.class);
    let from_text =
        |(word, verb): &(String, verbs::Verb)| Evidence::new(Kind::Description, word.clone(), verb.class);
    let (name, text) = (named.verb.as_ref(), described.verb.as_ref());
    match (name, text) {
        (Some(name), Some(text)) => {
            let (first, second) = (from_name(name), from_text(text));
            if name.1.plain {
                return of_plain_name(first, second, text.1.plain, described);
            }
            // The name may be a noun, so the description decides; its danger counts either way.
            if first.class == second.class { vec![first, second] } else { vec![second] }
        }
        (Some(name), None) => vec![from_name(name)],
        (None, Some(text)) => vec![from_text(text)],
        (None, None) => {
            let of_name = named.object.iter().find(|word| description::is_read_noun(word));
            let noun = of_name.map(|word| Evidence::new(Kind::Name, word.clone(), Class::Read));
            let of_text =
                || described.noun.clone().map(|word| Evidence::new(Kind::Description, word, Class::Read));
            noun.or_else(of_text).into_iter().collect()
        }
    }
}

/// Returns what counts if the name has a verb that is hardly ever a noun.
fn of_plain_name(
    name: Evidence,
    text: Evidence,
    text_is_plain: bool,
    described: &Described,
) -> Vec<Evidence> {
    let phrase = described.read_only.filter(|_| name.class == Class::Execute);
    if let Some(phrase) = phrase {
        // To run what changes nothing is to read.
        return vec![Evidence::new(Kind::Description, phrase, Class::Read)];
    }
    let counts = match text.class {
        class if class == name.class => true,
        Class::Destructive | Class::Financial | Class::Credential => text_is_plain && name.class < text.class,
        Class::Write => text_is_plain && name.class == Class::Read,
        Class::Read | Class::Execute => false,
    };
    if counts { vec![name, text] } else { vec![name] }
}

fn speaks_of_money(tool: &Tool, described: &Described) -> bool {
    let parameters = tool.parameters().flat_map(|(name, _)| words::of_name(name)).collect::<Vec<_>>();
    subject::speaks_of_money(&parameters)
        || subject::speaks_of_money(&described.object)
        || subject::speaks_of_money(&words::of_sentence(&tool.description))
}

/// Returns what the object of a verb that changes something says about money.
fn money(named: &Named, described: &Described, speaks: bool, class: Option<Class>) -> Option<Evidence> {
    let made = matches!(&named.verb, Some((word, _)) if word == "generate");
    if class.is_none_or(|class| matches!(class, Class::Read | Class::Destructive)) && !made {
        return None;
    }
    if let Some(word) = subject::money(&named.object, speaks) {
        return Some(Evidence::new(Kind::Name, word, Class::Financial));
    }
    let word = subject::money(&described.object, false)?;
    Some(Evidence::new(Kind::Description, word, Class::Financial))
}

/// Returns what the object of the verb says about keys, passwords and tokens.
fn credential(named: &Named, described: &Described) -> Option<Evidence> {
    let verb = named.verb.as_ref().or(described.verb.as_ref())?;
    // Deleting a key is a deletion, and lists of keys have names, not keys.
    if verb.1.class == Class::Destructive
        || matches!(verb.0.as_str(), "list" | "search" | "count" | "check" | "validate")
    {
        return None;
    }
    let issued = matches!(
        verb.0.as_str(),
        "create"
            | "generate"
            | "issue"
            | "rotate"
            | "refresh"
            | "mint"
            | "get"
            | "reveal"
            | "make"
            | "renew"
            | "show"
            | "print"
    );
    let word = subject::secret(&named.object, issued)?;
    Some(Evidence::new(Kind::Name, word, Class::Credential))
}

/// Returns whether evidence is a verb of the name or the description that may as well be a noun.
fn is_loose(evidence: &Evidence, named: &Named) -> bool {
    let named_plainly = named.verb.as_ref().is_some_and(|(_, verb)| verb.plain);
    let plain = verbs::verb_in_any_form(&evidence.what).is_none_or(|verb| verb.plain);
    !named_plainly && !plain && matches!(evidence.class, Class::Write | Class::Execute)
}

/// Returns what the annotations say.
fn annotated(tool: &Tool, named: &Named, words: Option<Class>, server: Server) -> Option<Evidence> {
    if tool.read_only == Some(true) {
        return Some(Evidence::new(Kind::Annotation, "readOnlyHint: true", Class::Read));
    }
    if tool.destructive == Some(true) {
        // To MCP whatever replaces something is destructive, so this adds nothing to verbs that replace or run.
        let replaces = named.verb.as_ref().is_some_and(|(word, verb)| {
            verb.class == Class::Execute
                || (verb.class == Class::Write
                    && !matches!(word.as_str(), "create" | "add" | "insert" | "append" | "send" | "publish"))
        });
        let (what, class) = match words {
            Some(class) if replaces => ("destructiveHint: true, as for all that replaces something", class),
            Some(_) if server.all_destructive => {
                ("destructiveHint: true, as for all tools here", Class::Write)
            }
            _ => ("destructiveHint: true", Class::Destructive),
        };
        return Some(Evidence::new(Kind::Annotation, what, class));
    }
    (tool.read_only == Some(false))
        .then(|| Evidence::new(Kind::Annotation, "readOnlyHint: false", Class::Write))
}

/// Returns the most dangerous class that the evidence speaks for, and how sure it is.
fn conclude(mut evidence: Vec<Evidence>, named: &Named) -> Classified {
    let Some(class) = evidence.iter().map(|evidence| evidence.class).max() else {
        // What cannot be told may do anything.
        let nothing = Evidence::new(
            Kind::Nothing,
            "no word, parameter or annotation says what it does",
            Class::Execute,
        );
        return Classified { class: Class::Execute, confidence: 20, evidence: vec![nothing] };
    };
    evidence.sort_by_key(|evidence| evidence.class != class);
    let speaks_for = evidence.iter().filter(|evidence| evidence.class == class);
    let sources =
        speaks_for.clone().map(|evidence| evidence.from).collect::<std::collections::BTreeSet<_>>().len();
    // A noun of the name that means money or a secret says more than the verb before it.
    let by_noun = class >= Class::Financial && speaks_for.clone().any(|evidence| evidence.from == Kind::Name);
    let against =
        evidence.iter().any(|evidence| evidence.class != class && !(by_noun && evidence.from == Kind::Name));
    let plain = by_noun || named.verb.as_ref().is_some_and(|(_, verb)| verb.plain && verb.class == class);
    let mut confidence: u8 = if plain { 85 } else { 60 };
    confidence = confidence.saturating_add(if sources > 1 { 10 } else { 0 });
    confidence = confidence.saturating_sub(if against { 25 } else { 0 });
    Classified { class, confidence, evidence }
}
