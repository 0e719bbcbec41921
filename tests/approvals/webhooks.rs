//! Webhooks: delivered once, retried after a failure, and kept across a power failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::service::{Folder, ROLES, question};

/// Starts a receiver that answers with each of `statuses`, and then with 200. Returns its port and its
/// messages.
fn listen(statuses: &'static [u16]) -> (u16, Receiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for number in 0.. {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = statuses.get(number).copied().unwrap_or(200);
            write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

#[test]
fn a_message_is_retried_and_survives_a_power_failure() {
    let (port, messages) = listen(&[500, 503]);
    let folder = Folder::new(&format!("{ROLES}[[webhooks]]\nurl = \"http://127.0.0.1:{port}/T0/secret\"\n"));
    let mut service = folder.serve();
    let mut asked = question('a');
    asked["tool"] = "<!channel>".into();
    let (_, id) = service.asked(&asked);
    service.asked(&asked);
    let first = messages.recv_timeout(Duration::from_secs(5)).unwrap();
    let text = first["text"].as_str().unwrap();
    assert!(text.contains(&format!("/approvals/{id}")) && text.contains("bot"), "{text}");
    assert!(text.contains("&lt;!channel&gt;") && !text.contains("s3cr3t"), "{text}");
    // The first pause of two seconds has passed when the service has restarted.
    service.kill();
    let service = folder.serve();
    for _ in 0..2 {
        let again = messages.recv_timeout(Duration::from_secs(70)).unwrap();
        assert!(again["text"].as_str().unwrap().contains(&id), "{again}");
    }
    assert!(messages.recv_timeout(Duration::from_secs(6)).is_err(), "it was delivered");
    drop(service);
}

#[test]
fn two_processes_deliver_each_message_once() {
    let (port, messages) = listen(&[]);
    let folder = Folder::new(&format!("{ROLES}[[webhooks]]\nurl = \"http://127.0.0.1:{port}/\"\n"));
    let services = [folder.serve(), folder.serve()];
    for letter in ['a', 'b', 'c'] {
        services[0].asked(&question(letter));
    }
    for _ in 0..3 {
        messages.recv_timeout(Duration::from_secs(5)).unwrap();
    }
    assert!(messages.recv_timeout(Duration::from_secs(3)).is_err(), "three questions, three messages");
}
