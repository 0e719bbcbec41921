//! Connections to one listener, on which one request is sent repeatedly.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream as Blocking};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::CLIENTS;

/// Sends requests to one listener; each answer must contain one of the texts `expected`.
#[derive(Debug)]
pub struct Client {
    number: usize,
    port: u16,
    expected: Vec<Vec<u8>>,
    /// How many answers have contained each of them
    counts: Vec<u64>,
    request: Vec<u8>,
    connections: Vec<Connection>,
    free: VecDeque<usize>,
    /// The read buffer, allocated once
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// How much of the request has been written
    sent: usize,
    received: Vec<u8>,
    /// When its request started
    since: Option<Instant>,
}

fn token(client: usize, connection: usize) -> Token {
    Token(CLIENTS.0 + (client << 16) + connection)
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = Blocking::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}

/// Returns the client and the connection of a token, if it has any.
pub fn parts(token: Token) -> Option<(usize, usize)> {
    let rest = token.0.checked_sub(CLIENTS.0)?;
    Some((rest >> 16, rest & 0xffff))
}

impl Client {
    /// Opens connections.
    pub fn new(
        number: usize,
        port: u16,
        connections: usize,
        expected: Vec<Vec<u8>>,
        request: Vec<u8>,
    ) -> io::Result<Self> {
        let open = || {
            Ok(Connection { stream: connect(port)?, sent: request.len(), received: Vec::new(), since: None })
        };
        let connections = (0..connections).map(|_| open()).collect::<io::Result<Vec<_>>>()?;
        let free = (0..connections.len()).collect();
        let counts = vec![0; expected.len()];
        Ok(Self { number, port, expected, counts, request, connections, free, buffer: vec![0; 16 * 1024] })
    }

    /// Registers these connections with the poll.
    pub fn register(mut self, registry: &Registry) -> io::Result<Self> {
        for (number, connection) in self.connections.iter_mut().enumerate() {
            connection.register(registry, token(self.number, number))?;
        }
        Ok(self)
    }

    /// Returns how many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Returns how many answers have contained each of the expected texts.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Returns how many requests have no answer yet.
    pub fn under_way(&self) -> usize {
        self.connections.len() - self.free.len()
    }

    /// Tells whether a connection is free for a request.
    pub fn is_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// Sends a request that has been due `since` then.
    pub fn send(&mut self, since: Instant) -> io::Result<()> {
        let Some(number) = self.free.pop_front() else { return Ok(()) };
        let connection = &mut self.connections[number];
        (connection.sent, connection.since) = (0, Some(since));
        connection.write(&self.request)
    }

    /// Reads and writes as much as possible on a connection. Opens it anew if an answer says that it closes.
    pub fn handle(&mut self, number: usize, registry: &Registry, latencies: &mut Vec<u64>) -> io::Result<()> {
        let connection = &mut self.connections[number];
        if let Err(error) = connection.write(&self.request) {
            // An early answer says why.
            let _ = connection.read(&mut self.buffer);
            let answer = String::from_utf8_lossy(&connection.received);
            return Err(io::Error::other(format!("{error}, after {answer:?}")));
        }
        connection.read(&mut self.buffer)?;
        if !is_whole(&connection.received)? {
            return Ok(());
        }
        let answer = std::mem::take(&mut connection.received);
        let contains = |text: &Vec<u8>| answer.windows(text.len()).any(|part| part == text);
        let Some(found) = self.expected.iter().position(contains) else {
            let expected: Vec<_> = self.expected.iter().map(|text| String::from_utf8_lossy(text)).collect();
            let answer = String::from_utf8_lossy(&answer);
            return Err(io::Error::other(format!("{} is not in {answer:?}", expected.join(" or "))));
        };
        self.counts[found] += 1;
        if head(&answer).is_some_and(|end| closes(&answer[..end])) {
            connection.stream = connect(self.port)?;
            connection.register(registry, token(self.number, number))?;
        }
        if let Some(since) = connection.since.take() {
            latencies.push(since.elapsed().as_nanos() as u64);
            self.free.push_back(number);
        }
        Ok(())
    }
}

impl Connection {
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Writes as much of the request as there is room for.
    fn write(&mut self, request: &[u8]) -> io::Result<()> {
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads everything that has arrived.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    let answer = String::from_utf8_lossy(&self.received).into_owned();
                    return Err(io::Error::other(format!("the connection was closed after {answer:?}")));
                }
                Ok(read) => {
                    self.received.extend(&buffer[..read]);
                    // If less was read than fits, nothing more is waiting.
                    if read < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_whole(answer: &[u8]) -> io::Result<bool> {
    let Some(head) = head(answer) else { return Ok(false) };
    let length = length(&answer[..head]).ok_or_else(|| io::Error::other("an answer without a length"))?;
    Ok(answer.len() >= head + length)
}

/// Tells whether the server closes the connection after this answer.
fn closes(head: &[u8]) -> bool {
    let line = b"\r\nconnection: close\r\n";
    head.windows(line.len()).any(|part| part == line)
}

/// Returns the length of a message's head with its empty line, if it is complete.
pub fn head(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|end| end == b"\r\n\r\n").map(|end| end + 4)
}

/// Returns the body's length as given in the head.
pub fn length(head: &[u8]) -> Option<usize> {
    std::str::from_utf8(field(head, b"content-length:")?).ok()?.trim().parse().ok()
}

/// Tells whether the body comes in chunks, as the head says.
pub fn is_chunked(head: &[u8]) -> bool {
    field(head, b"transfer-encoding:").is_some_and(|value| value.trim_ascii() == b"chunked")
}

/// Returns the value of a header; `name` ends with the colon.
fn field<'h>(head: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let is_named =
        |line: &&[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    head.split(|byte| *byte == b'\n').find(is_named)?.get(name.len()..)
}
