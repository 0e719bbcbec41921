//! The tables of list answers in SSE streams.

mod properties;

use super::*;
use crate::mcp::list::{Element, ListKind};

const LIST: &str = r#"{"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#;
const LESS: &str = r#"{"id":1,"result":{"tools":[{"name":"get"}]}}"#;
const ERROR: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the list could not be read and is not shown"}}"#;

/// Awaits a list.
fn answering(limit: usize) -> ListStream {
    ListStream::new(
        Awaited { list: Some(ListKind::Tools), id: Some("1".to_owned()), resumes: false },
        Bounds { hold: limit, limit },
    )
}

/// Awaits the answer to a call of a tool.
fn calling(limit: usize) -> ListStream {
    ListStream::new(
        Awaited { list: None, id: Some("9".to_owned()), resumes: false },
        Bounds { hold: limit, limit },
    )
}

/// Awaits any answers.
fn listening(limit: usize) -> ListStream {
    ListStream::new(Awaited::default(), Bounds { hold: limit, limit })
}

/// Sends `stream` cut at `cuts`, keeping what is called `get`.
fn shown(mut list: ListStream, stream: &[u8], cuts: &[usize]) -> Shown {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.checked_rem(stream.len()).unwrap_or_default()).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut all = Shown::default();
    let mut keep = |Element { name, .. }: Element<'_>| name == Some("get");
    cuts.windows(2).for_each(|cut| all.join(list.push(&stream[cut[0]..cut[1]], &mut keep)));
    all.join(list.finish(&mut keep));
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
    for list in [answering, calling, listening] {
        check(
            list,
            &[
                (
                    "event: message\nid: 4\ndata: LIST\nretry: 9\n\n",
                    "event: message\nid: 4\nretry: 9\ndata: LESS\n\n",
                ),
                ("data:LIST\r\n\r\n: end\r\n\r\n", "data: LESS\r\n\r\n: end\r\n\r\n"),
                ("data: LIST\r\r", "data: LESS\r\n\r\n"),
                ("event: other\ndata: LIST\n\n", "event: other\ndata: LESS\n\n"),
                (
                    "data: {\"result\":{\"tools\":[\ndata: {\"name\":\"set\"}\ndata:]}}\n\n",
                    "data: {\"result\":{\"tools\":[  ]}}\n\n",
                ),
                (
                    "data: {\"id\":1,\"result\":{\"prompts\":[{\"name\":\"set\"}]}}\n\n",
                    "data: {\"id\":1,\"result\":{\"prompts\":[]}}\n\n",
                ),
                (
                    "data: LESS\n\ndata:{\"method\":\"notifications/progress\"}\n\n",
                    "data: LESS\n\ndata:{\"method\":\"notifications/progress\"}\n\n",
                ),
                ("id: 0\ndata: \n\ndata\n\n: ping\n\n", "id: 0\ndata: \n\ndata\n\n: ping\n\n"),
                (
                    "data: {\"id\":1,\"result\":{\"a\":{\"b\":1,\"b\":2}}}\n\n",
                    "data: {\"id\":1,\"result\":{\"a\":{\"b\":1,\"b\":2}}}\n\n",
                ),
                ("id: 4\ndata: {\"id\":1,\"result\":{\"tools\":7}}\n\n", "id: 4\ndata: ERROR\n\n"),
                ("data: {\"id\":1,\"result\":{\"tools\":[NaN]}}\n\n", "data: ERROR\n\n"),
                ("data: {\"result\":{\"tools\":[NaN]},\"id\":1}\n\n", "data: ERROR\n\n"),
                ("event: log\ndata: {\"id\":1,\"result\":{\"tools\":[\n\n", "event: log\ndata: ERROR\n\n"),
            ],
        );
    }
}

#[test]
fn an_event_that_is_no_message_is_no_answer() {
    for list in [answering, calling, listening] {
        check(
            list,
            &[
                ("data: ping\n\ndata: LIST\n\n", "data: ping\n\ndata: LESS\n\n"),
                ("data: ping {\n\ndata: LIST\n\n", "data: ping {\n\ndata: LESS\n\n"),
                ("data: set!\ndata: set\n: c\n\ndata: LIST\n\n", ": c\ndata: set! set\n\ndata: LESS\n\n"),
                ("data: []\n\ndata: {}\n\ndata: LIST\n\n", "data: []\n\ndata: {}\n\ndata: LESS\n\n"),
                (
                    "data: {\"id\":1,\n\ndata: LIST\n\n",
                    ": the list could not be read and is not shown\n\ndata: LESS\n\n",
                ),
                (
                    "data: \u{2713} 1\n\ndata: LIST\n\n",
                    ": the list could not be read and is not shown\n\ndata: LESS\n\n",
                ),
                (
                    "data: {ping}\n\ndata: LIST\n\n",
                    ": the list could not be read and is not shown\n\ndata: LESS\n\n",
                ),
                (
                    "id: 4\ndata: {set}\nid: 5\n\ndata: LIST\n\n",
                    "id: 4\nid: 5\n: the list could not be read and is not shown\n\ndata: LESS\n\n",
                ),
            ],
        );
    }
}

#[test]
fn a_client_that_waits_for_a_list_gets_an_error_if_the_list_was_dropped() {
    let dropped = "data: {set}\n\n";
    let comment = ": the list could not be read and is not shown\n\n";
    check(answering, &[(dropped, &format!("{comment}event: cut\n\ndata: ERROR\n\n"))]);
    for (rest, cut) in
        [("data: a", "data: a\n"), ("data: a\r", "data: a\r\n"), ("data: a\nid: 4\n", "id: 4\ndata: a\n")]
    {
        let expected = format!("{comment}{cut}event: cut\n\ndata: ERROR\n\n");
        check(answering, &[(&format!("{dropped}{rest}"), &expected)]);
    }
    check(calling, &[(dropped, comment)]);
    check(listening, &[(dropped, comment)]);
    // An answer of which the id cannot be read.
    let answer = "data: {\"result\":{\"tools\":['x\n\n";
    check(
        answering,
        &[(answer, "data: ERROR\n\n"), (&answer.repeat(2), &format!("data: ERROR\n\n{comment}"))],
    );
    check(listening, &[(answer, comment)]);
}

#[test]
fn only_lists_are_bounded() {
    let pad = "x".repeat(100);
    let result = format!("data: {{\"id\":1,\"result\":{{\"content\":\"{pad}\"}}}}\n\n:\n\n");
    let list =
        format!("id: 4\ndata: {{\"result\":{{\"tools\":[\"{pad}\"]}},\"id\":1}}\nid: 5\n\ndata: LIST\n\n");
    let late = format!(
        "data: {{\"result\":{{\"_meta\":\"{pad}\",\"tools\":[{{\"name\":\"set\"}}]}},\"id\":1}}\n\n:\n\n"
    );
    let begun = format!("data: {{\"result\":{{\"_meta\":\"{pad}\",\"tools\"\nevent: cut\n\n");
    for kind in [answering, calling, listening] {
        check(
            kind,
            &[
                (&result, &result),
                (&list, "id: 4\ndata: ERROR\n\ndata: LESS\n\n"),
                (&late, &format!("{begun}data: ERROR\n\n:\n\n")),
            ],
        );
    }
}

#[test]
fn a_stream_of_the_old_transport_refuses_every_answer_in_words() {
    let stream = "event: endpoint\ndata: /messages?session=1\n\n: ping\n\nevent: message\ndata: ANSWER\n\n\
                  data: {\"method\":\"notifications/message\"}\n\ndata: {\"id\":2,\"method\":\"ping\"}\n\n";
    let error = refusal("0");
    for answer in [
        r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2024-11-05"}}"#,
        r#"{"result":{"tools":[{"name":"get"}]},"id":0}"#,
        r#"{"id":0,"error":{"code":1,"message":"x"}}"#,
    ] {
        for size in [1, 7, 1000] {
            let stream = stream.replace("ANSWER", answer);
            let cuts: Vec<usize> = (0..stream.len()).step_by(size).collect();
            let shown = shown(listening(1000), stream.as_bytes(), &cuts);
            assert_eq!(String::from_utf8(shown.bytes).unwrap(), stream.replace(answer, &error));
            assert!(shown.old_transport);
        }
    }
    let value: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!((&value["id"], &value["error"]["code"]), (&0.into(), &(-31403).into()));
    assert_eq!(value["error"]["message"], OLD_TRANSPORT);
}

#[test]
fn an_event_cut_off_by_the_end_is_filtered_or_withheld() {
    for (stream, expected) in [
        ("data: LIST", "data: LESS"),
        ("id: 4\ndata: LIST\n", "id: 4\ndata: LESS\n"),
        ("data: LESS", "data: LESS"),
        (": ping", ": ping"),
    ] {
        let [stream, expected] =
            [stream, expected].map(|text| text.replace("LIST", LIST).replace("LESS", LESS));
        for list in [answering(1000), listening(1000)] {
            let bytes = shown(list, stream.as_bytes(), &[]).bytes;
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{stream:?}");
        }
    }
}

#[test]
fn the_chunks_do_not_matter_to_an_event_that_is_no_json() {
    let pad = "x".repeat(100);
    let list = r#"{"id":1,"result":{"tools":[{"name":"set"}]"#;
    // Behind another line, the data of a large event is dropped. It has a list, and what follows is of no account.
    let interrupted = format!("data: {{}}\n: {pad}\ndata: {list}}}}},'\n: a\ndata: '\n\n");
    for (stream, cause, lost) in [
        (&*interrupted, "too_large", true),
        (&*format!("data: {{}}\n: {pad}\ndata: {list},'}}}}\n\n"), "malformed", true),
        (&*format!("data: {{}}\n: {pad}\ndata: {{'{list}\n\n"), "malformed", false),
        (&*format!("data: {{\"x\":\"{pad}\",'{list}\n\n"), "malformed", false),
        (&*format!("data: {list},'{pad}\n\n"), "malformed", true),
        (&*format!("data: {list},'\n\n"), "malformed", true),
        (&*format!("data: {{'{list}\n\n"), "malformed", false),
    ] {
        let every: Vec<usize> = (0..stream.len()).collect();
        for (new, asked) in
            [(answering as fn(usize) -> ListStream, true), (calling, false), (listening, false)]
        {
            let one = shown(new(90), stream.as_bytes(), &[]);
            let told = (one.unreadable.as_ref().map(Unreadable::cause), one.lost);
            assert_eq!(told, (Some(cause), lost || asked), "{stream}");
            assert_eq!(shown(new(90), stream.as_bytes(), &every), one, "{stream}");
            for size in [2, 7, 89, 90, 91] {
                let cuts: Vec<usize> = (0..stream.len()).step_by(size).collect();
                assert_eq!(shown(new(90), stream.as_bytes(), &cuts), one, "{stream} by {size}");
            }
        }
    }
}
