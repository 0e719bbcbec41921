//! Sends requests to Envoy and serves behind it, in one thread: it uses one core and leaves the others to
//! Envoy.
//!
//! It prints `port=12345`, its own port, and reads one command a line:
//!
//! | command | does |
//! |---|---|
//! | `add PORT CONNECTIONS EXPECTED REQUEST` | opens connections; answers `added NUMBER`. The texts are in hex, and every answer must contain one of `EXPECTED`, which are separated by commas |
//! | `burst NUMBER REQUESTS` | sends one request on all connections at once, and again when all answers have arrived |
//! | `sustain NUMBER MILLISECONDS` | keeps one request in flight on every connection |
//! | `rate NUMBER PER_SECOND MILLISECONDS` | sends at fixed times, whether or not answers have arrived |
//! | `mix REQUESTS NUMBER…` | keeps one request in flight on every connection of all these, for this many requests |
//! | `counts NUMBER` | answers `counts N…`: how many answers have contained each of `EXPECTED` |
//! | `served` | answers `served N`: how many requests the server has answered |
//!
//! Those that send answer `done REQUESTS P50 P99`, with latencies in nanoseconds. Under `rate`, latencies
//! count from the time at which a request was due. An unexpected answer ends the program.

mod client;
mod pace;
mod server;

use std::io::{self, BufRead, Write as _};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use client::Client;
use pace::Pace;
use server::Server;

/// How long to wait for the next answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The kernel's wait can end a millisecond late, so shorter waits are busy loops.
const AWAKE: Duration = Duration::from_millis(2);

fn main() -> io::Result<()> {
    let mut bench = Bench::new()?;
    let mut out = io::stdout();
    writeln!(out, "port={}", bench.server.port()?)?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let answer = bench.command(&line?)?;
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// All open clients and the server.
struct Bench {
    poll: Poll,
    events: Events,
    server: Server,
    clients: Vec<Client>,
}

impl Bench {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let server = Server::new(poll.registry())?;
        Ok(Self { poll, events: Events::with_capacity(256), server, clients: Vec::new() })
    }

    fn command(&mut self, line: &str) -> io::Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut numbers = words.get(1..2).unwrap_or_default();
        let pace = match words[..] {
            ["add", port, connections, expected, request] => {
                let number = self.clients.len();
                let (port, connections) = (whole(port)? as u16, whole(connections)? as usize);
                let expected = expected.split(',').map(bytes).collect::<io::Result<_>>()?;
                let client = Client::new(number, port, connections, expected, bytes(request)?);
                self.clients.push(client?.register(self.poll.registry())?);
                return Ok(format!("added {number}"));
            }
            ["counts", number] => {
                let counts = self.clients[whole(number)? as usize].counts();
                return Ok(counts.iter().fold("counts".into(), |told, count| format!("{told} {count}")));
            }
            ["served"] => return Ok(format!("served {}", self.server.served())),
            ["mix", requests, ..] => {
                numbers = &words[2..];
                Pace::Count { left: whole(requests)? }
            }
            ["burst", _, requests] => Pace::burst(whole(requests)?),
            ["sustain", _, milliseconds] => Pace::sustain(Duration::from_millis(whole(milliseconds)?)),
            ["rate", _, per_second, milliseconds] => {
                Pace::rate(whole(per_second)?, Duration::from_millis(whole(milliseconds)?))
            }
            _ => return Err(invalid(line)),
        };
        let numbers = numbers.iter().map(|word| Ok(whole(word)? as usize)).collect::<io::Result<Vec<_>>>()?;
        let mut latencies = self.run(&numbers, pace)?;
        latencies.sort_unstable();
        let at = |part: usize| latencies.get(latencies.len() * part / 100).copied().unwrap_or_default();
        Ok(format!("done {} {} {}", latencies.len(), at(50), at(99)))
    }

    /// Sends requests until the pace is over and all answers have arrived; returns their latencies.
    fn run(&mut self, numbers: &[usize], mut pace: Pace) -> io::Result<Vec<u64>> {
        let mut latencies = Vec::new();
        loop {
            let now = Instant::now();
            for number in numbers {
                let client = &mut self.clients[*number];
                while let Some(since) = client.is_free().then(|| pace.next(now, client)).flatten() {
                    client.send(since)?;
                }
            }
            if pace.is_over(now) && numbers.iter().all(|number| self.clients[*number].under_way() == 0) {
                return Ok(latencies);
            }
            let due = pace.due().map(|due| due.saturating_duration_since(now));
            let timeout = match due {
                Some(wait) if wait < AWAKE => Duration::ZERO,
                Some(wait) => wait - AWAKE,
                None => PATIENCE,
            };
            self.poll.poll(&mut self.events, Some(timeout))?;
            if self.events.is_empty() && due.is_none() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer arrived"));
            }
            for event in &self.events {
                match client::parts(event.token()) {
                    Some((client, connection)) => {
                        self.clients[client].handle(connection, self.poll.registry(), &mut latencies)?;
                    }
                    None => self.server.handle(event.token(), self.poll.registry())?,
                }
            }
        }
    }
}

fn whole(word: &str) -> io::Result<u64> {
    word.parse().map_err(|_| invalid(word))
}

/// Reads a text in hex.
fn bytes(word: &str) -> io::Result<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(|| invalid("no hex digit"));
    let pairs = word.as_bytes().chunks(2);
    pairs.map(|pair| Ok((digit(pair[0])? * 16 + digit(*pair.get(1).unwrap_or(&b'-'))?) as u8)).collect()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("not understood: {what}"))
}

/// The tokens below this are the server's.
const CLIENTS: Token = Token(1 << 32);
