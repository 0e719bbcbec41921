//! Messages as other readers see them: what the engine accepts as a message, all of them read as the same message.
//!
//! They are `serde_json`, pydantic's `jiter`, which servers in Python use, and `json5`, which accepts much more than JSON; in
//! the process of the target. Python's `json` and JavaScript's `JSON.parse` run in [processes](crate::programs) of
//! their own. Go's reader, which ignores the case of keys, and readers that take the first of equal keys or cut keys at a
//! NUL, are [modelled](crate::readings): what they see of method, name and arguments must be the same.

use jiter::JsonValue;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Message, Target};

use crate::oracle::Tree;
use crate::readings::Reading;
use crate::{normal, programs};

/// Values for the mutation.
pub const FRAGMENTS: &[&str] = &[
    "\"jsonrpc\"",
    "\"method\"",
    "\"params\"",
    "\"id\"",
    "\"name\"",
    "\"arguments\"",
    "\"uri\"",
    "\"ref\"",
    "\"result\"",
    "\"error\"",
    "\"_meta\"",
    "\"2.0\"",
    "\"tools/call\"",
    "\"tools\\/call\"",
    "\"resources/read\"",
    "\"prompts/get\"",
    "\"Name\"",
    "\"name\\u0000\"",
    "\"Method\"",
    "\"METHOD\\u0000x\"",
    "\"argument\\u017f\"",
    "\"re\\u017fult\"",
    "\"\\u0131d\"",
    "\"i\\u0307d\"",
    "\"ID\"",
    "\"constructor\"",
    "\"prototype\"",
    "\"__proto__\"",
    "{\"name\":\"a\"}",
    "\"completion/complete\"",
    "\"ref/prompt\"",
    "\"notifications/x\"",
    "\"inputResponses\"",
    "\"requestState\"",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(document) = message::parse(bytes) else { return };
    let Ok(message) = Message::read(&document, &Headers::default()) else { return };
    let meaning = normal::own(document.root());

    let tree = Tree::read(bytes).expect("serde_json reads it");
    let pydantic = JsonValue::parse(bytes, false).expect("jiter reads it");
    let text = std::str::from_utf8(bytes).expect("it is UTF-8");
    let lenient: Tree = json5::from_str(text).expect("json5 reads it");
    assert_eq!(normal::jiter(&pydantic), meaning, "jiter");
    assert_eq!(normal::tree(&lenient), meaning, "json5");
    for (program, read) in programs::read(bytes) {
        assert_eq!(read, meaning, "{program}");
    }

    let call = match &message.body {
        Body::Call(call) => Some(call),
        Body::Response => None,
    };
    let text = |text: &str| Tree::Text(text.to_owned());
    for reading in Reading::ALL {
        let method = reading.get(&tree, "method");
        assert_eq!(method, call.map(|call| text(call.method.as_str())).as_ref(), "{reading:?}");
        let Some(call) = call else { continue };
        let of_params = |key| reading.get(&tree, "params").and_then(|params| reading.get(params, key));
        if let Target::Tool(name) | Target::Prompt(name) = &call.target {
            let own =
                call.arguments().map(|own| Tree::read(own.raw().as_bytes()).expect("arguments are JSON"));
            let (named, arguments) = match of_params("ref") {
                // Servers read no `arguments` here.
                Some(of) if call.method.as_str() == "completion/complete" => (reading.get(of, "name"), None),
                _ => (of_params("name"), of_params("arguments")),
            };
            assert_eq!(named, Some(&text(name)), "{reading:?}");
            assert_eq!(arguments, own.as_ref(), "{reading:?}");
        }
    }
}
