//! Warnings about limits: `session-limit-alone` and `limit-cannot-fire`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mcp_policy_engine::policy::{Limit, Mode, Origin, Rule, Scope};

use super::context::{Context, Entry, Warning, denies};
use super::kinds;
use crate::limits::{adds_as_much, scope_covers, window_covers};

/// Looks for limits that bound nobody, or never refuse.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    let mut counted = Counted::new(context);
    for rule in context.rules() {
        for limit in rule.limits.iter().filter(|limit| seen.insert(limit.path.to_string())) {
            let users: Vec<&Entry<'_>> = context.users(rule).collect();
            if users.is_empty() {
                continue;
            }
            if limit.scope == Scope::Session && users.iter().any(|entry| !has_bound(entry, rule)) {
                warnings.push(session(limit));
            }
            warnings.extend(cannot_fire(&mut counted, rule, limit, &users));
        }
    }
}

fn session(limit: &Limit) -> Warning {
    let message = "a client can open a new session at any time, and no limit applies to its grant as a whole";
    let is_short = limit.path.ends_with(".rate_limit");
    let path = if is_short { limit.path.to_string() } else { format!("{}.scope", limit.path) };
    let help = "add a limit of scope `grant` beside it, here or in `all_tools`";
    Warning { of_key: is_short, ..Warning::of(&kinds::SESSION_LIMIT_ALONE, path, message) }.help(help)
}

/// Returns whether a limit that a client cannot avoid by a new session applies to every call that a rule applies to.
fn has_bound(entry: &Entry<'_>, rule: &Arc<Rule>) -> bool {
    // Without identity a principal limit counts all callers of the grant, which is a bound as well.
    let of_client = |limit: &Limit| {
        let chosen = limit.by.as_ref().is_some_and(|by| by.origin() == Origin::Arguments);
        chosen || limit.scope == Scope::Session
    };
    beside(entry, rule).any(|limit| !of_client(limit))
}

/// Iterates over the limits that are charged whenever the limits of a rule of an entry are.
fn beside<'e>(entry: &'e Entry<'_>, rule: &'e Arc<Rule>) -> impl Iterator<Item = &'e Arc<Limit>> {
    let applies = |other: &&Arc<Rule>| {
        let is_sure = Arc::ptr_eq(other, rule) || other.when.is_empty();
        is_sure && (other.mode == Mode::Enforce || rule.mode == Mode::Shadow)
    };
    entry.all().filter(applies).flat_map(|rule| rule.limits.iter())
}

fn cannot_fire<'c>(
    counted: &mut Counted<'c, '_>,
    rule: &Arc<Rule>,
    limit: &Arc<Limit>,
    users: &[&Entry<'_>],
) -> Option<Warning> {
    let path = format!("{}.max", limit.path);
    let warning = |message: String| Some(Warning::of(&kinds::LIMIT_CANNOT_FIRE, &path, message));
    if users.iter().all(|entry| entry.denies()) {
        let by = users.iter().flat_map(|entry| entry.all()).find(|rule| denies(rule))?;
        let what = if Arc::ptr_eq(by, rule) { "this rule".to_owned() } else { format!("`{}`", by.path) };
        return warning(format!("never counts a call, because {what} denies all of them"));
    }
    let wider = users.first()?;
    let wider = beside(wider, rule)
        .find(|other| !Arc::ptr_eq(other, limit) && is_first(other, limit) && counted.all(other, limit))?;
    let whom = match wider.scope {
        Scope::Global => "all callers",
        Scope::Grant => "each grant",
        Scope::Principal => "each principal",
        Scope::Session => "each session",
    };
    let message = format!(
        "never refuses a call, because `{}` refuses it first: it allows {} in {} seconds for {whom}, and counts every \
         call that this limit counts",
        wider.path,
        wider.max,
        wider.window.seconds(),
    );
    warning(message).map(|warning| warning.help("lower this maximum, or remove the limit"))
}

/// Returns whether `wider` refuses every call that `limit` refuses, if it counts all calls that `limit` counts.
fn is_first(wider: &Limit, limit: &Limit) -> bool {
    let by = wider.by.is_none() || wider.by == limit.by;
    scope_covers(wider.scope, limit.scope)
        && window_covers(wider.window, limit.window)
        && adds_as_much(&wider.amount, &limit.amount)
        && by
        && wider.max <= limit.max
        && wider.shadow == limit.shadow
        // What one proxy counts says little about what all proxies count, and without the service it counts apart.
        && wider.shared == limit.shared
}

/// A limit with its entry and its rule.
type Charging<'c, 'e> = (&'e Entry<'c>, &'e Arc<Rule>, &'e Limit);

/// What is charged to each counter.
struct Counted<'c, 'e> {
    /// The limits that charge a counter, by its name
    charging: HashMap<&'e str, Vec<Charging<'c, 'e>>>,
    /// Whether the calls of the second counter are all charged to the first, as far as that has been asked
    known: HashMap<(String, String), bool>,
}

impl<'c, 'e> Counted<'c, 'e> {
    fn new(context: &'e Context<'c>) -> Self {
        let mut charging: HashMap<_, Vec<_>> = HashMap::new();
        for entry in &context.entries {
            for rule in entry.rules {
                for limit in &rule.limits {
                    charging.entry(limit.counter.as_str()).or_default().push((entry, rule, &**limit));
                }
            }
        }
        Self { charging, known: HashMap::new() }
    }

    /// Returns whether every call that is charged to the counter of `limit` is also charged to that of `wider`, with at
    /// least as much.
    fn all(&mut self, wider: &Limit, limit: &Limit) -> bool {
        if wider.counter == limit.counter {
            return wider.max < limit.max;
        }
        let charging = self.charging.get(limit.counter.as_str()).map(Vec::as_slice).unwrap_or_default();
        let charges = |(entry, rule, charged): &(&Entry<'_>, &Arc<Rule>, &Limit)| {
            let as_much = |other: &Limit| {
                adds_as_much(&other.amount, &charged.amount) && other.shadow == charged.shadow
            };
            beside(entry, rule).any(|other| other.counter == wider.counter && as_much(other))
        };
        let pair = (wider.counter.clone(), limit.counter.clone());
        *self.known.entry(pair).or_insert_with(|| charging.iter().all(charges))
    }
}
