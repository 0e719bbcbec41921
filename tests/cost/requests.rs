//! The fixed set of requests.

use serde_json::{Value, json};

use crate::host::Headers;
use crate::policies::{self, API_KEY, TOOL};

/// One row: requests under a policy, what is measured, and the expected outcome.
#[derive(Debug)]
pub struct Case {
    /// Its name in the table
    pub name: String,
    /// The policy document
    pub policy: String,
    /// What is sent
    pub request: Request,
    /// The expected outcome of the last request
    pub outcome: Outcome,
    /// What is measured
    pub of: Of,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The last request
    Request,
    /// Loading the policy, before any request
    Load,
    /// The worker's timer, after the last request
    Tick,
}

/// A request, and the answers of the servers behind the proxy.
#[derive(Debug, Default)]
pub struct Request {
    pub headers: Headers,
    /// The dynamic metadata of the stream, as Envoy writes it
    pub metadata: Vec<u8>,
    pub body: Vec<u8>,
    pub response: Message,
    /// The answer of the approval service, or of the rate limit service
    pub answer: Message,
}

/// An HTTP answer; each chunk is passed on separately.
#[derive(Debug, Default)]
pub struct Message {
    pub headers: Headers,
    pub chunks: Vec<Vec<u8>>,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was forwarded to the server
    Passed,
    /// The filter answered it, with this code
    Refused(String),
    /// Neither
    Stuck,
}

const TEXT: &str = "The river rose in the night, the bridge was closed, nobody was hurt.";

/// The length of the call in the cost targets.
const SHORT: usize = 223;

const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Nobody was hurt."}],"isError":false}}"#;

/// Returns every row, in the order of the table.
pub fn all() -> Vec<Case> {
    let mut cases = calls();
    cases.extend(lists());
    cases.extend(others());
    cases.extend(growth());
    cases
}

/// The answer of a rate limit service: OK, with one status, OK, of a limit of 10 a minute, of which 9 are left for 60
/// seconds.
const COUNTED: &[u8] = b"\x08\x01\x12\x0e\x08\x01\x12\x04\x08\x0a\x10\x02\x18\x09\x22\x02\x08\x3c";

fn calls() -> Vec<Case> {
    let most = 1_000_000_000;
    let aipaygen = || policies::aipaygen(most, json!({}));
    let streamed = policies::aipaygen(most, json!({ "request_headers": "stream" }));
    let deny = || Outcome::Refused("denied".into());
    let limited = Outcome::Refused("rate_limited".into());
    let pending = Outcome::Refused("approval_required".into());
    let mut asked = call(TOOL, SHORT);
    let waits = json!({ "status": "pending", "id": "a1", "url": "https://approvals.example/approvals/a1" });
    asked.answer = answer("application/json", &[&waits.to_string()]);
    let mut counted = call(TOOL, SHORT);
    counted.answer = Message { headers: Headers::new(), chunks: vec![COUNTED.to_vec()] };
    vec![
        case("a call of 223 bytes", aipaygen(), call(TOOL, SHORT), Outcome::Passed),
        case("denied", aipaygen(), call("delete_agent", SHORT), deny()),
        case("rate limited", policies::aipaygen(1, json!({})), call(TOOL, SHORT), limited),
        case("API key, schema, limit", policies::API_KEY_POLICY.into(), keyed(), Outcome::Passed),
        case("limit of a session", policies::sessions(), call(TOOL, SHORT), Outcome::Passed),
        case("approval asked for", policies::approval(), asked, pending),
        case("shared limit", policies::shared(), counted, Outcome::Passed),
        case("a call of 4 kB", aipaygen(), call(TOOL, 4_096), Outcome::Passed),
        case("a call of 100 kB", aipaygen(), call(TOOL, 102_400), Outcome::Passed),
        case("a call of a pinned tool", policies::pinned(&[TOOL]), call(TOOL, SHORT), Outcome::Passed),
        case("headers sent ahead", streamed, call(TOOL, SHORT), Outcome::Passed),
    ]
}

fn lists() -> Vec<Case> {
    let aipaygen = || policies::aipaygen(600, json!({}));
    let asked = || post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string());
    let listed: Value = serde_json::from_str(include_str!("../data/aipaygen-1.6.0-tools.json"))
        .expect("the server's tools are JSON");
    let result = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": listed["tools"] } }).to_string();
    let tools = listed["tools"].as_array().expect("a list");
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    let json = Request { response: answer("application/json", &[&result]), ..asked() };
    let again = Request { response: answer("application/json", &[&result]), ..asked() };
    let event = format!("event: message\ndata: {result}\n\n");
    let events = Request { response: answer("text/event-stream", &[&event]), ..asked() };
    vec![
        case("a list of 106 tools", aipaygen(), json, Outcome::Passed),
        case("the same as an event", aipaygen(), events, Outcome::Passed),
        case("106 pinned tools", policies::pinned(&names), again, Outcome::Passed),
    ]
}

fn others() -> Vec<Case> {
    let aipaygen = || policies::aipaygen(600, json!({}));
    let mut stream =
        Request { headers: headers("GET", &[("accept", "text/event-stream")]), ..Request::default() };
    let news =
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"ready"}}"#;
    stream.response = answer("text/event-stream", &[&format!("event: message\ndata: {news}\n\n")]);
    let client = json!({ "name": "bench", "version": "1" });
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let called = || call(TOOL, SHORT);
    let of = |of, name, policy, request| Case { of, ..case(name, policy, request, Outcome::Passed) };
    vec![
        case("a stream of one event", aipaygen(), stream, Outcome::Passed),
        case("initialize", aipaygen(), post(&hello.to_string()), Outcome::Passed),
        case("a notification", aipaygen(), post(&told.to_string()), Outcome::Passed),
        of(Of::Tick, "the tick after ten calls", aipaygen(), called()),
        of(Of::Load, "to load aipaygen.json", aipaygen(), called()),
        of(Of::Load, "to load 10000 tools", policies::tools(10_000), called()),
        of(Of::Load, "to load 1000 patterns", policies::patterns(1_000), called()),
        of(Of::Load, "to load 1000 grants", policies::grants(1_000), keyed()),
    ]
}

fn growth() -> Vec<Case> {
    let called = || call(TOOL, SHORT);
    let passed = |name: String, policy, request| case(&name, policy, request, Outcome::Passed);
    let mut cases = Vec::new();
    for count in [10, 1_000, 10_000] {
        cases.push(passed(format!("{count} tools"), policies::tools(count), called()));
    }
    for count in [10, 1_000] {
        cases.push(passed(format!("{count} patterns"), policies::patterns(count), called()));
    }
    for count in [10, 1_000] {
        cases.push(passed(format!("{count} hide patterns"), policies::hidden(count), called()));
    }
    for count in [1, 1_000] {
        cases.push(passed(format!("{count} grants by key"), policies::grants(count), keyed()));
    }
    cases
}

fn case(name: &str, policy: String, request: Request, outcome: Outcome) -> Case {
    Case { name: name.to_owned(), policy, request, outcome, of: Of::Request }
}

/// Calls a tool with `length` bytes: the call of `tests/bench`.
fn call(tool: &str, length: usize) -> Request {
    let head = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"text":""#
    );
    let tail = r#"","length":"short"},"_meta":{"progressToken":1}}}"#;
    let room = length - head.len() - tail.len();
    let text: String = TEXT.chars().chain([' ']).cycle().take(room).collect();
    post(&format!("{head}{text}{tail}"))
}

/// Calls the tool with an API key.
fn keyed() -> Request {
    let mut request = call(TOOL, SHORT);
    request.headers.push((b"x-api-key".to_vec(), API_KEY.into()));
    request
}

/// Posts a body, which passes if the policy lets it.
pub fn post(body: &str) -> Request {
    let length = body.len().to_string();
    let more = [("content-type", "application/json"), ("content-length", &length)];
    let response = answer("application/json", &[RESULT]);
    Request { headers: headers("POST", &more), body: body.into(), response, ..Request::default() }
}

/// Returns the headers of the Python SDK's client as Envoy passes them on.
fn headers(method: &str, more: &[(&str, &str)]) -> Headers {
    let first = [
        (":authority", "127.0.0.1"),
        (":path", "/mcp"),
        (":method", method),
        (":scheme", "http"),
        ("accept", "application/json, text/event-stream"),
        ("accept-encoding", "gzip, deflate"),
        ("user-agent", "python-httpx/0.28.1"),
        ("mcp-protocol-version", "2025-06-18"),
        ("mcp-session-id", "0d5f6c1e8a7b4c2d9e3f1a2b3c4d5e6f"),
    ];
    let last = [("x-forwarded-proto", "http"), ("x-request-id", "ce194754-99fb-4b30-8a68-d73cd2665e8c")];
    let named = |name: &str| more.iter().any(|(other, _)| *other == name);
    let pairs = first.iter().filter(|(name, _)| !named(name)).chain(more).chain(&last);
    pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// Asks for a list, which the server answers with `result`.
pub fn list(method: &str, result: &str) -> Request {
    let asked = post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method }).to_string());
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    Request { response: answer("application/json", &[&text]), ..asked }
}

/// Returns an answer with the headers of the Python SDK's server as Envoy's router passes them on.
fn answer(kind: &str, chunks: &[&str]) -> Message {
    let length = chunks.iter().map(|chunk| chunk.len()).sum::<usize>().to_string();
    let framing = match kind {
        "text/event-stream" => ("transfer-encoding", "chunked"),
        _ => ("content-length", &*length),
    };
    let pairs = [
        (":status", "200"),
        ("date", "Tue, 01 Jul 2025 10:00:00 GMT"),
        ("server", "uvicorn"),
        ("content-type", kind),
        framing,
        ("x-envoy-upstream-service-time", "3"),
    ];
    let headers = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).to_vec();
    Message { headers, chunks: chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect() }
}
