//! The strict reader's corpus, `cases/reader.json`, judged without a proxy.
//!
//! `envoy/test_corpus.py` sends the same cases through a real Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_policy_engine::denial::{Code, Denial, Invalid};
use mcp_policy_engine::guard::{self, Admission, Arrival, FixedEnvironment, Question, Verdict};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::Policy;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    /// The meaning of the fields of a case
    fields: BTreeMap<String, String>,
    policies: BTreeMap<String, serde_json::Value>,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    about: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "deny")]
    policy: String,
    #[serde(default = "post")]
    http_method: String,
    #[serde(default = "mcp")]
    path: String,
    #[serde(default = "json_headers")]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Body,
    body_base64: Option<String>,
    expect: Option<Expect>,
    envoy_first: Option<u16>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Once(String),
    Repeated { text: String, times: usize },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expect {
    Word(Forward),
    Refusal(Refusal),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Forward {
    Forward,
}

/// An expected refusal, in the form in which a reply is read, so that a comparison shows the difference.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    status: u16,
    #[serde(deserialize_with = "present")]
    rpc: Option<i64>,
    code: String,
    #[serde(deserialize_with = "present")]
    id: Option<String>,
}

/// Reads a field that can be null but must be present.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

fn deny() -> String {
    "deny".to_owned()
}

fn post() -> String {
    "POST".to_owned()
}

fn mcp() -> String {
    "/mcp".to_owned()
}

fn json_headers() -> Vec<(String, String)> {
    vec![("content-type".to_owned(), "application/json".to_owned())]
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Case {
    fn headers(&self) -> Headers {
        let pseudo = [(":method", &self.http_method), (":path", &self.path)];
        let plain = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        let pairs = pseudo.into_iter().chain(plain);
        Headers::from_pairs(pairs.map(|(name, value)| (name.to_lowercase(), bytes(value))), &[])
    }

    fn body(&self) -> Vec<u8> {
        match (&self.body_base64, &self.body) {
            (Some(encoded), _) => STANDARD.decode(encoded).expect("base64"),
            (None, Body::Text(text)) => text.clone().into_bytes(),
            (None, Body::Parts(parts)) => parts.iter().map(Part::text).collect::<String>().into_bytes(),
        }
    }
}

impl Part {
    fn text(&self) -> String {
        match self {
            Self::Once(text) => text.clone(),
            Self::Repeated { text, times } => text.repeat(*times),
        }
    }
}

/// Each character of a header value is one byte.
fn bytes(value: &str) -> Vec<u8> {
    value.chars().map(|char| u8::try_from(char).expect("a header value is Latin-1")).collect()
}

fn corpus() -> Corpus {
    serde_json::from_str(include_str!("../cases/reader.json")).expect("the corpus is valid")
}

/// Takes a request through the guard as the filter does; `None` if it is forwarded.
fn judge(policy: &Arc<Policy>, headers: &Headers, body: &[u8]) -> Option<Reply> {
    let arrival = Arrival::new(Arc::clone(policy), headers.clone(), "decision".to_owned());
    let request = Rc::new(arrival.of(Caller::default()));
    if guard::is_exempt(policy, headers) {
        return None;
    }
    let denial = match guard::admit(headers) {
        Admission::Refuse(denial) => denial,
        Admission::Bodiless if body.is_empty() => return None,
        Admission::Bodiless => {
            Denial::protocol(Code::InvalidRequest(Invalid::Request), "only a POST has a body")
        }
        Admission::Read if body.len() > policy.max_body_bytes => guard::too_large(policy),
        Admission::Read => {
            let store = MemoryStore::new();
            let places = Places::new(Layout::new([7; 16], NonZeroU32::MIN), 0, 0);
            let environment = FixedEnvironment { store: &store, places: &places, now_ns: 0 };
            let nobody = |question: &Question| panic!("unexpected question: {question:?}");
            let step = request.start_case(body, &environment);
            return answer(step.conclude(&environment, nobody).verdict);
        }
    };
    answer(request.refuse(denial).verdict)
}

fn answer(verdict: Verdict) -> Option<Reply> {
    match verdict {
        Verdict::Forward { .. } => None,
        Verdict::Deny { reply, .. } => Some(reply),
    }
}

/// Reads a reply in the corpus's form of a refusal; panics if it cannot be a refusal.
fn read(reply: &Reply) -> Result<Refusal, String> {
    let header = |wanted: &str| {
        let mut values =
            reply.headers.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).ok_or(format!("not one `{wanted}`"))
    };
    if header("content-type")? != "application/json" {
        return Err("not JSON".to_owned());
    }
    let code = header("x-mcp-policy")?.to_owned();
    let document = json::read(reply.body.as_bytes()).map_err(|malformed| malformed.to_string())?;
    if let Some(defect) = document.defect() {
        return Err(defect.to_string());
    }
    let body: serde_json::Value = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
    if body["jsonrpc"] != "2.0" || body.get("result").is_some() == body.get("error").is_some() {
        return Err("not one result or error".to_owned());
    }
    let (rpc, decision) = match body.get("error") {
        Some(error) => (error["code"].as_i64(), &error["data"]),
        None => (None, &body["result"]["_meta"]["dev.mcp-policy/decision"]),
    };
    let text = if rpc.is_some() { &body["error"]["message"] } else { &body["result"]["content"][0]["text"] };
    if text.as_str().is_none_or(str::is_empty) {
        return Err("no reason is told".to_owned());
    }
    if rpc.is_none() && (body["result"]["isError"] != true || body["result"]["resultType"] != "complete") {
        return Err("a result that clients take for a success, or not at all".to_owned());
    }
    // A hidden tool gets the answer for one that does not exist.
    if decision["code"] != code.as_str() && code != "hidden" {
        return Err(format!("the decision is `{}`, the header `{code}`", decision["code"]));
    }
    let id = document.root().get("id").map(|id| id.raw().to_owned());
    Ok(Refusal { status: reply.status, rpc, code, id })
}

#[test]
fn every_case_of_the_corpus_is_judged_as_expected() {
    let corpus = corpus();
    let policies: BTreeMap<&str, Arc<Policy>> = corpus
        .policies
        .iter()
        .map(|(name, text)| {
            (name.as_str(), Arc::new(Policy::from_bytes(text.to_string().as_bytes()).expect("valid")))
        })
        .collect();
    let mut failures = Vec::new();
    for group in &corpus.groups {
        for case in &group.cases {
            let Some(expect) = &case.expect else { continue };
            let reply = judge(&policies[case.policy.as_str()], &case.headers(), &case.body());
            let wrong = match (expect, reply.as_ref().map(read)) {
                (Expect::Word(Forward::Forward), None) => continue,
                (Expect::Refusal(expected), Some(Ok(refusal))) if *expected == refusal => continue,
                (Expect::Refusal(expected), None) => format!("was forwarded, expected {expected:?}"),
                (Expect::Refusal(expected), Some(got)) => format!("{got:?}, expected {expected:?}"),
                (Expect::Word(Forward::Forward), Some(got)) => format!("{got:?}, not forwarded"),
            };
            failures.push(format!("{}: {}: {wrong}", group.about, case.name));
        }
    }
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn each_case_of_the_corpus_has_its_own_name_and_an_expectation() {
    let corpus = corpus();
    let mut names = BTreeSet::new();
    for group in &corpus.groups {
        for case in &group.cases {
            assert!(names.insert((&group.about, &case.name)), "{} appears twice", case.name);
            assert!(case.expect.is_some() || case.envoy_first.is_some(), "{} expects nothing", case.name);
            assert!(corpus.policies.contains_key(&case.policy), "{} has no policy", case.name);
        }
    }
    assert!(names.len() >= 150, "{} cases", names.len());
    assert!(corpus.fields.contains_key("expect"));
}
