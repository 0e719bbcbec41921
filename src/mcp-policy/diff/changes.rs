//! All that a change of a policy means.

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::policy::{Effect as Verdict, EntryRules, Grant, Mode, Rules};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::callers::{self, Moved};
use super::change::{Change, Effect};
use super::compare::{self, Difference, Layers};
use super::restriction::{Restriction, What};
use super::settings;
use super::side::Side;
use super::targets::{self, Kind, Target};

/// Compares two policies. `tools` are names that are compared too, each by itself.
pub fn of(old: &Side, new: &Side, tools: &BTreeSet<String>) -> Vec<Change> {
    let mut changes = settings::changes(old, new);
    let moves = callers::moves(old, new);
    changes.extend(grants(old, new, &moves));
    // By target and difference, the callers; then by callers and difference, the targets.
    let mut found: BTreeMap<(Kind, String, Difference), BTreeSet<String>> = BTreeMap::new();
    let mut compared = BTreeSet::new();
    for moved in moves.iter().filter(|moved| is_judged(**moved, old, new)) {
        let callers = callers::words(*moved, old, new);
        for kind in Kind::ALL {
            for (target, difference) in differences(old, new, *moved, kind, tools) {
                found.entry((kind, target, difference)).or_default().insert(callers.clone());
            }
        }
        compared.insert(callers);
    }
    let mut grouped: BTreeMap<(Kind, BTreeSet<String>, Difference), Vec<String>> = BTreeMap::new();
    for ((kind, target, difference), callers) in found {
        grouped.entry((kind, callers, difference)).or_default().push(target);
    }
    changes.extend(grouped.into_iter().map(|((_, callers, difference), what)| {
        let all = callers.len() == compared.len();
        let callers = if all { Vec::new() } else { callers.into_iter().collect() };
        let Difference { was, becomes, effect } = difference;
        Change { callers, what, was, becomes, effect }
    }));
    without_effect(&mut changes, old.policy.mode, new.policy.mode);
    changes.sort_by_key(|change| change.effect);
    changes
}

/// Returns whether calls are judged by rules before and after. Where there are grants, callers without one are refused.
fn is_judged(moved: Moved, old: &Side, new: &Side) -> bool {
    (moved.old.is_some() || old.policy.grants.is_empty())
        && (moved.new.is_some() || new.policy.grants.is_empty())
}

/// In shadow mode everything passes: before it, nothing can widen, and after it, nothing can narrow.
fn without_effect(changes: &mut [Change], old: Mode, new: Mode) {
    for change in changes.iter_mut().filter(|change| change.what != ["mode"]) {
        let was_shadow = old == Mode::Shadow && change.effect.may_widen();
        if was_shadow || (new == Mode::Shadow && change.effect == Effect::Narrows) {
            change.effect = Effect::Otherwise;
        }
    }
}

/// Returns what differs for all targets of a kind, for callers who moved from one grant to another.
fn differences(
    old: &Side,
    new: &Side,
    moved: Moved,
    kind: Kind,
    tools: &BTreeSet<String>,
) -> Vec<(String, Difference)> {
    let (was, becomes) = (old.layers(moved.old), new.layers(moved.new));
    let count = was.len().saturating_add(becomes.len());
    let all: Vec<&Rules> = was.iter().chain(&becomes).copied().collect();
    let after =
        Layers { side: new, grant: new.grant_name(moved.new), rules: becomes, first: was.len(), count };
    let before = Layers { side: old, grant: old.grant_name(moved.old), rules: was, first: 0, count };
    let mut found: Vec<(String, Difference)> = Vec::new();
    let mut compare = |target: &Target<'_>, is_session: bool| {
        let was = before.restrictions(kind, target, is_session);
        let becomes = after.restrictions(kind, target, is_session);
        for difference in compare::differences(&was, &becomes) {
            let entry = (target.text(kind), difference);
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
    };
    let mut names = targets::names(&all, kind);
    if kind == Kind::Tool {
        names.extend(tools.iter().cloned());
    }
    for name in names {
        let is_session = kind == Kind::Method && compare::is_of_session(&name);
        compare(&Target::Name(name), is_session);
    }
    let classes = targets::classes(&targets::choosers(&all, kind));
    for chosen in classes.iter().flatten() {
        let target = Target::Class(chosen.clone());
        compare(&target, false);
        if kind == Kind::Method {
            compare(&target, true);
        }
    }
    if kind == Kind::Resource
        && before
            .rules
            .iter()
            .any(|was| !after.rules.iter().any(|now| keeps_spellings(&before, was, &after, now)))
    {
        let was = "other spellings of a URI were decided by the old entries".to_owned();
        let becomes = "they may be decided by others".to_owned();
        found.push(("resources".to_owned(), Difference { was, becomes, effect: Effect::MayWiden }));
    }
    if classes.is_none() {
        let what = format!("{}s", kind.word());
        let becomes = "too many patterns overlap to compare them all".to_owned();
        found.push((what, Difference { was: String::new(), becomes, effect: Effect::MayWiden }));
    }
    found
}

/// Returns whether the entries `now` refuse all URIs that `was` refuses because they are not plain, and restrict all that `was`
/// restricts because an entry decides on another spelling of them. Else such an entry may be gone, be weaker, or have no say
/// beside a more specific one.
fn keeps_spellings(before: &Layers<'_>, was: &Rules, after: &Layers<'_>, now: &Rules) -> bool {
    let entries = |layers: &Layers<'_>, rules: &Rules| -> BTreeMap<String, Vec<Restriction>> {
        let restrictions = |entry: &EntryRules| Restriction::of_rules(entry, layers.side, layers.grant);
        let entries = rules.resources.section().entries();
        entries.map(|(pattern, entry)| (pattern.as_str().to_owned(), restrictions(entry))).collect()
    };
    let (old, new) = (entries(before, was), entries(after, now));
    if !old.is_empty() && new.is_empty() && now.default.0 == Verdict::Allow {
        return false;
    }
    let covers = |(pattern, restrictions): (&String, &Vec<Restriction>)| {
        new.get(pattern).is_some_and(|own| {
            restrictions
                .iter()
                .all(|one| own.iter().any(|own| own.refuses_all().is_some() || own.implies(one)))
        })
    };
    let mut added = new.iter().filter(|(pattern, _)| !old.contains_key(*pattern));
    let refuses = |own: &Vec<Restriction>| own.iter().any(|one| one.refuses_all().is_some());
    old.values().all(Vec::is_empty) || (old.iter().all(covers) && added.all(|(_, own)| refuses(own)))
}

/// Returns what changes about who has which grant, and when.
fn grants(old: &Side, new: &Side, moves: &[Moved]) -> Vec<Change> {
    let mut changes = Vec::new();
    for moved in moves {
        let callers = vec![callers::words(*moved, old, new)];
        let (was, becomes) = (grant_of(old, moved.old), grant_of(new, moved.new));
        match (was, becomes) {
            (None, Some(_)) if !old.policy.grants.is_empty() => {
                changes.push(change(callers, "refused", "judged by this grant", Effect::Widens));
            }
            (None, None) if !old.policy.grants.is_empty() && new.policy.grants.is_empty() => {
                changes.push(change(callers, "refused", "judged by the document alone", Effect::Widens));
            }
            (_, None) if !new.policy.grants.is_empty() => {
                changes.push(change(callers, "judged by rules", "refused", Effect::Narrows));
            }
            (was, becomes) => {
                changes.extend(
                    term(was, becomes).map(|(was, becomes, effect)| change(callers, &was, &becomes, effect)),
                );
            }
        }
    }
    changes.extend(split(old, new, moves));
    changes
}

fn change(callers: Vec<String>, was: &str, becomes: &str, effect: Effect) -> Change {
    Change {
        callers,
        what: vec!["who may call".to_owned()],
        was: was.to_owned(),
        becomes: becomes.to_owned(),
        effect,
    }
}

fn grant_of(side: &Side, number: Option<usize>) -> Option<&Grant> {
    number.and_then(|number| side.policy.grants.get(number))
}

/// Compares when two grants are in force.
fn term(was: Option<&Grant>, becomes: Option<&Grant>) -> Option<(String, String, Effect)> {
    let begins = |grant: Option<&Grant>| {
        grant.and_then(|grant| grant.not_before.as_ref()).map_or(i128::MIN, |(begins_ns, _)| *begins_ns)
    };
    let ends = |grant: Option<&Grant>| grant.and_then(|grant| grant.expires_ns).unwrap_or(i128::MAX);
    let (earlier, later) = (begins(becomes) < begins(was), ends(becomes) > ends(was));
    let same = begins(becomes) == begins(was) && ends(becomes) == ends(was);
    let effect = if earlier || later { Effect::Widens } else { Effect::Narrows };
    (!same).then(|| (told_term(was), told_term(becomes), effect))
}

fn told_term(grant: Option<&Grant>) -> String {
    let begins = grant.and_then(|grant| grant.not_before.as_ref());
    let begins = begins.map_or_else(String::new, |(_, text)| format!(" from {text}"));
    let ends = grant.and_then(|grant| grant.expires_ns);
    let ends = ends.and_then(|ns| OffsetDateTime::from_unix_timestamp_nanos(ns).ok()?.format(&Rfc3339).ok());
    match ends {
        Some(ends) => format!("in force{begins} until {ends}"),
        None => format!("in force{begins} without end"),
    }
}

/// Returns the grants whose callers get several grants. Each of those counts by itself, so together they may do more.
fn split(old: &Side, new: &Side, moves: &[Moved]) -> Vec<Change> {
    let judged: Vec<&Moved> = moves.iter().filter(|moved| is_judged(**moved, old, new)).collect();
    let from: BTreeSet<Option<usize>> = judged.iter().map(|moved| moved.old).collect();
    let mut changes = Vec::new();
    for number in from {
        let names: BTreeSet<&str> = judged
            .iter()
            .filter(|moved| moved.old == number)
            .map(|moved| new.grant_name(moved.new))
            .collect();
        let rules = old.layers(number);
        let counts = rules.iter().flat_map(|rules| rules.iter()).any(|rule| {
            let restrictions = Restriction::of_rule(rule, old, "");
            restrictions.iter().any(|one| matches!(&one.what, What::Limit(terms) if terms.is_of_grant()))
        });
        if names.len() > 1 && counts {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let callers = vec![format!("callers of `{}`", old.grant_name(number))];
            let becomes = format!("counted by {}, each with limits of its own", names.join(", "));
            changes.push(change(callers, "counted together", &becomes, Effect::MayWiden));
        }
    }
    changes
}
