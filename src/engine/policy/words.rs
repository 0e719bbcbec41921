//! The words of a policy document and their meanings, in the order in which messages list them.

use super::{Action, Arguments, Certificate, Claims, Effect, Mode, OnFailure, Order, RequestHeaders, Scope};
use crate::limit::Kind;
use crate::mcp::answer::Form;

pub(super) const VERSIONS: [(&str, ()); 1] = [("1", ())];

pub(super) const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];

pub(super) const DEFAULTS: [(&str, Effect); 2] = [("deny", Effect::Deny), ("allow", Effect::Allow)];

pub(super) const EFFECTS: [(&str, Effect); 2] = [("allow", Effect::Allow), ("deny", Effect::Deny)];

pub(super) const FORMS: [(&str, Form); 3] =
    [("result", Form::Result), ("error", Form::Error), ("http", Form::Http)];

pub(super) const WAYS: [(&str, RequestHeaders); 2] =
    [("hold", RequestHeaders::Hold), ("stream", RequestHeaders::Stream)];

pub(super) const ARGUMENTS: [(&str, Arguments); 3] =
    [("hash", Arguments::Sha256), ("full", Arguments::Full), ("none", Arguments::None)];

pub(super) const DIGESTS: [(&str, Arguments); 2] =
    [("sha256", Arguments::Sha256), ("blake3", Arguments::Blake3)];

pub(super) const CLAIMS: [(&str, Claims); 3] =
    [("hash", Claims::Hash), ("full", Claims::Full), ("none", Claims::None)];

pub(super) const ACTIONS: [(&str, Action); 3] =
    [("allow", Action::Allow), ("deny", Action::Deny), ("require_approval", Action::RequireApproval)];

/// Windows in seconds.
pub(super) const WINDOWS: [(&str, u64); 4] =
    [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];

pub(super) const SCOPES: [(&str, Scope); 4] = [
    (Scope::Grant.as_str(), Scope::Grant),
    (Scope::Principal.as_str(), Scope::Principal),
    (Scope::Session.as_str(), Scope::Session),
    (Scope::Global.as_str(), Scope::Global),
];

pub(super) const KINDS: [(&str, Kind); 2] = [("sliding", Kind::Sliding), ("calendar", Kind::Calendar)];

pub(super) const FAILURES: [(&str, OnFailure); 2] = [("deny", OnFailure::Deny), ("local", OnFailure::Local)];

pub(super) const CERTIFICATES: [(&str, Certificate); 3] =
    [("uri_san", Certificate::UriSan), ("dns_san", Certificate::DnsSan), ("subject", Certificate::Subject)];

/// The days of the week, from Monday on.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How a condition compares.
#[derive(Clone, Copy)]
pub(super) enum Op {
    Eq,
    Neq,
    In,
    NotIn,
    Order(Order),
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Glob,
    Regex,
    Exists,
}

pub(super) const OPS: [(&str, Op); 15] = [
    ("eq", Op::Eq),
    ("neq", Op::Neq),
    ("in", Op::In),
    ("not_in", Op::NotIn),
    ("lt", Op::Order(Order::Less)),
    ("lte", Op::Order(Order::LessOrEqual)),
    ("gt", Op::Order(Order::Greater)),
    ("gte", Op::Order(Order::GreaterOrEqual)),
    ("contains", Op::Contains),
    ("not_contains", Op::NotContains),
    ("starts_with", Op::StartsWith),
    ("ends_with", Op::EndsWith),
    ("glob", Op::Glob),
    ("regex", Op::Regex),
    ("exists", Op::Exists),
];
