//! The reason of a denial by a condition. It names the argument and says what would be accepted. It never
//! quotes the argument's value or the policy's.

use std::borrow::Cow;

use super::clause::{Place, Results, of_truths};
use super::{Attributes, Obstacle, Truth, evaluate};
use crate::policy::{Clause, Comparison, Condition, Group, Holds, Order, Origin, Scalar, Test, ValuePath};

/// How many alternatives a reason lists.
const LISTED: usize = 4;

/// Why a clause refuses a call.
#[derive(Debug, Default)]
pub(super) struct Explanation<'p> {
    /// The name of the clause
    name: Option<&'p str>,
    /// The reason that the policy gives
    own: Option<&'p str>,
    /// What would be accepted
    sentence: String,
    /// Whether the sentence says what keeps an argument from being judged, which the policy's reason does not
    clarifies: bool,
    /// Whether the sentence is about the caller, who cannot call in another way
    of_caller: bool,
}

impl Explanation<'_> {
    /// Returns the reason of the denial. `because` is the reason of the rule; `called` describes the call.
    pub fn text(&self, because: Option<&str>, called: &str) -> String {
        let by = self.name.map_or(String::new(), |name| format!(" by `{name}`"));
        let because = because.filter(|_| self.own.is_none());
        let because = because.map_or(String::new(), |because| format!(" ({because})"));
        format!("{called} is denied{by}: {}{because}", self.told())
    }

    fn told(&self) -> Cow<'_, str> {
        match (self.own, &*self.sentence) {
            (Some(own), sentence) if self.clarifies => format!("{own} ({sentence})").into(),
            (Some(own), _) => own.into(),
            (None, "") => "the policy allows no such call".into(),
            (None, sentence) => sentence.into(),
        }
    }
}

/// Evaluates a clause, and explains it if it refuses the call.
pub(super) fn explain<'p>(
    clause: &'p Clause,
    place: Place,
    attributes: &Attributes<'_>,
) -> (Results, Option<Explanation<'p>>) {
    let group = match clause {
        Clause::Condition(condition) => {
            let truths = evaluate(condition, attributes);
            let refusing = truths.iter().find(|truth| place.refuses(of_truths(&[**truth], place)));
            let results = of_truths(&truths, place);
            let truth = refusing.filter(|_| place.refuses(results));
            return (results, truth.map(|truth| of_condition(condition, *truth, place)));
        }
        Clause::Group(group) => group,
    };
    let mut results = Results::of_none(group.holds);
    let mut explanations = Vec::new();
    for clause in &group.clauses {
        let (other, explanation) = explain(clause, place, attributes);
        results = results.join(group.holds, other);
        explanations.extend(explanation);
    }
    (results, place.refuses(results).then(|| of_group(group, place, explanations)))
}

/// Explains a group by its clauses that refuse the call.
fn of_group<'p>(group: &'p Group, place: Place, mut explanations: Vec<Explanation<'p>>) -> Explanation<'p> {
    let one_suffices =
        matches!((place, group.holds), (Place::Require, Holds::Any) | (Place::DenyIf, Holds::All));
    if !one_suffices {
        explanations.truncate(1);
    }
    // What the caller can change comes before what it cannot.
    if explanations.iter().any(|explanation| !explanation.of_caller) {
        explanations.retain(|explanation| !explanation.of_caller);
    }
    let mut explanation = if let [_] = explanations.as_slice() {
        explanations.pop().unwrap_or_default()
    } else {
        let of_caller = explanations.first().is_some_and(|explanation| explanation.of_caller);
        let mut sentences: Vec<String> =
            explanations.iter().map(|explanation| explanation.told().into_owned()).collect();
        sentences.dedup();
        sentences.truncate(LISTED);
        Explanation { sentence: sentences.join(", or "), of_caller, ..Explanation::default() }
    };
    explanation.name = group.name.as_deref().or(explanation.name);
    explanation.own = group.reason.as_deref().or(explanation.own);
    explanation
}

/// Explains a condition that refuses the call with the result `truth`.
pub(super) fn of_condition(condition: &Condition, truth: Truth, place: Place) -> Explanation<'_> {
    let (sentence, of_caller) = match (condition.reads_arguments(), condition.attribute.origin()) {
        (true, _) => (of_argument(condition, truth, place == Place::Require), false),
        (false, Origin::Weekday | Origin::TimeOfDay | Origin::Date) => {
            ("this call may not be made at this time".to_owned(), true)
        }
        (false, _) => ("this caller may not make this call".to_owned(), true),
    };
    let (name, own) = (condition.name.as_deref(), condition.reason.as_deref());
    let clarifies = !of_caller && matches!(truth, Truth::Missing | Truth::Indeterminate(_));
    Explanation { name, own, sentence, clarifies, of_caller: of_caller && own.is_none() }
}

fn of_argument(condition: &Condition, truth: Truth, required: bool) -> String {
    let Condition { attribute, test, .. } = condition;
    let (attribute, other) = arguments(attribute, condition.operand());
    let argument =
        if attribute.is_one_argument() { format!("`{attribute}`") } else { format!("every `{attribute}`") };
    match truth {
        Truth::Missing => match (other, types(test)) {
            (Some(other), _) => format!("{argument} and `{other}` must be given"),
            (None, Some(types)) => format!("{argument} must be given, as {types}"),
            (None, None) => format!("{argument} must be given"),
        },
        Truth::Indeterminate(Obstacle::Type) => match types(test) {
            Some(types) => format!("{argument} must be {types}, and nothing that is converted to it"),
            None => format!("{argument} must have the type of what it is compared with"),
        },
        Truth::Indeterminate(Obstacle::Json) => {
            format!("{argument} must not be a string that holds JSON, which some servers read")
        }
        Truth::Indeterminate(Obstacle::Cut) => {
            format!("{argument} must not contain U+0000, where some servers end the text")
        }
        Truth::Indeterminate(Obstacle::Blocked) => {
            format!("what `{attribute}` is in must be objects and lists, not strings that hold them")
        }
        Truth::Indeterminate(Obstacle::Respelled) => {
            format!("the keys of `{attribute}` must be given in this spelling alone")
        }
        Truth::Indeterminate(Obstacle::Work) => {
            format!("{argument} takes more work to judge than one request may cause: send less")
        }
        // In `require`, what the policy asks for says more.
        Truth::Indeterminate(Obstacle::Fraction) if !required || !matches!(test, Test::OneOf(_)) => {
            format!("{argument} must be a number whose fraction cannot matter, since some servers cut it off")
        }
        Truth::Indeterminate(Obstacle::Fraction) => format!("{argument} {}", of_value(test, required)),
        Truth::Indeterminate(Obstacle::Digits) => {
            format!("{argument} must be a number of no more digits than a double keeps")
        }
        Truth::Indeterminate(Obstacle::Clock) => "the time is not known now".to_owned(),
        Truth::Holds | Truth::Fails => format!("{argument} {}", of_value(test, required)),
    }
}

/// Returns the argument that a condition is about, and the other one if it is about two.
fn arguments<'p>(
    attribute: &'p ValuePath,
    other: Option<&'p ValuePath>,
) -> (&'p ValuePath, Option<&'p ValuePath>) {
    let other = other.filter(|path| path.origin() == Origin::Arguments);
    match other {
        Some(other) if attribute.origin() != Origin::Arguments => (other, None),
        other => (attribute, other),
    }
}

/// Returns the rest of the sentence for a value that has the right type and is denied.
fn of_value(test: &Test, required: bool) -> &'static str {
    match (test, required) {
        (Test::OneOf(_) | Test::With(Comparison::Equals | Comparison::In, _), true)
        | (Test::NoneOf(_) | Test::With(Comparison::Differs | Comparison::NotIn, _), false) => {
            "must be one of the values that the policy allows"
        }
        (Test::OneOf(_) | Test::With(Comparison::Equals | Comparison::In, _), false)
        | (Test::NoneOf(_) | Test::With(Comparison::Differs | Comparison::NotIn, _), true) => {
            "must not be a value that the policy rules out"
        }
        (Test::TextOrder(..) | Test::With(Comparison::Order(_), _), _) => {
            "must lie on the other side of what it is compared with"
        }
        (Test::Order(order, _), _) => {
            let upper = matches!(order, Order::Less | Order::LessOrEqual);
            if upper == required { "must be a smaller number" } else { "must be a larger number" }
        }
        (Test::Contains(_) | Test::With(Comparison::Contains, _), true)
        | (Test::NotContains(_) | Test::With(Comparison::NotContains, _), false) => {
            "must contain what the policy asks for"
        }
        (Test::Contains(_) | Test::With(Comparison::Contains, _), false)
        | (Test::NotContains(_) | Test::With(Comparison::NotContains, _), true) => {
            "must not contain what the policy rules out"
        }
        (Test::StartsWith(_) | Test::With(Comparison::StartsWith, _), true) => {
            "must begin as the policy asks"
        }
        (Test::StartsWith(_) | Test::With(Comparison::StartsWith, _), false) => {
            "must not begin as the policy rules out"
        }
        (Test::EndsWith(_) | Test::With(Comparison::EndsWith, _), true) => "must end as the policy asks",
        (Test::EndsWith(_) | Test::With(Comparison::EndsWith, _), false) => {
            "must not end as the policy rules out"
        }
        (Test::Glob(_) | Test::Regex(_), true) => "must have the form that the policy asks for",
        (Test::Glob(_) | Test::Regex(_), false) => "must not have a form that the policy rules out",
        (Test::Exists(wanted), _) => {
            if *wanted == required {
                "must be given"
            } else {
                "must not be given"
            }
        }
    }
}

/// Returns the types that a test accepts, in words; `None` if it accepts any.
fn types(test: &Test) -> Option<String> {
    let types = match test {
        Test::OneOf(scalars) | Test::NoneOf(scalars) => {
            let has = |wanted: fn(&Scalar) -> bool| scalars.iter().any(wanted);
            let types = [
                (has(|scalar| matches!(scalar, Scalar::Text(_))), "a string"),
                (has(|scalar| matches!(scalar, Scalar::Number(_))), "a number"),
                (has(|scalar| matches!(scalar, Scalar::Bool(_))), "a boolean"),
            ];
            let types: Vec<&str> = types.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
            return Some(types.join(" or "));
        }
        Test::Order(..) => "a number",
        Test::Contains(scalar) | Test::NotContains(scalar) => match scalar {
            Scalar::Text(_) => "a string or a list of strings",
            Scalar::Number(_) => "a list of numbers",
            Scalar::Bool(_) => "a list of booleans",
        },
        Test::StartsWith(_)
        | Test::EndsWith(_)
        | Test::Glob(_)
        | Test::Regex(_)
        | Test::TextOrder(..)
        | Test::With(Comparison::StartsWith | Comparison::EndsWith, _) => "a string",
        Test::Exists(_) | Test::With(..) => return None,
    };
    Some(types.to_owned())
}
