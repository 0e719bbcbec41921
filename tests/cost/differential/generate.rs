//! Random requests: bodies that readers could treat in different ways, and headers that mean something or nearly do.

use crate::host::Headers;

/// Pseudo-random numbers (xorshift64*): the same for the same seed.
pub struct Random(u64);

impl Random {
    /// Makes a sequence of numbers from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}

/// Parts of strings that readers treat in different ways.
const PIECES: [&str; 24] = [
    "a",
    "abcdefg",
    "abcdefgh",
    "0123456789abcde",
    "0123456789abcdef",
    "é",
    "😀",
    "\u{7f}",
    "\u{2028}",
    "\\n",
    "\\\"",
    "\\\\",
    "\\u0061",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\u0000",
    "\n",
    "\t",
    "\"",
    "\\",
    " ",
    "/",
    "..",
    "tool",
];
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "1.0",
    "1e0",
    "10",
    "9.5",
    "1.9",
    "10.00000000000000001",
    "9007199254740993",
    "1e400",
    "-1",
    "01",
    "1.",
    "0.1",
    "123456789012345678901234567890",
    "1E2",
    "-",
];
const KEYS: [&str; 12] = [
    "amount",
    "Amount",
    "memo",
    "account",
    "\\u0061mount",
    "items",
    "a.b",
    "__proto__",
    "x",
    "",
    "ａ",
    "amount ",
];
const TOOLS: [&str; 12] = [
    "transfer",
    "get_a",
    "get_",
    "Transfer",
    "transfer ",
    "delete_x",
    "tr\\u0061nsfer",
    "zzz",
    "",
    "get_é",
    "search",
    "pay",
];

/// Parts of URIs that entries name, also in other spellings.
const URIS: [&str; 20] = [
    "file://",
    "FILE://",
    "https://",
    "http://",
    "memo://",
    "/a",
    "/A",
    "/%61",
    "/b/",
    "/%2e%2e",
    "//",
    "a.example",
    "A.example",
    "127.0.0.1",
    "0x7f.1",
    "%c3%a4",
    "ä",
    "?x=1",
    "#x",
    "*",
];

/// Headers, and values of each that mean something or nearly do.
const HEADERS: [(&str, &[&str]); 10] = [
    (":method", &["post", "PUT", "GET", "DELETE", "OPTIONS", "HEAD"]),
    (":path", &["/healthz", "/healthz/", "/healthz?x", "/HEALTHZ", "//healthz", "/healthz%2f", "/mcp?a=1"]),
    (
        "content-type",
        &[
            "application/json; charset=utf-8",
            "application/json;charset=utf-16",
            "text/json",
            "APPLICATION/JSON",
            "",
            "application/json, text/plain",
            "application/json-rpc",
        ],
    ),
    ("content-encoding", &["gzip", "identity", "", "Identity", "identity, gzip"]),
    ("origin", &["https://a.corp.example", "null", "https://evil.example", "https://A.corp.example", ""]),
    ("mcp-protocol-version", &["2025-06-18", "2026-07-28", "2025-06-18, 2026-07-28", "x"]),
    ("mcp-method", &["tools/call", "ping", "TOOLS/CALL", " tools/call"]),
    ("mcp-name", &["transfer", "get_a", "=?base64?dHJhbnNmZXI=?=", ""]),
    ("mcp-session-id", &["s1", "", "s1, s2", "\u{e9}"]),
    ("content-length", &["5", "99999999", "x", ""]),
];

fn string(random: &mut Random) -> String {
    let count = random.below(6);
    let text: String = (0..count).map(|_| *random.pick(&PIECES)).collect();
    format!("\"{text}\"")
}

fn uri(random: &mut Random) -> String {
    if random.below(4) == 0 {
        return string(random);
    }
    let count = 1 + random.below(6);
    let text: String = (0..count).map(|_| *random.pick(&URIS)).collect();
    format!("\"{text}\"")
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 3 { 6 } else { 9 }) {
        0 => "null".to_owned(),
        1 => (*random.pick(&["true", "false"])).to_owned(),
        2 | 3 => (*random.pick(&NUMBERS)).to_owned(),
        4 | 5 => string(random),
        6 => {
            let elements: Vec<String> = (0..random.below(4)).map(|_| value(random, depth + 1)).collect();
            format!("[{}]", elements.join(","))
        }
        _ => object(random, depth),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let members: Vec<String> = (0..random.below(5))
        .map(|_| {
            let space = *random.pick(&["", "", " ", "\n\t", "\u{a0}"]);
            format!("\"{}\"{space}:{space}{}", random.pick(&KEYS), value(random, depth + 1))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A call that can pass.
fn call(random: &mut Random) -> String {
    let (tool, arguments) = match random.below(4) {
        0 => ("transfer", format!(r#"{{"amount":{},"memo":{}}}"#, random.pick(&NUMBERS), string(random))),
        1 => (
            "search",
            format!(r#"{{"memo":{},"items":[{},{}]}}"#, string(random), value(random, 4), value(random, 4)),
        ),
        2 => ("pay", format!(r#"{{"amount":{},"account":{}}}"#, random.pick(&NUMBERS), value(random, 4))),
        _ => ("get_a", object(random, 0)),
    };
    let space = *random.pick(&["", " ", "\n", "\t\r\n                 "]);
    let members = format!(r#""name":"{tool}",{space}"arguments":{space}{arguments}"#);
    format!(r#"{{"jsonrpc":"2.0",{space}"id":7,"method":"tools/call","params":{{{members}}}{space}}}"#)
}

/// Returns the body of a request.
pub fn body(random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 {
        return call(random).into_bytes();
    }
    let id = *random.pick(&["1", "\"a\"", "1.0", "null", "9007199254740993", "\"\\u0031\""]);
    let method = *random.pick(&[
        "tools/call",
        "tools/call",
        "tools/call",
        "tools/call",
        "resources/read",
        "ping",
        "tools\\/call",
        "foo",
    ]);
    let arguments = if random.below(3) == 0 {
        let amount = *random.pick(&NUMBERS);
        format!(r#"{{"amount":{amount},"memo":{},"account":{}}}"#, string(random), value(random, 3))
    } else {
        object(random, 0)
    };
    let params = match method {
        "resources/read" => format!(r#"{{"uri":{}}}"#, uri(random)),
        _ => format!(r#"{{"name":"{}","arguments":{arguments}}}"#, random.pick(&TOOLS)),
    };
    let mut body =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#).into_bytes();
    for _ in 0..random.below(3).saturating_sub(1) + random.below(2) {
        mutate(random, &mut body);
    }
    body
}

fn mutate(random: &mut Random, body: &mut Vec<u8>) {
    let at = random.below(body.len());
    match random.below(5) {
        0 if !body.is_empty() => body[at] = (random.next() >> 40) as u8,
        1 => body.insert(at, *random.pick(b"\"\\{}[]:, \n\0\x1f\x7f\x80\xff")),
        2 if !body.is_empty() => drop(body.remove(at)),
        3 => {
            let end = (at + random.below(24)).min(body.len());
            let piece = body[at..end].to_vec();
            let to = random.below(body.len());
            body.splice(to..to, piece);
        }
        _ => body.truncate(at.max(1)),
    }
}

/// Returns the headers of a request, most often ordinary ones.
pub fn headers(random: &mut Random) -> Headers {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", "a"),
        ("content-type", "application/json"),
    ];
    if random.below(3) == 0 {
        let (name, values) = *random.pick(&HEADERS);
        let value = *random.pick(values);
        let replaces = name.starts_with(':') || random.below(2) == 0;
        match headers.iter_mut().find(|(known, _)| replaces && *known == name) {
            Some(header) => header.1 = value,
            None => headers.push((name, value)),
        }
    }
    if random.below(2) == 0 {
        headers
            .push(("x-agent", *random.pick(&["bot", "bot,eve", "eve", "", " bot", "bo\u{7f}t", "b\u{f6}t"])));
    }
    headers.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}
