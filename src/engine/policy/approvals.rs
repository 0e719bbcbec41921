//! How to reach the approval service.

use super::{Pattern, keys};
use crate::document::{Faults, Fields, Part};

/// The members of `_meta` with which widespread clients number their calls and conversations.
const IGNORED_META: [&str; 3] = ["claudecode/toolUseId", "vscode.conversationId", "vscode.requestId"];

/// How to reach the approval service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// The name of the cluster in Envoy
    pub cluster: String,
    /// `:authority`
    pub authority: String,
    /// `:path`
    pub path: String,
    /// How long an answer may take, in addition to `wait_seconds`
    pub timeout_ms: u32,
    /// How long the service may wait for a decision before it answers
    pub wait_seconds: u32,
    /// How long a question and its answer are valid
    pub expires_seconds: u32,
    /// The members of `_meta` that no approval is bound to
    pub ignored_meta: Vec<Pattern>,
}

impl Approvals {
    /// Returns how long the host waits for the answer, in milliseconds.
    #[must_use]
    pub fn answer_timeout_ms(&self) -> u32 {
        self.wait_seconds.saturating_mul(1_000).saturating_add(self.timeout_ms)
    }
}

/// Reads the key `approvals` of a document.
pub(super) fn approvals(part: &Part<'_>, faults: &mut Faults) -> Option<Approvals> {
    let mut fields = Fields::<keys::Approvals>::open(part, faults)?;
    let cluster = fields.read(keys::Approvals::Cluster, plain, faults);
    let authority = fields.read(keys::Approvals::Authority, plain, faults);
    let is_path = |text: &String| text.starts_with('/') && !text.contains('#');
    let path = fields.read(keys::Approvals::Path, |part| plain(part).filter(is_path), faults);
    let timeout_ms = fields.count(keys::Approvals::TimeoutMs, faults).unwrap_or(2_000);
    let wait_seconds = fields.count(keys::Approvals::WaitSeconds, faults).unwrap_or_default();
    let expires_seconds = fields.count(keys::Approvals::ExpiresSeconds, faults).unwrap_or(900);
    let lists_meta = fields.has_any(&[keys::Approvals::IgnoredMeta]);
    let listed = meta(fields.list(keys::Approvals::IgnoredMeta, faults), faults);
    let ignored_meta = if lists_meta { listed } else { IGNORED_META.map(Pattern::new).into() };
    fields.close(faults);
    let cluster = cluster?;
    let authority = authority.unwrap_or_else(|| cluster.clone());
    let path = path.unwrap_or_else(|| "/v1/approvals".to_owned());
    Some(Approvals { cluster, authority, path, timeout_ms, wait_seconds, expires_seconds, ignored_meta })
}

fn meta(parts: Vec<Part<'_>>, faults: &mut Faults) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for part in parts {
        match part.value.string() {
            Some(text) if !text.is_empty() => patterns.push(Pattern::new(&text)),
            _ => faults.unfit(&part, &keys::META),
        }
    }
    patterns
}

/// Reads a text that can be a header's value: printable ASCII without spaces, not empty.
pub(super) fn plain(part: &Part<'_>) -> Option<String> {
    let text = part.value.string()?;
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into_owned())
}
