//! The server behind Envoy. It gives every request the same answer and reads only its length, to leave the
//! CPU to Envoy.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::Ipv4Addr;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

use crate::client;

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The river rose in the night and the bridge was closed until noon; nobody was hurt, and the trains ran again by evening."}],"isError":false}}"#;

const LISTENER: Token = Token(0);

/// All connections from Envoy.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    connections: HashMap<Token, Connection>,
    last: usize,
    /// How many requests have been answered
    served: u64,
    answer: Vec<u8>,
    /// The read buffer, allocated once
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// The part of a request's head that has arrived
    head: Vec<u8>,
    /// How much of its body is missing, once the head is complete
    missing: Option<Missing>,
}

/// What is missing of a body.
#[derive(Debug)]
enum Missing {
    /// So many bytes
    Bytes(usize),
    /// The last chunk; these are the last bytes so far
    Chunks(Vec<u8>),
}

/// The last chunk. No body of the measurements ends with these bytes.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

impl Server {
    /// Listens on a port that the kernel chooses.
    pub fn new(registry: &Registry) -> io::Result<Self> {
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
        let answer = format!("{head}{}\r\n\r\n{BODY}", BODY.len()).into_bytes();
        Ok(Self {
            listener,
            connections: HashMap::new(),
            last: 0,
            served: 0,
            answer,
            buffer: vec![0; 128 * 1024],
        })
    }

    /// Returns its port.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Returns how many requests it has answered.
    pub fn served(&self) -> u64 {
        self.served
    }

    /// Handles the listener or connection of a token.
    pub fn handle(&mut self, token: Token, registry: &Registry) -> io::Result<()> {
        if token == LISTENER {
            return self.accept(registry);
        }
        let Some(connection) = self.connections.get_mut(&token) else { return Ok(()) };
        if !connection.serve(&self.answer, &mut self.buffer, &mut self.served)? {
            self.connections.remove(&token);
        }
        Ok(())
    }

    fn accept(&mut self, registry: &Registry) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    self.last += 1;
                    let token = Token(self.last);
                    registry.register(&mut stream, token, Interest::READABLE)?;
                    self.connections.insert(token, Connection { stream, head: Vec::new(), missing: None });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Connection {
    /// Reads what has arrived and answers complete requests. Returns whether the connection is still open.
    fn serve(&mut self, answer: &[u8], buffer: &mut [u8], served: &mut u64) -> io::Result<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    *served += u64::from(self.take(&buffer[..read], answer)?);
                    if read < buffer.len() {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                // Envoy resets connections of refused requests.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a part of a request; returns whether it was the last. Envoy sends the next request when this one is
    /// answered.
    fn take(&mut self, bytes: &[u8], answer: &[u8]) -> io::Result<bool> {
        let (missing, body) = match self.missing.take() {
            Some(missing) => (missing, bytes),
            None => {
                self.head.extend(bytes);
                let Some(end) = client::head(&self.head) else { return Ok(false) };
                let (head, body) = self.head.split_at(end);
                (Missing::of(head)?, body)
            }
        };
        let missing = missing.without(body);
        if missing.is_some() {
            self.missing = missing;
            return Ok(false);
        }
        self.head.clear();
        self.stream.write_all(answer)?;
        Ok(true)
    }
}

impl Missing {
    /// Returns the whole body of a request, by its head.
    fn of(head: &[u8]) -> io::Result<Self> {
        if let Some(length) = client::length(head) {
            return Ok(Self::Bytes(length));
        }
        match client::is_chunked(head) {
            true => Ok(Self::Chunks(Vec::new())),
            false => Err(io::Error::other(format!("a request without a body: {}", head.escape_ascii()))),
        }
    }

    /// Returns what is missing after some more bytes; `None` if that is all.
    fn without(self, bytes: &[u8]) -> Option<Self> {
        match self {
            Self::Bytes(missing) => {
                Some(missing.saturating_sub(bytes.len())).filter(|left| *left > 0).map(Self::Bytes)
            }
            Self::Chunks(mut last) => {
                last.extend(&bytes[bytes.len().saturating_sub(LAST_CHUNK.len())..]);
                last.drain(..last.len().saturating_sub(LAST_CHUNK.len()));
                (last != LAST_CHUNK).then_some(Self::Chunks(last))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns after how many pieces a body is whole.
    fn whole_after(head: &str, pieces: &[&str]) -> Option<usize> {
        let mut missing = Missing::of(head.as_bytes()).unwrap();
        for (number, piece) in pieces.iter().enumerate() {
            match missing.without(piece.as_bytes()) {
                Some(left) => missing = left,
                None => return Some(number + 1),
            }
        }
        None
    }

    #[test]
    fn a_body_is_whole_after_its_last_byte_or_its_last_chunk() {
        let (length, chunks) = (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        assert_eq!(whole_after(length, &["", "he", "llo", ""]), Some(3));
        assert_eq!(whole_after(length, &["hell"]), None);
        assert_eq!(whole_after(chunks, &["", "5\r\nhello\r\n0\r\n\r\n"]), Some(2));
        assert_eq!(whole_after(chunks, &["5\r\nhello", "\r\n0\r\n", "\r", "\n"]), Some(4));
        assert_eq!(whole_after(chunks, &["5\r\nhello\r\n", "0\r\n"]), None);
    }

    #[test]
    fn a_request_without_a_body_is_an_error() {
        let error = Missing::of(b"POST / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("POST / HTTP/1.1"), "{error}");
    }
}
