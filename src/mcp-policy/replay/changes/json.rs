//! What is printed as JSON.

use serde::Serialize;

use super::Kind;
use crate::records::Tally;

#[derive(Serialize)]
pub(super) struct One<'r> {
    pub id: &'r str,
    pub time: Option<&'r str>,
    pub method: Option<&'r str>,
    pub target: Option<&'r str>,
    pub grant: Option<&'r str>,
    pub principal: Option<&'r str>,
    pub from: &'r str,
    pub to: &'r str,
    pub rule: Option<&'r str>,
    pub reason: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct Summary<'r> {
    pub policy: &'r str,
    pub judged: u64,
    pub unchanged: u64,
    pub changed: u64,
    pub now_refused: u64,
    pub now_allowed: u64,
    pub undecided: u64,
    pub changes: Vec<Counted<'r>>,
    pub undecided_by: Vec<Reason<'r>>,
    pub other_servers: u64,
    pub beside: u64,
    pub late: u64,
    pub read: &'r Tally,
}

#[derive(Serialize)]
pub(super) struct Counted<'r> {
    pub count: u64,
    #[serde(flatten)]
    pub kind: &'r Kind,
}

#[derive(Serialize)]
pub(super) struct Reason<'r> {
    pub count: u64,
    pub because: &'r str,
}
