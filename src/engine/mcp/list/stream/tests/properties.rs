//! Properties of every stream.

use proptest::prelude::*;

use super::{ERROR, answering, calling, listening, shown};

/// Reads a whole stream as WHATWG HTML, section 9.2.6, says, independently of the module: type,
/// data and last event id of every event that a client dispatches. Runs of white space in data become one space.
fn dispatched(stream: &[u8]) -> Vec<(String, String, String)> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut kind, mut data, mut id) = (Vec::new(), String::new(), String::new(), String::new());
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" if line.is_empty() => {
                let (kind, mut data) = (std::mem::take(&mut kind), std::mem::take(&mut data));
                if data.pop().is_some() {
                    let words: Vec<&str> = data.split_whitespace().collect();
                    events.push((kind, words.join(" "), id.clone()));
                }
            }
            "event" => kind = value.into(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.into(),
            _ => {}
        }
    }
    events
}

/// A stream of lines from those that matter, ended in every way.
fn stream(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    const ENDS: &[&str] = &["\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\r\r", ""];
    prop::collection::vec((prop::sample::select(lines), prop::sample::select(ENDS)), 0..12).prop_map(
        |lines| lines.into_iter().flat_map(|(line, end)| [line, end].concat().into_bytes()).collect(),
    )
}

const NO_LISTS: &[&str] = &[
    "",
    "\u{feff}",
    ": ping",
    "id: 4",
    "event: message",
    "event: x",
    "retry: 3",
    "data",
    "data:",
    "unknown",
    r#"data: {"id":1,"error":{"code":1,"message":"set"}}"#,
    r#"data: {"method":"m","params":{"tools":[{"name":"set"}]}}"#,
];
const ANY: &[&str] = &[
    "",
    "\u{feff}",
    ": ping",
    "id: 4",
    "event: message",
    "event: x",
    "data",
    "data: ",
    "data: set",
    r#"data: {"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#,
    r#"data:{"id":1,"result":{"tools":["#,
    r#"data:{"name":"set"}"#,
    "data: ]}}",
    ": ........................",
];

proptest! {
    #[test]
    fn the_chunks_never_matter(bytes in stream(ANY), cuts in prop::collection::vec(0usize..999, 0..20), limit in 0usize..200) {
        for list in [answering, calling, listening] {
            prop_assert_eq!(shown(list(limit), &bytes, &[]), shown(list(limit), &bytes, &cuts));
        }
    }

    #[test]
    fn a_stream_without_lists_comes_out_as_it_went_in(bytes in stream(NO_LISTS), cuts in prop::collection::vec(0usize..999, 0..20)) {
        for list in [answering, calling, listening] {
            let shown = shown(list(9999), &bytes, &cuts);
            if shown.unreadable.is_none() {
                prop_assert_eq!(dispatched(&shown.bytes), dispatched(&bytes));
                // Other streams are written so that all clients read them alike.
                let text = String::from_utf8_lossy(&bytes);
                let is_last = |event: &str| {
                    event.split_once("data").is_none_or(|(_, data)| !data.trim_end().contains('\n'))
                };
                let is_known = |line: &str| {
                    matches!(line.split(':').next(), Some("" | "data" | "event" | "id" | "retry"))
                };
                let is_plain = !text.contains('\r') && text.lines().all(is_known);
                let is_plain = is_plain && text.split("\n\n").all(is_last);
                prop_assert!(!is_plain || shown.bytes == bytes, "{}", text);
            }
        }
    }

    /// Dropped events are comments, and a client gets an error where it can know the id. An id that a dropped event has
    /// set is not set, so behind it an event without an id of its own has an earlier one.
    #[test]
    fn a_client_gets_events_in_order_with_type_and_id_and_nothing_removed(bytes in stream(ANY), limit in 20_usize..9999) {
        for list in [answering, calling, listening] {
            let mut before = dispatched(&bytes).into_iter();
            let after = dispatched(&shown(list(limit), &bytes, &[]).bytes);
            for (kind, data, id) in after {
                let json = serde_json::from_str::<serde_json::Value>(&data).ok();
                if let Some(json) = &json {
                    prop_assert!(!json["result"].to_string().contains("set"), "{}", data);
                }
                if data == ERROR || kind == "cut" {
                    continue;
                }
                // What is not in its place was dropped.
                let same = before.find(|(before_kind, before_data, before_id)| {
                    let whole = before_data == &data;
                    let less = json.is_some() && before_data.contains("tools") && before_data.contains("set");
                    let earlier = id.is_empty() || bytes.windows(id.len()).any(|part| part == id.as_bytes());
                    before_kind == &kind && (before_id == &id || earlier) && (whole || less)
                });
                prop_assert!(same.is_some(), "{:?}", (kind, data, id));
            }
        }
    }
}
