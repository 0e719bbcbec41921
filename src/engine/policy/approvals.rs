//! Whom to ask where a person has to approve.

use super::fault::{Faults, Path};
use super::fields::{Fields, whole};
use super::{Action, Rules};
use crate::json::Value;

/// The longest time-out, in milliseconds.
const LONGEST_TIMEOUT_MS: u32 = 60_000;
/// The longest wait, in seconds: beyond it clients have given up.
const LONGEST_WAIT_SECONDS: u32 = 300;
/// The longest time that a question, or its answer, can stand: 30 days, in seconds.
const LONGEST_LIFE_SECONDS: u32 = 2_592_000;

/// How the approval service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// Envoy's cluster
    pub cluster: String,
    /// `:authority`
    pub authority: String,
    /// `:path`
    pub path: String,
    /// How long an answer may take, beside what the service is asked to wait
    pub timeout_ms: u32,
    /// How long the service may wait for a person before it answers
    pub wait_seconds: u32,
    /// For how long a question, or its answer, stands
    pub expires_seconds: u32,
}

impl Approvals {
    /// Returns how long the host waits for the answer, in milliseconds.
    #[must_use]
    pub fn patience_ms(&self) -> u32 {
        self.wait_seconds.saturating_mul(1_000).saturating_add(self.timeout_ms)
    }
}

/// Reads the document's `approvals`.
pub(super) fn approvals(document: &mut Fields<'_>, faults: &mut Faults) -> Option<Approvals> {
    let (value, path) = document.take("approvals")?;
    let mut fields = Fields::open(value, &path, "an object with `cluster`", faults)?;
    let cluster = match fields.take("cluster") {
        Some((value, path)) => plain(value, &path, "the name of a cluster of Envoy's", faults),
        None => {
            faults.add(&path.key("cluster"), "is missing, must be the name of a cluster of Envoy's");
            None
        }
    };
    let authority = fields.take("authority");
    let authority = authority.map(|(value, path)| plain(value, &path, "a host name", faults));
    let at = match fields.take("path") {
        None => Some("/v1/approvals".to_owned()),
        Some((value, path)) => {
            let expected = "a path that begins with `/`, without a fragment";
            plain(value, &path, expected, faults).and_then(|text| {
                if text.starts_with('/') && !text.contains('#') {
                    return Some(text);
                }
                faults.unfit(&path, expected, value);
                None
            })
        }
    };
    let timeout_ms = fields.count("timeout_ms", LONGEST_TIMEOUT_MS, faults).unwrap_or(2_000);
    let wait_seconds = wait(&mut fields, faults);
    let expires_seconds = fields.count("expires_seconds", LONGEST_LIFE_SECONDS, faults).unwrap_or(900);
    fields.close(faults);
    let cluster = cluster?;
    let authority = authority.unwrap_or_else(|| Some(cluster.clone()))?;
    Some(Approvals { cluster, authority, path: at?, timeout_ms, wait_seconds, expires_seconds })
}

fn wait(fields: &mut Fields<'_>, faults: &mut Faults) -> u32 {
    let Some((value, path)) = fields.take("wait_seconds") else { return 0 };
    let seconds = whole(value, faults).and_then(|seconds| u32::try_from(seconds).ok());
    let fits = seconds.filter(|seconds| *seconds <= LONGEST_WAIT_SECONDS);
    if fits.is_none() {
        faults.unfit(&path, &format!("an integer from 0 to {LONGEST_WAIT_SECONDS}"), value);
    }
    fits.unwrap_or_default()
}

/// Reads a text that can stand in a header: not empty, and printable ASCII without spaces.
fn plain(value: Value<'_>, path: &Path, expected: &str, faults: &mut Faults) -> Option<String> {
    let text =
        value.string().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    if text.is_none() {
        faults.unfit(path, expected, value);
    }
    text.map(|text| text.into_owned())
}

/// Notes a fault for each rule that has nobody to ask.
pub(super) fn refuse_unasked(all: &[&Rules], faults: &mut Faults) {
    for rule in all.iter().flat_map(|rules| rules.iter()) {
        if rule.action == Action::RequireApproval {
            let path = format!("{}.action", rule.path);
            faults.note(&path, "must not be `require_approval` without `approvals`, which say whom to ask");
        }
    }
}
