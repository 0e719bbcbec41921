//! Bodies that are larger than the policy allows.

use crate::exchanges::{POST, WAYS, call, code, envoy, forwarded, policy_with, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::json;

#[test]
fn a_body_is_refused_as_soon_as_it_is_too_large() {
    let body = call("safe");
    for way in WAYS {
        let proxy = envoy();
        let changes = json!({ "request_headers": way, "max_body_bytes": body.len() });
        let worker = worker(&proxy, &policy_with(changes));
        let sent = Sent::new(POST, &[body.as_bytes()], End::WithLast);
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&sent);
        forwarded(&exchange, &sent, way);

        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(POST, &[body.as_bytes(), b" "], End::Never));
        let (reply, answer) = refused(&exchange, way == "hold", way);
        assert_eq!((reply.status, code(&reply)), (413, "too_large"));
        assert_eq!(answer["error"]["code"], -32600);
    }
}

#[test]
fn a_length_that_is_too_large_is_refused_at_the_headers() {
    for way in WAYS {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way, "max_body_bytes": 300 })));
        for (length, refuses) in [
            ("300", false),
            ("301", true),
            ("0301", true),
            ("99999999999999999999999999", true),
            ("0", false),
            // Envoy refuses what is no length.
            ("-1", false),
            ("3e2", false),
            ("", false),
        ] {
            let headers = with(POST, &[("content-length", length)]);
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&Sent::new(&headers, &[], End::Never));
            let at = format!("{way} {length}");
            assert_eq!(exchange.reply().is_some(), refuses, "{at}");
            if refuses {
                let (reply, answer) = refused(&exchange, true, &at);
                assert_eq!((reply.status, code(&reply)), (413, "too_large"), "{at}");
                assert_eq!(answer["error"]["code"], -32600, "{at}");
                assert!(exchange.record().unwrap().contains(r#""code":"too_large""#), "{at}");
            }
        }
    }
}
