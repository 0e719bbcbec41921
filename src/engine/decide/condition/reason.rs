//! The reason of a denial by a condition. It names the argument and says what would be accepted. It never
//! quotes the argument's value or the policy's.

use super::{Obstacle, Truth};
use crate::policy::{Condition, Order, Origin, Scalar, Test};

/// Returns the reason of a denial. `required` is true for a condition of `require` and false for one of
/// `deny_if`; `because` is the reason of the rule; `called` describes the call.
pub(super) fn text(
    condition: &Condition,
    truth: Truth,
    required: bool,
    because: Option<&str>,
    called: &str,
) -> String {
    let by = condition.name.as_ref().map_or(String::new(), |name| format!(" by `{name}`"));
    if let Some(own) = &condition.reason {
        return format!("{called} is denied{by}: {own}");
    }
    let because = because.map_or(String::new(), |because| format!(" ({because})"));
    let sentence = match condition.attribute.origin() {
        Origin::Arguments => of_argument(condition, truth, required),
        Origin::Grant | Origin::Principal | Origin::Claims => "this caller may not make this call".to_owned(),
    };
    format!("{called} is denied{by}: {sentence}{because}")
}

fn of_argument(condition: &Condition, truth: Truth, required: bool) -> String {
    let Condition { attribute, test, .. } = condition;
    let argument =
        if attribute.is_one_argument() { format!("`{attribute}`") } else { format!("every `{attribute}`") };
    match truth {
        Truth::Missing => match types(test) {
            Some(types) => format!("{argument} must be given, as {types}"),
            None => format!("{argument} must be given"),
        },
        Truth::Indeterminate(Obstacle::Type) => {
            let types = types(test).unwrap_or_default();
            format!("{argument} must be {types}, and nothing that is converted to it")
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
        Truth::Holds | Truth::Fails => format!("{argument} {}", of_value(test, required)),
    }
}

/// Returns the rest of the sentence for a value that has the right type and is denied.
fn of_value(test: &Test, required: bool) -> &'static str {
    match (test, required) {
        (Test::OneOf(_), true) | (Test::NoneOf(_), false) => {
            "must be one of the values that the policy allows"
        }
        (Test::OneOf(_), false) | (Test::NoneOf(_), true) => "must not be a value that the policy rules out",
        (Test::Order(order, _), _) => {
            let upper = matches!(order, Order::Less | Order::LessOrEqual);
            if upper == required { "must be a smaller number" } else { "must be a larger number" }
        }
        (Test::Contains(_), true) | (Test::NotContains(_), false) => "must contain what the policy asks for",
        (Test::Contains(_), false) | (Test::NotContains(_), true) => {
            "must not contain what the policy rules out"
        }
        (Test::StartsWith(_), true) => "must begin as the policy asks",
        (Test::StartsWith(_), false) => "must not begin as the policy rules out",
        (Test::EndsWith(_), true) => "must end as the policy asks",
        (Test::EndsWith(_), false) => "must not end as the policy rules out",
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
        Test::StartsWith(_) | Test::EndsWith(_) | Test::Glob(_) | Test::Regex(_) => "a string",
        Test::Exists(_) => return None,
    };
    Some(types.to_owned())
}
