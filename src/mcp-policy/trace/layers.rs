//! How each set of rules decides on what a request acts on.

use mcp_policy_engine::decide::condition::{Attributes, ClaimsText, Now};
use mcp_policy_engine::decide::{self, Decision, resources};
use mcp_policy_engine::document::Path;
use mcp_policy_engine::guard::{Conclusion, Request};
use mcp_policy_engine::identity::Principal;
use mcp_policy_engine::mcp::message::{Call, Target};
use mcp_policy_engine::policy::{Effect, EntryRules, OnMethod, Pattern, Rules, Section};
use mcp_policy_engine::work::{self, Work};

use super::rules::Judging;
use super::{Entry, Layer, Other, Rule, Subject, Tracing};

/// Traces a call through the document's rules and those of its caller's grant.
pub(super) fn layers(
    tracing: &Tracing<'_>,
    request: &Request,
    call: &Call<'_>,
    conclusion: Option<&Conclusion>,
) -> Vec<Layer> {
    let (policy, caller) = (tracing.policy, &request.caller);
    let clock = || Some(tracing.now_ns);
    let principal = caller.principal.as_ref().map(Principal::name);
    let tool = match &call.target {
        Target::Tool(name) => Some(&**name),
        _ => None,
    };
    let attributes = Attributes {
        arguments: call.arguments(),
        any_arguments: false,
        grant: caller.grant_name(policy),
        principal: principal.as_deref(),
        source: caller.source_name(policy),
        claims: &ClaimsText::new(caller.claims.as_deref()),
        tool,
        now: &Now::new(&clock, &policy.time_zone),
        work: &Work::new(work::ENFORCED),
    };
    let decision: Decision = decide::decide(policy, caller, call, &clock);
    let policy = tracing.policy;
    let judging = Judging { policy, texts: tracing.texts, attributes, call, decision: &decision, conclusion };
    let names = std::iter::once(None).chain(caller.grant(policy).map(Some));
    let layers = decide::layers(policy, caller).zip(names);
    let layer = |(rules, grant): (&Rules, Option<&mcp_policy_engine::policy::Grant>)| Layer {
        grant: grant.map(|grant| grant.name.clone()),
        subjects: subjects(rules, grant.map_or("", |grant| &grant.path), call, &judging),
    };
    layers.map(layer).collect()
}

/// A section of a set of rules, for what a call acts on.
struct In<'r, T> {
    section: &'r Section<T>,
    /// Its path in the policy
    path: String,
}

fn subjects(rules: &Rules, at: &str, call: &Call<'_>, judging: &Judging<'_>) -> Vec<Subject> {
    let path = |section: &str| if at.is_empty() { section.to_owned() } else { format!("{at}.{section}") };
    match &call.target {
        Target::Tool(name) => {
            let section = In { section: &rules.tools, path: path("tools") };
            let mut subject = section.subject(rules, name, judging);
            subject.hidden_by = rules.hidden(name).map(str::to_owned);
            subject.rules.extend(judging.rules(&rules.all_tools, Some("all_tools")));
            vec![subject]
        }
        Target::Prompt(name) => {
            let section = In { section: &rules.prompts, path: path("prompts") };
            vec![section.subject(rules, name, judging)]
        }
        Target::Resources(uris) => {
            let section = In { section: rules.resources.section(), path: path("resources") };
            let subject = |uri: &std::borrow::Cow<'_, str>| {
                let mut subject = section.subject(rules, uri, judging);
                subject.obstacle = resources::obstacle(rules, uri);
                let behind = resources::rules_behind(rules, uri);
                subject.rules.extend(judging.rules(&behind, Some("an entry of what servers read it as")));
                subject
            };
            uris.iter().map(subject).collect()
        }
        Target::Session | Target::Unknown => {
            let section = In { section: rules.methods.section(), path: path("methods") };
            let mut subject = section.entries(call.method.as_str());
            match rules.methods.get(&call.method) {
                Some(verdict) => section.decide(&mut subject, verdict),
                // A method that keeps a session going needs no entry.
                None if call.target == Target::Session => {}
                None => subject.default = Some(default(rules)),
            }
            vec![subject]
        }
    }
}

impl In<'_, EntryRules> {
    fn subject(&self, rules: &Rules, name: &str, judging: &Judging<'_>) -> Subject {
        let mut subject = self.entries(name);
        match self.section.get(name) {
            Some(own) => subject.rules = judging.rules(own, None),
            None => subject.default = Some(default(rules)),
        }
        subject
    }
}

impl In<'_, OnMethod> {
    /// Notes the entry with the verdict. It may match another spelling of the method than the entry that matches this one.
    fn decide(&self, subject: &mut Subject, verdict: &OnMethod) {
        let (effect, path) = verdict;
        let Some((pattern, _)) = self.section.entries().find(|(_, (_, own))| own == path) else { return };
        if let Some(own) = subject.entry.take().filter(|own| own.pattern != pattern.as_str()) {
            let why = format!("`{pattern}` denies another spelling of the method");
            subject.others.push(Other { path: own.path, why });
        }
        let effect = Some(word(*effect));
        subject.entry = Some(Entry { path: path.to_string(), pattern: pattern.as_str().to_owned(), effect });
    }
}

impl<T> In<'_, T> {
    /// Finds the entries that match a name: the one that decides, and the others.
    fn entries(&self, name: &str) -> Subject {
        let decides = self.section.pair(name).map(|(pattern, _)| pattern);
        let matching = self.section.entries().map(|(pattern, _)| pattern);
        let others = matching
            .filter(|pattern| pattern.matches(name) && Some(*pattern) != decides)
            .filter_map(|pattern| Some(Other { path: self.of(pattern), why: loses(pattern, decides?) }));
        Subject {
            name: name.to_owned(),
            hidden_by: None,
            entry: decides.map(|pattern| Entry {
                path: self.of(pattern),
                pattern: pattern.as_str().to_owned(),
                effect: None,
            }),
            others: others.collect(),
            default: None,
            obstacle: None,
            rules: Vec::<Rule>::new(),
        }
    }

    fn of(&self, pattern: &Pattern) -> String {
        let key = Path::default().key(pattern.as_str()).to_string();
        let dot = if key.starts_with('[') { "" } else { "." };
        [&self.path, dot, &key].concat()
    }
}

/// Says why a pattern that matches does not decide.
fn loses(pattern: &Pattern, decides: &Pattern) -> String {
    if decides.is_exact() {
        return "the exact name decides".to_owned();
    }
    let (own, other) = (pattern.literals(), decides.literals());
    format!("it has {own} literal characters, and `{}` has {other}", decides.as_str())
}

fn default(rules: &Rules) -> (String, &'static str) {
    (rules.default.1.to_string(), word(rules.default.0))
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}
