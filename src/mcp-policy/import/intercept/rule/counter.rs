//! Intercept's counters, which become limits.

use super::Scope;
use crate::input::{Node, Value};
use crate::written::Json;

const WINDOWS: [&str; 3] = ["minute", "hour", "day"];

/// A counter that a rule defines.
#[derive(Debug)]
pub struct State {
    /// How conditions speak of it, such as `state.create_issue.hourly_count`
    pub path: String,
    counter: String,
    window: String,
    amount: Option<Json>,
}

impl State {
    /// Reads the `state` of a rule.
    ///
    /// # Errors
    /// What of it has no equivalent.
    pub fn read(node: &Node, scope: Scope<'_>) -> Result<Self, String> {
        let text = |key| node.member(key).and_then(Node::text).unwrap_or_default();
        let (counter, window) = (text("counter"), text("window"));
        if counter.is_empty() || !WINDOWS.contains(&window) {
            return Err(
                "its `state` needs a `counter` and a `window` of `minute`, `hour` or `day`".to_owned()
            );
        }
        let owner = match scope {
            Scope::Tool(name) => name,
            Scope::All => "_global",
        };
        let amount = match (text("increment_from"), node.member("increment").map(|node| &node.value)) {
            ("", None | Some(Value::Null)) => None,
            // An increment of 0 is taken for none.
            ("", Some(Value::Number(text))) if text == "0" => None,
            ("", Some(Value::Number(text))) => {
                Some(text.parse().map(Json::Number).map_err(|_| "its `increment` is not a number")?)
            }
            ("", Some(_)) => return Err("its `increment` is not a number".to_owned()),
            (from, _) => Some(Json::text(super::argument::path(from)?)),
        };
        let path = format!("state.{owner}.{counter}");
        Ok(Self { path, counter: format!("{owner}.{counter}"), window: window.to_owned(), amount })
    }

    /// Returns the limit of the counter.
    ///
    /// # Errors
    /// No call could ever pass.
    pub fn limit(self, max: i64) -> Result<Json, String> {
        limit(self.counter, &self.window, max, self.amount)
    }
}

/// Reads a rate, such as `5/hour`.
///
/// # Errors
/// It is no such rate.
pub fn rate(text: &str, scope: Scope<'_>) -> Result<Json, String> {
    let wrong = || format!("its `rate_limit` `{text}` is not a rate such as `5/hour`");
    let (count, window) = text.split_once('/').ok_or_else(wrong)?;
    let count = count
        .parse::<i64>()
        .ok()
        .filter(|count| *count > 0 && WINDOWS.contains(&window))
        .ok_or_else(wrong)?;
    let counter = match scope {
        Scope::Tool(name) => format!("{name} per {window}"),
        Scope::All => format!("all tools per {window}"),
    };
    limit(counter, window, count, None)
}

/// Reads the condition on a counter. Returns the largest value that it may reach.
///
/// # Errors
/// It bounds the counter in another way.
pub fn bound(condition: &Node) -> Result<i64, String> {
    let op = condition.member("op").and_then(Node::text).unwrap_or_default();
    let number = match condition.member("value").map(|node| &node.value) {
        Some(Value::Number(text)) => text.parse::<f64>().ok(),
        _ => None,
    };
    let most = |number: f64| format!("{:.0}", number.trunc()).parse::<i64>().ok();
    match (op, number.and_then(most)) {
        // The counter is compared before the call and once the call is counted: there it may not reach the bound itself.
        ("lt", Some(number)) => Ok(number.saturating_sub(1)),
        ("lte", Some(number)) => Ok(number),
        _ => Err(format!(
            "`{op}` of a counter has no equivalent here, only `lt` and `lte` with a number have one"
        )),
    }
}

fn limit(counter: String, window: &str, max: i64, amount: Option<Json>) -> Result<Json, String> {
    if max < 1 {
        return Err("its counter may never count anything, so no call ever passes".to_owned());
    }
    let mut members = vec![
        ("counter".to_owned(), Json::Text(counter)),
        ("window".to_owned(), Json::text(window)),
        ("max".to_owned(), Json::Number(max.into())),
        ("scope".to_owned(), Json::text("global")),
        ("type".to_owned(), Json::text("calendar")),
    ];
    members.extend(amount.map(|amount| ("amount".to_owned(), amount)));
    Ok(Json::Object(members))
}
