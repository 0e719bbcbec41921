//! What a change means for callers: for each target, the restrictions that were and those that are.

use mcp_policy_engine::decide::resources;
use mcp_policy_engine::mcp::method::{ActsOn, Method};
use mcp_policy_engine::policy::{Effect as Verdict, EntryRules, Methods, OnMethod, Pattern, Rules, Section};

use super::change::Effect;
use super::restriction::{Restriction, What, Why};
use super::side::Side;
use super::targets::{Kind, Target};

/// What callers of one grant must pass.
#[derive(Debug)]
pub struct Layers<'s> {
    /// The policy
    pub side: &'s Side,
    /// The name of the grant
    pub grant: &'s str,
    /// The document's rules, and the grant's
    pub rules: Vec<&'s Rules>,
    /// The number of the first layer among the choosers of both policies
    pub first: usize,
    /// How many layers both policies have
    pub count: usize,
}

/// What changes, without whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// How it was
    pub was: String,
    /// How it becomes
    pub becomes: String,
    /// What that does
    pub effect: Effect,
}

impl Layers<'_> {
    /// Returns what restricts calls to a target. `is_session` says how a method is read that no name tells.
    pub fn restrictions(&self, kind: Kind, target: &Target<'_>, is_session: bool) -> Vec<Restriction> {
        let mut found = Vec::new();
        for (number, rules) in self.rules.iter().enumerate() {
            let place = self.first.saturating_add(number);
            let choice = |at: usize| match target {
                Target::Class(chosen) => chosen.get(at).copied().flatten(),
                Target::Name(_) => None,
            };
            let (chosen, hiding) = (choice(place), choice(place.saturating_add(self.count)));
            let name = match target {
                Target::Name(name) => Some(name.as_str()),
                Target::Class(_) => None,
            };
            match kind {
                Kind::Tool => {
                    let hidden = hiding.is_some() || name.is_some_and(|name| rules.hidden(name).is_some());
                    found.extend(hidden.then(|| Restriction::always(What::Refused(Why::Hidden))));
                    found.extend(self.entry(rules, &rules.tools, name, chosen));
                    found.extend(Restriction::of_rules(&rules.all_tools, self.side, self.grant));
                }
                Kind::Prompt => found.extend(self.entry(rules, &rules.prompts, name, chosen)),
                Kind::Resource => {
                    found.extend(self.entry(rules, rules.resources.section(), name, chosen));
                    if let Some(uri) = name {
                        let unplain = resources::obstacle(rules, uri).is_some();
                        found.extend(unplain.then(|| Restriction::always(What::Refused(Why::Unplain))));
                        let behind = resources::rules_behind(rules, uri);
                        found.extend(Restriction::of_rules(&behind, self.side, self.grant));
                    }
                }
                Kind::Method => {
                    let entry = match name {
                        Some(name) => rules.methods.get(&Method::new(name)),
                        None => of_class(&rules.methods, target, chosen),
                    };
                    let effect = match entry {
                        Some((effect, _)) => *effect,
                        None if is_session => Verdict::Allow,
                        None => rules.default.0,
                    };
                    let why = if entry.is_some() { Why::Denied } else { Why::NotListed };
                    let refused = effect == Verdict::Deny;
                    found.extend(refused.then(|| Restriction::always(What::Refused(why))));
                }
            }
        }
        found
    }

    fn entry(
        &self,
        rules: &Rules,
        section: &Section<EntryRules>,
        name: Option<&str>,
        chosen: Option<&Pattern>,
    ) -> Vec<Restriction> {
        match found_in(section, name, chosen) {
            Some(entry) => Restriction::of_rules(entry, self.side, self.grant),
            None if rules.default.0 == Verdict::Deny => {
                vec![Restriction::always(What::Refused(Why::NotListed))]
            }
            None => Vec::new(),
        }
    }
}

/// Returns the entry that decides on a name, or that of a pattern.
fn found_in<'s, T>(section: &'s Section<T>, name: Option<&str>, chosen: Option<&Pattern>) -> Option<&'s T> {
    match name {
        Some(name) => section.get(name),
        None => section.entries().find(|(pattern, _)| Some(*pattern) == chosen).map(|(_, entry)| entry),
    }
}

/// Returns the verdict on the methods on which a pattern decides. Another one may deny them in another spelling.
fn of_class<'m>(methods: &'m Methods, target: &Target<'_>, chosen: Option<&Pattern>) -> Option<&'m OnMethod> {
    let own = found_in(methods.section(), None, chosen);
    if own.is_some_and(|(effect, _)| *effect == Verdict::Deny) {
        return own;
    }
    target.sample().and_then(|name| methods.denied_as(&name, chosen)).or(own)
}

/// Returns whether a method keeps a session going, so that only `methods` can refuse it.
pub fn is_of_session(name: &str) -> bool {
    Method::new(name).acts_on() == ActsOn::Session
}

/// Compares what restricted calls with what restricts them.
pub fn differences(old: &[Restriction], new: &[Restriction]) -> Vec<Difference> {
    let refused = |list: &[Restriction]| list.iter().find_map(Restriction::refuses_all);
    let difference = |was: String, becomes: String, effect| Difference { was, becomes, effect };
    match (refused(old), refused(new)) {
        (Some(was), Some(becomes)) if (was == Why::Hidden) != (becomes == Why::Hidden) => {
            return vec![difference(was.word().to_owned(), becomes.word().to_owned(), Effect::Otherwise)];
        }
        (Some(_), Some(_)) => return Vec::new(),
        (Some(was), None) => return vec![difference(was.word().to_owned(), summary(new), Effect::Widens)],
        (None, Some(becomes)) => {
            return vec![difference(summary(old), becomes.word().to_owned(), Effect::Narrows)];
        }
        (None, None) => {}
    }
    let unmatched = |list: &[Restriction], by: &[Restriction]| -> Vec<Restriction> {
        list.iter().filter(|one| !by.iter().any(|other| other.implies(one))).cloned().collect()
    };
    let (lost, mut gained) = (unmatched(old, new), unmatched(new, old));
    let mut found = Vec::new();
    for lost in &lost {
        let alike = |other: &&Restriction| is_alike(lost, other);
        let Some(now) = new.iter().find(alike).cloned() else {
            found.push(difference(lost.text(), "removed".to_owned(), Effect::Widens));
            continue;
        };
        gained.retain(|other| *other != now);
        let effect = match (&lost.what, &now.what) {
            (What::Limit(was), What::Limit(becomes))
                if becomes.max > was.max || was.is_shared() && !becomes.is_shared() =>
            {
                Effect::Widens
            }
            _ => Effect::MayWiden,
        };
        found.push(difference(lost.text(), now.text(), effect));
    }
    for gained in &gained {
        let was =
            old.iter().find(|other| is_alike(gained, other)).map_or("absent".to_owned(), Restriction::text);
        found.push(difference(was, gained.text(), Effect::Narrows));
    }
    found.sort();
    found.dedup();
    found
}

/// Returns whether one restriction stands in the place of the other.
fn is_alike(one: &Restriction, other: &Restriction) -> bool {
    match (&one.what, &other.what) {
        (What::Limit(one), What::Limit(other)) => one.counter == other.counter,
        (What::Other(one, _), What::Other(other, _)) => one == other,
        (What::Require(one), What::Require(other)) | (What::DenyIf(one), What::DenyIf(other)) => {
            let subject = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
            subject(one) == subject(other)
        }
        (What::Schema(_), What::Schema(_))
        | (What::Definition(_), What::Definition(_))
        | (What::Approval, What::Approval)
        | (What::Known, What::Known) => true,
        (What::Refused(one_why), What::Refused(other_why)) => one_why == other_why,
        _ => false,
    }
}

/// Returns what restricts a call that can pass, in short.
fn summary(restrictions: &[Restriction]) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut add = |word| {
        if !words.contains(&word) {
            words.push(word);
        }
    };
    for restriction in restrictions {
        match &restriction.what {
            What::Approval => add("approval"),
            What::Limit(_) => add("limits"),
            What::Schema(_) => add("a schema"),
            What::Definition(_) => add("a pinned definition"),
            What::Refused(_) | What::Require(_) | What::DenyIf(_) | What::Known => add("conditions"),
            What::Other(..) => add("more"),
        }
    }
    if words.is_empty() { "allowed".to_owned() } else { format!("allowed, with {}", words.join(", ")) }
}
