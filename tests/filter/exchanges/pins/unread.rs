//! Lists that cannot be read, or not all of them: what that says of pinned tools.

use super::*;
use crate::proxy::Call;

/// The definition of a second tool that is pinned.
const TWO: &str = r#"{"name":"two"}"#;
const PINNED: [&str; 2] = ["run", "two"];

fn both_pinned(mode: &str) -> Value {
    let tools =
        json!({ "run": { "definition": digest(RUN) }, "two": { "definition": digest(TWO) }, "other": {} });
    pinned(json!({ "mode": mode, "tools": tools }))
}

/// Returns which of the pinned tools are closed, or would be.
fn closed(proxy: &Arc<Proxy>, worker: &Rc<Worker>) -> Vec<&'static str> {
    let is_closed = |tool: &&str| record(&post(proxy, worker, &call(tool)))["code"] == "definition_changed";
    PINNED.into_iter().filter(is_closed).collect()
}

/// Answers a request in a way, and returns which tools are closed then.
#[track_caller]
fn closed_after(mode: &str, request: &str, headers: &[(&str, &str)], body: &str) -> Vec<&'static str> {
    let mut all = Vec::new();
    for end in End::ALL {
        let proxy = envoy();
        let worker = worker(&proxy, &both_pinned(mode));
        let mut exchange = post(&proxy, &worker, request);
        exchange.respond(&Sent::cut(headers, body, 1000, end));
        assert!(mode == "shadow" || !exchange.client().unwrap().text().contains("evil"), "{body:.200}");
        all.push(closed(&proxy, &worker));
        assert_eq!(proxy.metrics(CHANGED).len(), all.last().unwrap().len(), "{body:.200}");
        // The next answer that shows them as pinned opens them.
        list(&proxy, &worker, &[RUN, TWO]);
        assert_eq!(closed(&proxy, &worker), [""; 0], "{body:.200}");
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{body:.200} {all:?}");
    all.remove(0)
}

#[test]
fn an_element_that_cannot_be_read_closes_the_tools_that_it_may_be() {
    for (element, expected) in [
        // Its name can be read.
        (r#"{"name":"run","title":"evil","title":"x"}"#, &["run"][..]),
        (r#"{"name":"run","inputSchema":{"properties":{"evil":1,"evil":2}}}"#, &["run"]),
        (r#"{"name":"other","title":"evil","title":"x"}"#, &[]),
        // It may be any tool, and the second one is listed as it is pinned.
        (r#"{"name":"x","name":"run","title":"evil"}"#, &["run"]),
        (r#"{"Name":"run","title":"evil"}"#, &["run"]),
        (r#"{"name":"other","NAME":"run","title":"evil"}"#, &["run"]),
        (r#"{"title":"evil"}"#, &["run"]),
        (r#"{"name":["run"],"title":"evil"}"#, &["run"]),
        (r#"{"name":null}"#, &["run"]),
        ("null", &["run"]),
        (r#""run""#, &["run"]),
        ("[]", &["run"]),
    ] {
        for (list, json) in [
            (listing(&[element, TWO]), true),
            (listing(&[TWO, OTHER, element]), true),
            (format!("data: {}\n\n", listing(&[TWO, element])), false),
        ] {
            let headers = answer(if json { "application/json" } else { "text/event-stream" }, &[]);
            for mode in ["enforce", "shadow"] {
                assert_eq!(closed_after(mode, LIST, &headers, &list), expected, "{mode} {list}");
                assert_eq!(closed_after(mode, &call("other"), &headers, &list), expected, "{mode} {list}");
            }
        }
    }
    // It is no tool.
    let prompts = listing(&[r#"{"name":"run","name":"x"}"#, "null"]).replace("tools", "prompts");
    assert_eq!(closed_after("enforce", LIST, &answer("application/json", &[]), &prompts), [""; 0]);
}

#[test]
fn an_answer_that_cannot_be_read_closes_every_pinned_tool() {
    let large = listing(&[&RUN.replace("Runs", &"x".repeat(4 << 20))]);
    let json = |more: &[(&'static str, &'static str)]| answer("application/json", more);
    for (headers, body) in [
        (json(&[]), r#"{"id":7,"result":{"tools":[],"tools":[{"name":"evil"}]}}"#),
        (json(&[]), r#"{"id":7,"result":{"tools":[],"Tools":[{"name":"evil"}]}}"#),
        (json(&[]), r#"{"id":7,"result":{"tools":{"evil":{"name":"run"}}}}"#),
        (json(&[]), r#"{"id":7,"result":{"tools":[]},"result":{"tools":[{"name":"evil"}]}}"#),
        (json(&[]), r#"{"id":7,"result":{"tools":[],"evil":1,"evil":2}}"#),
        (json(&[]), r#"{"id":7,"result":{"tools":[{"name":"evil""#),
        (json(&[]), r#"{"id":7,result:{"tools":[{"name":"evil"}]}}"#),
        (json(&[]), &large),
        (json(&[("content-encoding", "gzip")]), "evil"),
        (json(&[("content-type", "text/event-stream")]), "evil"),
        (answer("text/event-stream; charset=utf-7", &[]), "evil"),
        (answer("text/html", &[]), "evil"),
    ] {
        assert_eq!(closed_after("enforce", LIST, &headers, body), PINNED, "{headers:?} {body:.200}");
    }
    let events = answer("text/event-stream", &[]);
    for data in [r#"{"id":7,"result":{"tools":{"evil":1}}}"#, r#"{"id":7,result:{"evil":[]}}"#, &large] {
        let event = format!("data: {data}\n\n");
        assert_eq!(closed_after("enforce", LIST, &events, &event), PINNED, "{data:.200}");
    }
    // In an answer to another request, a list is known by its shape.
    let list = r#"{"id":7,"result":{"tools":{"evil":1}}}"#;
    assert_eq!(closed_after("enforce", &call("other"), &json(&[]), list), PINNED);
    assert_eq!(closed_after("enforce", &call("other"), &events, &format!("data: {list}\n\n")), PINNED);
}

#[test]
fn what_is_no_list_of_tools_closes_none() {
    let prompts = LIST.replace("tools/", "prompts/");
    let page: &[_] = &[(":status", "502"), ("content-type", "text/html")];
    let packed: &[_] = &[(":status", "503"), ("content-type", "text/html"), ("content-encoding", "gzip")];
    let json = &answer("application/json", &[])[..];
    for (request, headers, body) in [
        (LIST, json, r#"{"id":7,"error":{"code":-32603,"message":"x"}}"#),
        (LIST, json, r#"{"id":7,"result":{"tools":[]}}"#),
        (LIST, page, "<html>"),
        (LIST, packed, "<html>"),
        (&prompts, json, r#"{"id":7,"result":{"prompts":[{"name":"run","name":"x"},null]}}"#),
        (&prompts, json, r#"{"id":7,"result":{"prompts":[],"prompts":[]}}"#),
        (&prompts, json, r#"{"id":7,"result":{"prompts":["#),
        (&call("other"), json, r#"{"id":7,result:{"content":[]}}"#),
        (&call("other"), json, r#"{"id":7,"result":{"content":[],"content":[]}}"#),
    ] {
        assert_eq!(closed_after("enforce", request, headers, body), [""; 0], "{request} {headers:?} {body}");
    }
}

#[test]
fn what_cannot_be_told_is_logged_and_counted() {
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({})));
    let before = proxy.log().len();
    list(&proxy, &worker, &["null"]);
    let line = "Warn: server `default`: it cannot be told with which definition the tool `run` is listed, so its calls \
                are refused";
    assert_eq!(proxy.log()[before..], [line]);
    assert_eq!(proxy.metrics(CHANGED), [("tool.run.server.default".to_owned(), 1)]);
}

#[test]
fn without_a_place_to_store_that_an_answer_cannot_be_read_nothing_is_sent() {
    for (headers, body) in [
        (answer("text/html", &[]), "evil"),
        (answer("application/json", &[]), r#"{"id":7,"result":{"tools":["#),
    ] {
        for end in End::ALL {
            let proxy = envoy();
            let worker = worker(&proxy, &pinned(json!({})));
            let mut exchange = post(&proxy, &worker, LIST);
            proxy.fail(Call::SetShared);
            exchange.respond(&Sent::cut(&headers, body, 1000, end));
            assert!(!exchange.client().is_some_and(|client| client.whole), "{body} {end:?}");
        }
    }
}

#[test]
fn what_was_stored_of_a_list_is_counted_even_if_it_is_not_shown() {
    let proxy = envoy();
    let policy = both_pinned("enforce");
    let worker = worker(&proxy, &policy);
    // The tool is closed by a change of which nobody knows when it was seen, so nothing more has to be stored.
    proxy.put(&key_of_first_pin(&policy), b"changed");
    proxy.fail(Call::SetShared);
    // The second tool is closed nowhere, so nothing of this list is shown.
    let shown = list(&proxy, &worker, &[EVIL, r#"{"name":"two","title":"evil"}"#, OTHER]);
    assert!(!shown.contains("other"), "{shown}");
    assert_eq!(proxy.metrics(CHANGED), [("tool.run.server.default".to_owned(), 1)]);
}
