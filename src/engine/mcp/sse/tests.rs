use super::*;

/// Reads `stream` in chunks of `size` bytes; parts as text, neighbouring passing ones joined.
fn parts(stream: &str, size: usize, hold: usize, limit: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut each = |part: Part<'_>| match part {
        Part::Passing(bytes) => match out.last_mut() {
            Some(last) if last.starts_with('=') => last.push_str(str::from_utf8(bytes).unwrap()),
            _ => out.push(format!("={}", str::from_utf8(bytes).unwrap())),
        },
        Part::Dropped(Dropped { begun, id, .. }) => {
            out.push(format!("dropped{} {}", if begun { ", begun" } else { "" }, id.unwrap_or("-")));
        }
        Part::Event(event) | Part::Unfinished(event) => {
            let mark = match part {
                Part::Unfinished(_) => "cut",
                _ => match event.kind() {
                    Kind::Message => "message",
                    Kind::Endpoint => "endpoint",
                    Kind::Other => "other",
                },
            };
            out.push(format!("{mark} {}", str::from_utf8(event.data()).unwrap()));
        }
    };
    let mut events = EventStream::new(Bounds { hold, limit });
    stream.as_bytes().chunks(size).for_each(|chunk| events.push(chunk, &mut each));
    events.finish(&mut each);
    out
}

#[test]
fn events_are_found_as_the_standard_says_whatever_the_chunks() {
    for (stream, expected) in [
        ("data: a\n\n", &["message a"] as &[_]),
        ("data:a\ndata\ndata:  b\n\n", &["message a   b"]),
        ("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", &["message a b", "message c"]),
        ("data: a\r\rdata: b\r\r", &["message a", "message b"]),
        ("data: a\r\n\ndata: b\n\r\n", &["message a", "message b"]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["message a", "=\n"]),
        (
            ": ping\n\nid: 1\nevent: message\ndata: a\nretry: 5\n\n",
            &["=: ping\n\nid: 1\nevent: message\nretry: 5\n", "message a"],
        ),
        ("event: ping\ndata: a\n\ndata: b\n\n", &["=event: ping\n", "other a", "message b"]),
        ("event: ping\n\ndata: b\n\n", &["=event: ping\n\n", "message b"]),
        ("data: a\nevent: ping\nevent\n\n", &["=event: ping\nevent\n", "message a"]),
        ("data: a\nevent:ping\n\n", &["=event:ping\n", "other a"]),
        ("event: endpoint\ndata: a\n\n", &["=event: endpoint\n", "endpoint a"]),
        ("Data: a\n data: a\n\u{ef}\u{bb}\u{bf}data: a\n\n", &["=\n"]),
        ("data\ndata: a\n\n", &["message a"]),
        ("data: a\n\ndata: b\n", &["message a", "cut b"]),
        ("data: b\r\nid", &["=id\n", "cut b"]),
        ("id: 4", &["=id: 4"]),
        ("data: b", &["cut b"]),
    ] {
        for size in [1, 2, 3, 1000] {
            assert_eq!(parts(stream, size, 1000, 1000), expected, "{stream:?} by {size}");
        }
    }
}

#[test]
fn an_event_over_the_bound_goes_on_in_pieces_unless_it_has_a_list() {
    let late = "data: {\"id\":1,\"result\":{\"x\":\"..........\",\"tools\"";
    let list = ":[{\"name\":\"set\"}]}}";
    for (stream, expected) in [
        ("data: 4567890123\n\n", &["message 4567890123"] as &[_]),
        ("data: 45678901234\n\ndata: b\n\n", &["=data: 45678901234\n\n", "message b"]),
        (
            "id: 1\ndata: 4\ndata: 12345\r\n: c\ndat\ndata:6\r\nid: 2\r\n\r\ndata: b\n\n",
            &["=id: 1\ndata: 4  12345 6\nid: 2\n\n", "message b"],
        ),
        (": 345678901234567\n:\n\n: ok\n\n", &["=: 345678901234567\n:\n\n: ok\n\n"]),
        (": 345678901234567\ndata: b\n\n", &["=: 345678901234567\n", "message b"]),
        ("\u{feff}data: {\"result\":{\"x\":1}}\n\n", &["=data: {\"result\":{\"x\":1}}\n\n"]),
        ("event: x\n: 345678901234567\ndata: b\n\n", &["=event: x\n: 345678901234567\n", "other b"]),
        ("data: 45678901234\nid: 5", &["=data: 45678901234\nid: 5"]),
        // A list that begins within the bound is held, up to the limit.
        (
            "data:{\"result\":{\ndata: \"tools\":[1]}}\n\n",
            &["=data:{\"result\":{  \"tools\"", "dropped, begun -"],
        ),
        (
            "data:{\ndata:\"result\":{\"tools\":[1]}}\n\n",
            &["=data:{ \"result\":{\"tools\"", "dropped, begun -"],
        ),
        (
            &format!("{late}{list}\nid: 5\n\ndata: b\n\n"),
            &[&*format!("={late}"), "dropped, begun 1", "message b"],
        ),
        (
            &format!("{late}{list}\r\n\r\ndata: b\n\n"),
            &[&*format!("={late}"), "dropped, begun 1", "message b"],
        ),
        (&format!("{late}{list}"), &[&*format!("={late}"), "dropped, begun 1"]),
        ("data: {'23456789012345'\n\ndata: b\n\n", &["dropped -", "message b"]),
        (
            "data: {\"23456789012345\"'\n\ndata: b\n\n",
            &["=data: {\"23456789012345\"'", "dropped, begun -", "message b"],
        ),
    ] {
        for size in [1, 2, 3, 1000] {
            assert_eq!(parts(stream, size, 16, 16), expected, "{stream:?} by {size}");
        }
    }
}

#[test]
fn a_list_is_held_up_to_the_limit() {
    let message = |pad: usize| format!(r#"{{"result":{{"tools":[1]}},"x":"{}","id":"a"}}"#, "x".repeat(pad));
    for (pad, ends) in [(1, "\n\n"), (60, "\n\n"), (60, "\nid: 4\n\n"), (60, ""), (200, "\n\n"), (200, "")] {
        let stream = format!("data: {}{ends}", message(pad));
        let expected = match (pad, ends) {
            (200, _) => vec!["dropped \"a\"".to_owned()],
            (_, "") => vec![format!("cut {}", message(pad))],
            (_, "\n\n") => vec![format!("message {}", message(pad))],
            _ => vec!["=id: 4\n".to_owned(), format!("message {}", message(pad))],
        };
        for size in [1, 2, 3, 1000] {
            assert_eq!(parts(&stream, size, 30, 200), expected, "{stream:?} by {size}");
        }
    }
}

#[test]
fn nothing_behind_a_text_with_a_list_lets_a_large_event_pass() {
    for behind in [",\"2345678", "{}345678", "}}345678", " 7345678", "\ndata:{}"] {
        let stream = format!("data: {{\"result\":{{\"tools\":[1]}}}}{behind}\n\ndata: b\n\n");
        for (size, limit) in [(1, 34), (2, 34), (1000, 34), (1, 36), (1000, 36)] {
            let found = parts(&stream, size, 34, limit);
            assert_eq!(found, ["dropped -", "message b"], "{stream:?} by {size}");
        }
    }
}
