//! The format of the cases in `tests/cases/limits.json`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::{Number, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub clock: Clock,
    /// The capacity of the table, in entries.
    #[serde(default = "default_capacity")]
    pub capacity: NonZeroU32,
    pub limits: BTreeMap<String, Limit>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The steps give the time.
    #[default]
    Set,
    /// No step depends on time.
    Any,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The counter's name; each limit has its own if absent.
    pub counter: Option<String>,
    pub window: u64,
    pub max: Number,
    #[serde(default = "default_scope")]
    pub scope: String,
    #[serde(default = "default_type", rename = "type")]
    pub kind: String,
    /// The argument whose values have a tally each.
    pub by: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Seconds since the start of the case.
    #[serde(default = "zero")]
    pub at: Number,
    #[serde(default = "default_grant")]
    pub grant: String,
    pub principal: Option<String>,
    /// The session, `null` for none.
    #[serde(default = "default_session")]
    pub session: Option<String>,
    /// Calls once from each of this many sessions.
    pub sessions: Option<u32>,
    /// The number of calls.
    #[serde(default = "once")]
    pub times: u32,
    /// The call's arguments by which limits count.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What the call adds to each limit, in the order of the document.
    pub charge: Vec<(String, Number)>,
    pub expect: Expect,
    /// What is used of each limit afterwards.
    pub used: Option<Vec<Number>>,
    /// The limit that refuses.
    pub by: Option<String>,
    /// The seconds to wait, or `"never"`.
    pub retry: Option<Value>,
    /// Why it is unavailable.
    pub why: Option<String>,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    Charged,
    Refused,
    Unavailable,
}

fn default_capacity() -> NonZeroU32 {
    NonZeroU32::new(16_384).unwrap()
}

fn default_scope() -> String {
    "grant".to_owned()
}

fn default_type() -> String {
    "sliding".to_owned()
}

fn default_grant() -> String {
    "default".to_owned()
}

fn default_session() -> Option<String> {
    Some("session".to_owned())
}

fn zero() -> Number {
    0.into()
}

fn once() -> u32 {
    1
}
