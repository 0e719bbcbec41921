//! Rules and their limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::conditions;
use super::fault::{Faults, Path, quoted};
use super::fields::{Fields, whole};
use super::{Action, Adds, Limit, Mode, Rule, Scope, ValuePath};
use crate::json::Value;
use crate::limit::{Amount, Kind, Window};
use crate::schema::Schema;

/// The longest window, in seconds: some 31 years.
const LONGEST_WINDOW: u64 = 1_000_000_000;

/// What every counter was defined as first, and where.
#[derive(Default)]
pub(super) struct Counters(BTreeMap<String, (Window, Scope, Path, usize)>);

impl Counters {
    /// Returns how many counters there are.
    pub fn count(&self) -> usize {
        let Self(known) = self;
        known.len()
    }

    /// Returns the number of the counter of this name, and notes a fault where it was defined in another way.
    fn define(
        &mut self,
        counter: &str,
        window: Window,
        scope: Scope,
        path: &Path,
        faults: &mut Faults,
    ) -> usize {
        let Self(known) = self;
        let next = known.len();
        let entry = known.entry(counter.to_owned());
        let (others, other, first, number) = entry.or_insert_with(|| (window, scope, path.clone(), next));
        let differs = [
            ("window", others.seconds() != window.seconds()),
            ("scope", *other != scope),
            ("type", others.kind() != window.kind()),
        ];
        for (what, _) in differs.iter().filter(|(_, differs)| *differs) {
            let name = quoted(counter);
            let why = "limits that share a counter must agree on it";
            faults.add(path, format_args!("counter {name} has another {what} at `{first}`, {why}"));
        }
        *number
    }
}

/// Reads the mode of a document or of a rule.
pub(super) fn mode(fields: &mut Fields<'_>, faults: &mut Faults) -> Mode {
    let modes = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];
    fields.word("mode", &modes, Mode::default(), faults).unwrap_or_default()
}

/// Reads the rule at `path`, the entry called `name`.
pub(super) fn rule(
    value: Value<'_>,
    path: &Path,
    name: &str,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Option<Rule> {
    let mut fields = Fields::open(value, path, "an object, `{}` to allow", faults)?;
    let actions =
        [("allow", Action::Allow), ("deny", Action::Deny), ("require_approval", Action::RequireApproval)];
    let action = fields.word("action", &actions, Action::default(), faults).unwrap_or_default();
    let reason = fields.text("reason", faults).map(|text| text.into_owned());
    let mode = mode(&mut fields, faults);
    let arguments = fields.take("arguments").and_then(|(value, path)| Schema::load(value, &path, faults));
    let require = conditions(&mut fields, "require", faults);
    let deny_if = conditions(&mut fields, "deny_if", faults);
    let mut limits: Vec<Limit> = Vec::new();
    for (value, path) in fields.list("limits", faults) {
        limits.extend(limit(value, &path, counters, faults));
    }
    if let Some((value, path)) = fields.take("rate_limit") {
        limits.extend(rate_limit(value, &path, name, counters, faults));
    }
    fields.close(faults);
    let limits =
        limits.into_iter().map(|limit| Arc::new(Limit { reason: reason.clone(), ..limit })).collect();
    Some(Rule { path: path.to_string().into(), action, reason, mode, arguments, require, deny_if, limits })
}

fn limit(value: Value<'_>, path: &Path, counters: &mut Counters, faults: &mut Faults) -> Option<Limit> {
    let mut fields = Fields::open(value, path, "an object with `counter`, `window` and `max`", faults)?;
    let counter = match fields.take("counter") {
        Some((value, path)) => match value.string() {
            Some(name) if !name.is_empty() => Some(name.into_owned()),
            _ => {
                faults.unfit(&path, "a name", value);
                None
            }
        },
        None => {
            faults.add(&path.key("counter"), "is missing, must be a name");
            None
        }
    };
    let seconds = window(fields.take("window"), path, faults);
    let max = max(fields.take("max"), path, faults);
    let scopes = [
        ("grant", Scope::Grant),
        ("principal", Scope::Principal),
        ("session", Scope::Session),
        ("global", Scope::Global),
    ];
    let scope = fields.word("scope", &scopes, Scope::default(), faults);
    let amount = match fields.take("amount") {
        None => Some(Adds::Fixed(Amount::ONE)),
        Some((value, path)) => amount(value, &path, faults),
    };
    let kinds = [("sliding", Kind::Sliding), ("calendar", Kind::Calendar)];
    let kind = fields.word("type", &kinds, Kind::Sliding, faults);
    fields.close(faults);
    let (counter, window, scope) = (counter?, Window::new(seconds?, kind?)?, scope?);
    let number = counters.define(&counter, window, scope, path, faults);
    Some(Limit {
        path: path.to_string().into(),
        reason: None,
        counter,
        number,
        window,
        max: max?,
        scope,
        amount: amount?,
    })
}

/// Reads `{"max", "window"}`: one limit named after its entry, of each session.
fn rate_limit(
    value: Value<'_>,
    path: &Path,
    name: &str,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Option<Limit> {
    let mut fields = Fields::open(value, path, "an object with `max` and `window`", faults)?;
    let max = max(fields.take("max"), path, faults);
    let seconds = window(fields.take("window"), path, faults);
    fields.close(faults);
    let window = Window::new(seconds?, Kind::Sliding)?;
    let scope = Scope::Session;
    let number = counters.define(name, window, scope, path, faults);
    let (path, counter) = (path.to_string().into(), name.to_owned());
    Some(Limit {
        path,
        reason: None,
        counter,
        number,
        window,
        max: max?,
        scope,
        amount: Adds::Fixed(Amount::ONE),
    })
}

/// Reads a window: a word, or a whole number of seconds.
fn window(field: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<u64> {
    const EXPECTED: &str = "`second`, `minute`, `hour`, `day` or a number of seconds";
    let Some((value, path)) = field else {
        faults.add(&parent.key("window"), format_args!("is missing, must be {EXPECTED}"));
        return None;
    };
    if let Some(word) = value.string().filter(|_| faults.number(value).is_none()) {
        let seconds = match word.as_ref() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            digits if digits.parse::<u64>().is_ok() => {
                faults.unfit(&path, EXPECTED, value);
                return None;
            }
            unknown => {
                faults.add(&path, format_args!("unknown window {}, expected {EXPECTED}", quoted(unknown)));
                return None;
            }
        };
        return Some(seconds);
    }
    let fits = whole(value, faults).filter(|seconds| (1..=LONGEST_WINDOW).contains(seconds));
    if fits.is_none() {
        let expected = "`second`, `minute`, `hour`, `day` or a whole number of seconds from 1 to 1000000000";
        faults.unfit(&path, expected, value);
    }
    fits
}

fn max(field: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<Amount> {
    let Some((value, path)) = field else {
        faults.add(&parent.key("max"), "is missing, must be a positive number");
        return None;
    };
    positive(value, &path, faults)
}

/// Reads a positive number with up to six decimals.
fn positive(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Amount> {
    let Some(text) = faults.number(value).filter(|text| !text.starts_with('-')) else {
        faults.unfit(path, "a positive number", value);
        return None;
    };
    match Amount::from_decimal(&text) {
        Ok(amount) if amount != Amount::ZERO => Some(amount),
        Ok(_) => {
            faults.unfit(path, "a positive number", value);
            None
        }
        Err(_) => {
            faults.unfit(path, "a positive number with up to 6 decimals, below 1.8e13", value);
            None
        }
    }
}

fn amount(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Adds> {
    if faults.number(value).is_some() {
        return positive(value, path, faults).map(Adds::Fixed);
    }
    if let Some(text) = value.string() {
        let parsed = ValuePath::parse(&text).ok().filter(ValuePath::is_one_argument);
        if parsed.is_none() {
            faults.unfit(path, "a positive number or a path such as `args.amount`", value);
        }
        return parsed.map(Adds::Argument);
    }
    faults.unfit(path, "a positive number or a path such as `args.amount`", value);
    None
}
