//! The tables and properties of list answers in SSE streams.

use proptest::prelude::*;

use super::*;

const LIST: &str = r#"{"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#;
const LESS: &str = r#"{"id":1,"result":{"tools":[{"name":"get"}]}}"#;
const ERROR: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the list could not be read and is not shown"}}"#;

fn answering(limit: usize) -> ListStream {
    ListStream::answering(ListKind::Tools, "1", limit)
}

/// Sends `stream` cut at `cuts`, keeping what is called `get`.
fn shown(mut list: ListStream, stream: &[u8], cuts: &[usize]) -> Shown {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.checked_rem(stream.len()).unwrap_or_default()).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut all = Shown { bytes: Vec::new(), removed: 0, unreadable: None };
    let mut keep = |_: ListKind, name: &str| name == "get";
    let mut add = |shown: Shown| {
        all.bytes.extend(shown.bytes);
        all.removed = all.removed.saturating_add(shown.removed);
        all.unreadable = shown.unreadable.or(all.unreadable.take());
    };
    cuts.windows(2).for_each(|cut| add(list.push(&stream[cut[0]..cut[1]], &mut keep)));
    add(list.finish(&mut keep));
    all
}

#[track_caller]
fn check(list: fn(usize) -> ListStream, table: &[(&str, &str)]) {
    for (stream, expected) in table {
        let [stream, expected] = [stream, expected]
            .map(|text| text.replace("LIST", LIST).replace("LESS", LESS).replace("ERROR", ERROR));
        let every: Vec<usize> = (0..stream.len()).collect();
        for cuts in [&[] as &[_], &every] {
            let shown = shown(list(100), stream.as_bytes(), cuts);
            assert_eq!(String::from_utf8(shown.bytes).unwrap(), expected, "{stream:?}");
            assert_eq!(shown.unreadable.is_some(), expected.contains("not shown"), "{stream:?}");
        }
    }
}

#[test]
fn a_list_loses_what_is_not_kept_and_its_event_no_other_line() {
    check(
        answering,
        &[
            (
                "event: message\nid: 4\ndata: LIST\nretry: 9\n\n",
                "event: message\nid: 4\ndata: LESS\nretry: 9\n\n",
            ),
            ("data:LIST\r\n\r\n: end\r\n\r\n", "data: LESS\r\n\r\n: end\r\n\r\n"),
            ("data: LIST\r\r", "data: LESS\r\r"),
            ("event: other\ndata: LIST\n\n", "event: other\ndata: LESS\n\n"),
            (
                "data: {\"result\":{\"tools\":[\ndata: {\"name\":\"set\"}\ndata:]}}\n\n",
                "data: {\"result\":{\"tools\":[\ndata: \ndata: ]}}\n\n",
            ),
            (
                "data: LESS\n\ndata:{\"method\":\"notifications/progress\"}\n\n",
                "data: LESS\n\ndata:{\"method\":\"notifications/progress\"}\n\n",
            ),
            ("id: 0\ndata: \n\ndata\n\n: ping\n\n", "id: 0\ndata: \n\ndata\n\n: ping\n\n"),
        ],
    );
}

#[test]
fn what_cannot_be_read_answers_the_request_with_an_error() {
    check(
        answering,
        &[
            ("id: 4\ndata: set!\ndata: set\n: c\n\n", "id: 4\ndata: ERROR\n: c\n\n"),
            ("event: log\ndata: set\n\n", "event: log\ndata: set\n\n"),
            ("event: log\ndata: {set\n\n", "event: log\ndata: ERROR\n\n"),
            (
                &format!("id: 4\ndata: {}\nid: 5\n\ndata: LIST\n\n", "x".repeat(100)),
                "id: 4\ndata: ERROR\n\ndata: LESS\n\n",
            ),
            (&format!("data: {}\r\n\r\n:\n\n", "x".repeat(100)), "data: ERROR\n\n:\n\n"),
        ],
    );
}

#[test]
fn a_resumed_stream_tells_lists_by_their_key_and_errors_by_the_events_id() {
    check(
        ListStream::resumed,
        &[
            ("data: LIST\n\n", "data: LESS\n\n"),
            (
                "data: {\"id\":1,\"result\":{\"prompts\":[{\"name\":\"set\"}]}}\n\n",
                "data: {\"id\":1,\"result\":{\"prompts\":[]}}\n\n",
            ),
            (
                "event: endpoint\ndata: /messages?session=1\n\n",
                "event: endpoint\ndata: /messages?session=1\n\n",
            ),
            (
                "data: {\"id\":1,\"result\":{\"a\":{\"b\":1,\"b\":2}}}\n\n",
                "data: {\"id\":1,\"result\":{\"a\":{\"b\":1,\"b\":2}}}\n\n",
            ),
            ("id: 4\ndata: {\"id\":1,\"result\":{\"tools\":7}}\n\n", "id: 4\ndata: ERROR\n\n"),
            (
                "id: 4\ndata: set\nid: 5\n\n",
                "id: 4\n: the list could not be read and is not shown\nid: 5\n\n",
            ),
            (
                &format!("data: {}\n\n:\n\n", "x".repeat(100)),
                ": the list could not be read and is not shown\n\n:\n\n",
            ),
        ],
    );
}

#[test]
fn an_event_cut_off_by_the_end_is_filtered_or_withheld() {
    for (stream, expected) in [
        ("data: LIST", "data: LESS"),
        ("id: 4\ndata: LIST\n", "id: 4\ndata: LESS\n"),
        ("data: LESS", "data: LESS"),
        ("id: 4\ndata: {\"result\":{\"tools\":[{\"name\":\"set\"}", "id: 4\n"),
        (": ping", ": ping"),
    ] {
        let [stream, expected] =
            [stream, expected].map(|text| text.replace("LIST", LIST).replace("LESS", LESS));
        for list in [answering(1000), ListStream::resumed(1000)] {
            let bytes = shown(list, stream.as_bytes(), &[]).bytes;
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{stream:?}");
        }
    }
}

/// Reads a whole stream as WHATWG HTML, section 9.2.6, says, independently of the module: type,
/// data and last event id of every event that a client dispatches.
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
                    events.push((kind, data, id.clone()));
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
        for list in [answering, ListStream::resumed] {
            prop_assert_eq!(shown(list(limit), &bytes, &[]), shown(list(limit), &bytes, &cuts));
        }
    }

    #[test]
    fn a_stream_without_lists_comes_out_as_it_went_in(bytes in stream(NO_LISTS), cuts in prop::collection::vec(0usize..999, 0..20)) {
        for list in [answering, ListStream::resumed] {
            let shown = shown(list(9999), &bytes, &cuts);
            if shown.unreadable.is_none() {
                prop_assert_eq!(shown.bytes, &*bytes);
            }
        }
    }

    #[test]
    fn a_client_gets_every_event_with_its_type_and_id_and_nothing_removed(bytes in stream(ANY)) {
        let before = dispatched(&bytes);
        let after = dispatched(&shown(answering(9999), &bytes, &[]).bytes);
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!((&before.0, &before.2), (&after.0, &after.2));
            let json = |data: &str| serde_json::from_str::<serde_json::Value>(data).ok();
            let plain = before.1.trim().is_empty() || (!matches!(&*before.0, "" | "message") && !before.1.contains('{'));
            if json(&before.1).is_none() && !plain {
                prop_assert_eq!(&after.1, ERROR);
            } else if before.1.contains("set") && before.1.contains("tools") {
                prop_assert!(!after.1.contains("set"), "{:?}", after);
            } else if !before.1.contains("set") {
                prop_assert_eq!(json(&before.1), json(&after.1));
            }
        }
    }
}
