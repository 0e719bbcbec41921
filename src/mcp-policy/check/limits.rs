//! Warnings about limits: `session-limit-alone` and `limit-cannot-fire`.

use std::collections::HashSet;
use std::sync::Arc;

use mcp_policy_engine::limit::{Amount, Kind};
use mcp_policy_engine::policy::{Adds, Limit, Mode, Origin, Rule, Scope};

use super::context::{Context, Entry, Warning, denies};

/// Looks for limits that bound nobody, or never refuse.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    for rule in context.rules() {
        for limit in rule.limits.iter().filter(|limit| seen.insert(limit.path.to_string())) {
            let users: Vec<&Entry<'_>> = context.users(rule).collect();
            if users.is_empty() {
                continue;
            }
            if limit.scope == Scope::Session && users.iter().any(|entry| !has_bound(entry, rule)) {
                warnings.push(session(limit));
            }
            warnings.extend(cannot_fire(context, rule, limit, &users));
        }
    }
}

fn session(limit: &Limit) -> Warning {
    let message = "a client opens a new session whenever it likes, and nothing limits its grant as a whole";
    let is_short = limit.path.ends_with(".rate_limit");
    let path = if is_short { limit.path.to_string() } else { format!("{}.scope", limit.path) };
    let help = "add a limit of scope `grant` beside it, here or in `all_tools`";
    Warning { of_key: is_short, ..Warning::of("session-limit-alone", path, message) }.help(help)
}

/// Tells whether a limit that a client cannot avoid by a new session applies to every call that a rule applies to.
fn has_bound(entry: &Entry<'_>, rule: &Arc<Rule>) -> bool {
    // Without identity a principal limit counts all callers of the grant, which is a bound as well.
    let of_client = |limit: &Limit| {
        let chosen = limit.by.as_ref().is_some_and(|by| by.origin() == Origin::Arguments);
        chosen || limit.scope == Scope::Session
    };
    beside(entry, rule).any(|limit| !of_client(limit))
}

/// Walks the limits that are charged whenever the limits of a rule of an entry are.
fn beside<'e>(entry: &'e Entry<'_>, rule: &'e Arc<Rule>) -> impl Iterator<Item = &'e Arc<Limit>> {
    let applies = |other: &&Arc<Rule>| {
        let is_sure = Arc::ptr_eq(other, rule) || other.when.is_empty();
        is_sure && (other.mode == Mode::Enforce || rule.mode == Mode::Shadow)
    };
    entry.all().filter(applies).flat_map(|rule| rule.limits.iter())
}

fn cannot_fire(
    context: &Context<'_>,
    rule: &Arc<Rule>,
    limit: &Arc<Limit>,
    users: &[&Entry<'_>],
) -> Option<Warning> {
    let path = format!("{}.max", limit.path);
    let warning = |message: String| Some(Warning::of("limit-cannot-fire", &path, message));
    if users.iter().all(|entry| entry.denies()) {
        let by = users.iter().flat_map(|entry| entry.all()).find(|rule| denies(rule))?;
        let what = if Arc::ptr_eq(by, rule) { "this rule".to_owned() } else { format!("`{}`", by.path) };
        return warning(format!("never counts a call, because {what} denies all of them"));
    }
    if let Some(usable) = usable(limit) {
        let message = format!(
            "each call adds a multiple of {}, so {} is the same as {usable}",
            fixed(limit),
            limit.max
        );
        return warning(message).map(|warning| warning.help(format!("write `{usable}`")));
    }
    let wider = users.first()?;
    let wider = beside(wider, rule).find(|other| {
        !Arc::ptr_eq(other, limit) && is_first(other, limit) && counts_all(context, other, limit)
    })?;
    let (scope, window) = (wider.scope.as_str(), wider.window.seconds());
    let message = format!(
        "never refuses a call: `{}` counts the same calls and more of them, and refuses them from {} in {window} s for \
         each {scope} on",
        wider.path, wider.max,
    );
    warning(message.replace("for each global", "for all callers"))
        .map(|warning| warning.help("lower this maximum, or remove the limit"))
}

fn fixed(limit: &Limit) -> Amount {
    match limit.amount {
        Adds::Fixed(amount) => amount,
        Adds::Arguments(_) => Amount::ONE,
    }
}

/// Returns the part of a maximum that can be used, if a part of it never can.
fn usable(limit: &Limit) -> Option<Amount> {
    let Adds::Fixed(each) = limit.amount else { return None };
    // A whole number may be a round one on purpose; a fraction of a call never is.
    let rest = limit.max.micros().checked_rem(each.micros())?;
    let is_fraction = limit.max.micros().checked_rem(Amount::ONE.micros())? != 0;
    (rest > 0 && is_fraction).then(|| Amount::from_micros(limit.max.micros().saturating_sub(rest)))
}

/// Tells whether `wider` refuses every call that `limit` refuses, if it counts all calls that `limit` counts.
fn is_first(wider: &Limit, limit: &Limit) -> bool {
    let scope = wider.scope == limit.scope
        || wider.scope == Scope::Global
        || wider.scope == Scope::Grant && limit.scope != Scope::Global;
    let (long, short) = (wider.window, limit.window);
    let window = match (long.kind(), short.kind()) {
        (Kind::Sliding, Kind::Calendar) => long.seconds() >= short.seconds(),
        // The end of a sliding window is looked at in parts of it, so only much longer ones are certain.
        (Kind::Sliding, Kind::Sliding) => {
            long == short || long.seconds().saturating_mul(25) >= short.seconds().saturating_mul(26)
        }
        (Kind::Calendar, Kind::Calendar) => long.seconds().checked_rem(short.seconds()) == Some(0),
        // At its boundary the longer window forgets what the shorter one still knows.
        (Kind::Calendar, Kind::Sliding) => false,
    };
    let amount = match (&wider.amount, &limit.amount) {
        (Adds::Fixed(wider), Adds::Fixed(own)) => wider >= own,
        (wider, own) => wider == own,
    };
    let by = wider.by.is_none() || wider.by == limit.by;
    scope && window && amount && by && wider.max <= limit.max && wider.shadow == limit.shadow
}

/// Tells whether every call that is charged to the counter of `limit` is also charged to that of `wider`, with at least
/// as much.
fn counts_all(context: &Context<'_>, wider: &Limit, limit: &Limit) -> bool {
    if wider.counter == limit.counter {
        return wider.max < limit.max;
    }
    let all = context.entries.iter().flat_map(|entry| entry.rules.iter().map(move |rule| (entry, rule)));
    let mut charging =
        all.flat_map(|(entry, rule)| rule.limits.iter().map(move |limit| (entry, rule, limit)));
    charging.all(|(entry, rule, charged)| {
        charged.counter != limit.counter
            || beside(entry, rule).any(|other| {
                let amount = match (&other.amount, &charged.amount) {
                    (Adds::Fixed(wider), Adds::Fixed(own)) => wider >= own,
                    (wider, own) => wider == own,
                };
                other.counter == wider.counter && amount && other.shadow == charged.shadow
            })
    })
}
