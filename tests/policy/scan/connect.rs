//! `mcp-policy scan`: why a server cannot be asked.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::program::run;

/// Answers every request with the same bytes, as long as the test runs, and returns the address.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut seen = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                seen.extend(piece.iter().take(read));
                let text = String::from_utf8_lossy(&seen);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
                if length.is_none_or(|length| body.len() >= length.trim().parse().unwrap_or(0)) {
                    // The answer repeats what it got, as debugging servers do.
                    let token = head
                        .lines()
                        .find(|line| line.to_lowercase().starts_with("authorization"))
                        .unwrap_or_default();
                    let id = body
                        .split_once("\"id\":")
                        .and_then(|(_, rest)| rest.split([',', '}']).next())
                        .unwrap_or("0");
                    let body = if answer.contains("application/json") {
                        format!(
                            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"got {token}"}}}}"#
                        )
                    } else {
                        format!("<p>{token}</p>")
                    };
                    let head = answer.replace("LENGTH", &body.len().to_string());
                    let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
                    break;
                }
            }
        }
    });
    format!("http://{address}/mcp")
}

#[test]
fn a_server_that_cannot_be_asked_is_told_in_words() {
    let page = "content-type: text/html\r\ncontent-length: LENGTH\r\nconnection: close";
    for (status, told) in [
        (
            "401 Unauthorized\r\nwww-authenticate: Bearer",
            "requires authentication (401); pass a credential with `--header",
        ),
        (
            "401 Unauthorized\r\nwww-authenticate: ApiKey header=\"x-api-key\"",
            "pass a credential with `--header 'x-api-key: …'`",
        ),
        (
            "401 Unauthorized\r\nwww-authenticate: ApiKey header=\"x y\"",
            "pass a credential with `--header 'Authorization: ApiKey …'`",
        ),
        ("401 Unauthorized\r\nwww-authenticate: Basic realm=x", "`--header 'Authorization: Basic …'`"),
        ("401 Unauthorized", "requires authentication (401)"),
        ("403 Forbidden", "refuses these credentials (403)"),
        ("404 Not Found", "no MCP endpoint at this path"),
        ("302 Found\r\nlocation: http://127.0.0.1:1/", "no MCP endpoint at this path"),
        ("503 Service Unavailable", "HTTP 503"),
        ("200 OK\r\ncontent-type: application/json", "refuses to start a session: got "),
        ("200 OK", "not an MCP endpoint: it answers with `text/html`"),
    ] {
        let page = if status.contains("content-type") {
            page.replace("content-type: text/html\r\n", "")
        } else {
            page.to_owned()
        };
        let answer: &'static str = format!("HTTP/1.1 {status}\r\n{page}").leak();
        let url = answering(answer);
        let done = run(&["scan", &url], "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{status}");
        assert!(done.stderr.contains(told), "{status}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);

        // Not even if the server repeats it.
        let done = run(&["scan", &url, "--header", "Authorization: Bearer the-secret"], "");
        assert!(done.code == 1 && !done.stderr.contains("the-secret"), "{status}: {}", done.stderr);
    }
}

#[test]
fn tls_where_the_server_has_none_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        }
    });
    let done = run(&["scan", &url], "");
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(
        done.stderr.contains("the server does not speak TLS at this port; write `http://`"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_source_that_cannot_be_used_is_told_without_its_secrets() {
    for (arguments, told) in [
        (&["http://127.0.0.1:1/mcp?key=the-secret"][..], "`http://127.0.0.1:1/mcp?…`: no connection"),
        (&["http://me:the-secret@127.0.0.1:1/mcp"], "pass credentials with `--header`"),
        (&["http://"], "the source is not a URL"),
        (
            &["http://127.0.0.1:1/mcp", "--header", "the-secret"],
            "header 1: must be `NAME: VALUE` or `NAME=VALUE`",
        ),
        (&["http://127.0.0.1:1/mcp", "--header", "a b: the-secret"], "header 1: its name"),
        (&["http://127.0.0.1:1/mcp", "--header", "a: the-secret\u{1}"], "header `a`: its value"),
        (
            &["http://127.0.0.1:1/mcp", "--header", "a: 1", "--header", "A: the-secret"],
            "header `a`: is given twice",
        ),
        (&["tests", "--header", "a: the-secret"], "`--header` needs a URL"),
        (&["stdio:"], "needs a command"),
        (&["stdio:sh -c 'x"], "a quote of the command is not closed"),
        (&["stdio:/no/such/program the-secret"], "`stdio:/no/such/program`: cannot start it"),
        (
            &["stdio:sh -c 'echo this broke >&2; exit 1'"],
            "it ended before it answered\nthe end of its output on stderr:\n  this broke",
        ),
        (&["stdio:sh -c 'exec sleep 600'", "--timeout", "300ms"], "no answer within 0.3 s"),
        (&["no-such-file.json"], "cannot read `no-such-file.json`: there is no such file\n"),
        (&["localhost/mcp"], "write `http://localhost/mcp` or `https://localhost/mcp` if it is a server"),
        (&["127.0.0.1:8017/mcp"], "write `http://127.0.0.1:8017/mcp` or"),
        (&["mcp.example.com/mcp"], "write `http://mcp.example.com/mcp` or"),
        (&["./no/such.d/tools"], "there is no such file\n"),
        (&["uvx mcp-server-time"], "write 'stdio:uvx mcp-server-time' if it is a command"),
        (&["-", "--timeout", "fast"], "must be a time such as"),
        (&["-", "--approvals", "my cluster"], "must be ASCII without spaces"),
        (&["-", "--server", ""], "must be ASCII without spaces"),
        (&["-", "--timeout", "0s"], "must be more than zero"),
    ] {
        let done = run(&[&["scan"], arguments].concat(), "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(done.stderr.contains(told), "{arguments:?}: {}", done.stderr);
        assert!(!done.stderr.contains("the-secret"), "{arguments:?}: {}", done.stderr);
    }
}
