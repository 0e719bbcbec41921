//! The policy that goes into a configuration.

use std::rc::Rc;

use mcp_policy_engine::document::{Faults, Source};
use mcp_policy_engine::policy::{Action, Policy, RequestHeaders, SourceKind};

use super::{Target, yaml};
use crate::input::{self, File, Found, Node, Value};
use crate::outcome::Failure;
use crate::written::Json;

/// A policy and its text.
#[derive(Debug)]
pub struct Document {
    /// The policy
    pub policy: Policy,
    /// The text of the document: as it came, if it came as JSON
    text: String,
    root: Node,
}

/// The numbers that a target keeps as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Doubles, as in a `Struct`
    Doubles,
    /// Integers of 64 bits, and doubles, as Kubernetes keeps them
    Integers,
}

impl Document {
    /// Reads the policy that was found in a file.
    ///
    /// # Errors
    /// It has faults.
    pub fn read(found: &Found) -> Result<Self, Failure> {
        let failure = |wrong: &dyn std::fmt::Display| {
            Failure::new(format!("{}: the policy has faults, see `mcp-policy check`:\n{wrong}", found.name()))
        };
        if let Some(problem) = found.problems.first() {
            return Err(failure(&problem.message));
        }
        let policy = found.policy().map_err(|faults| failure(&faults))?;
        let mut faults = Faults::default();
        let source = Source::new(&found.bytes, &mut faults).ok_or_else(|| failure(&faults))?;
        let text = String::from_utf8_lossy(&source.text).into_owned();
        let root = Node::of_json(&text).ok_or_else(|| failure(&faults))?;
        Ok(Self { policy, text, root })
    }

    /// Writes the document as the value of a `StringValue`, behind `value: ` in a block that is indented by `spaces`.
    pub fn string(&self, spaces: usize) -> String {
        yaml::text(&self.text, spaces)
    }

    /// Writes the document as an object behind a key. Unless the proxy `holds` headers back, `request_headers` becomes
    /// `stream`.
    ///
    /// # Errors
    /// It has a number that the proxy would change.
    pub fn object(&self, spaces: usize, numbers: Numbers, holds: bool) -> Result<String, Failure> {
        exact(&self.root, numbers)?;
        let document = if holds { Json::of_node(&self.root) } else { self.streaming() };
        Ok(yaml::block(&document, spaces))
    }

    /// Returns the document with `request_headers` as `stream`.
    fn streaming(&self) -> Json {
        let mut document = Json::of_node(&self.root);
        if let Json::Object(members) = &mut document
            && self.policy.request_headers == RequestHeaders::Hold
        {
            let stream = Json::text("stream");
            match members.iter_mut().find(|(key, _)| key == "request_headers") {
                Some((_, value)) => *value = stream,
                None => members.push(("request_headers".to_owned(), stream)),
            }
        }
        document
    }

    /// Makes sure that a configuration holds this policy, as text or as an object.
    ///
    /// # Errors
    /// It does not: a fault of this program, or a text that YAML cannot hold.
    pub fn verify(&self, configuration: &str, as_text: bool, holds: bool) -> Result<(), Failure> {
        let failure = |why: &str| Failure::new(format!("the policy cannot be written as YAML: {why}"));
        let file = Rc::new(File { name: "rendered.yaml".to_owned(), text: configuration.to_owned() });
        let found = input::policies_of(&file)?;
        let [only] = found.as_slice() else { return Err(failure("it is not found again")) };
        if as_text {
            let same = only.bytes == self.text.as_bytes();
            return same.then_some(()).ok_or_else(|| failure("its text would change"));
        }
        let read: Option<serde_json::Value> = serde_json::from_slice(&only.bytes).ok();
        let document = if holds { Json::of_node(&self.root) } else { self.streaming() };
        let expected = serde_json::from_str(&document.compact()).ok();
        let same = read.is_some() && read == expected;
        same.then_some(()).ok_or_else(|| failure("its values would change"))
    }

    /// Returns the cluster of the approval service.
    pub fn approvals(&self) -> Option<&str> {
        self.policy.approvals.as_ref().map(|approvals| approvals.cluster.as_str())
    }

    /// Returns the cluster of the rate limit service, if a limit is shared.
    pub fn shared_limits(&self) -> Option<&str> {
        let mut limits = self.policy.all_rules().flat_map(|rule| &rule.limits);
        let to = self.policy.shared_limits.as_ref().filter(|_| limits.any(|limit| limit.shared))?;
        Some(to.cluster.as_str())
    }

    /// Returns the name of an object in a cluster: that of the protected server.
    pub fn object_name(&self) -> String {
        let lower = self.policy.server.to_lowercase();
        let letters = lower.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' });
        let name: String = letters.take(40).collect();
        match name.trim_matches('-') {
            "" | "default" => "mcp-policy".to_owned(),
            name => format!("mcp-policy-{name}"),
        }
    }

    /// Returns what else has to be done, in words.
    pub fn notes(&self, target: Target, holds: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if !holds && self.policy.request_headers == RequestHeaders::Hold {
            notes.push("`request_headers` becomes `stream`, because this target cannot hold headers back: the server sees that a refused request began".to_owned());
        }
        let kinds = || self.policy.identity.iter().map(|source| &source.kind);
        notes.extend(kinds().filter_map(|kind| match kind {
            SourceKind::Jwt { payload, .. } => Some(token(target, payload)),
            _ => None,
        }));
        if kinds().any(|kind| matches!(kind, SourceKind::Mtls(_))) {
            notes.push(certificate(target).to_owned());
        }
        if kinds().any(|kind| matches!(kind, SourceKind::Header(_))) {
            notes.push("the policy reads a header as the caller's name: a trusted hop must set it and remove it from requests that bring one".to_owned());
        }
        if let Some(cluster) = self.approvals()
            && self.policy.all_rules().any(|rule| rule.action == Action::RequireApproval)
        {
            notes.push(format!(
                "the policy asks for approvals: the cluster `{cluster}` must lead to the approval service"
            ));
        }
        if let Some(cluster) = self.shared_limits() {
            notes.push(format!(
                "limits of the policy are shared: the cluster `{cluster}` must lead to the rate limit service, over HTTP/2"
            ));
        }
        notes
    }

    /// Returns the notes as lines of comments.
    pub fn comments(&self, target: Target, holds: bool) -> String {
        self.notes(target, holds).iter().map(|note| format!("# Note: {note}.\n")).collect()
    }
}

/// Says what verifies the tokens that a source reads.
fn token(target: Target, payload: &str) -> String {
    match target {
        Target::Envoy => {
            format!("the policy reads tokens: put a filter in front of it that verifies them (`jwt_authn`), with `payload_in_metadata: {payload}`")
        }
        Target::Istio if payload == "payload" => {
            "the policy reads tokens: a RequestAuthentication must verify them. Istio keeps the tokens of all its issuers in one place, so grants should match `iss` too".to_owned()
        }
        Target::Istio => {
            format!("the policy reads tokens from `{payload}`, but Istio keeps those that a RequestAuthentication has verified in `payload`: with this policy no token is an identity")
        }
        Target::EnvoyGateway => {
            format!("the policy reads tokens: a SecurityPolicy must verify them, with a provider that has the name `{payload}`")
        }
    }
}

/// Says what verifies the certificates that a source reads.
fn certificate(target: Target) -> &'static str {
    match target {
        Target::Istio => {
            "the policy reads certificates: a PeerAuthentication must have the mode STRICT. A waypoint does not see the caller's certificate: use `attribute` there"
        }
        Target::EnvoyGateway => {
            "the policy reads certificates: a ClientTrafficPolicy must require and verify them"
        }
        Target::Envoy => "the policy reads certificates: the listener must ask for them and verify them",
    }
}

/// Refuses numbers that a target changes.
fn exact(node: &Node, numbers: Numbers) -> Result<(), Failure> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match &node.value {
        Value::Number(text) => {
            let is_kept = numbers == Numbers::Integers && text.parse::<i64>().is_ok();
            if is_kept || !text.parse::<f64>().is_ok_and(|number| number.abs() >= EXACT) {
                return Ok(());
            }
            let what = format!("the number {text} is beyond 2^53, and this target holds it as a double");
            Err(Failure::new(format!("{what}: use a smaller one, or `--for istio-envoyfilter`")))
        }
        Value::List(elements) => elements.iter().try_for_each(|element| exact(element, numbers)),
        Value::Object(members) => members.iter().try_for_each(|(.., member)| exact(member, numbers)),
        Value::Null | Value::Bool(_) | Value::Text(_) => Ok(()),
    }
}
