//! The lines of a log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::outcome::Failure;

/// The longest line that is read, in bytes. A record with full arguments has up to six times the size of a body.
const LONGEST: usize = 16 * 1024 * 1024;
const BUFFER: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of one log, from the first to the last.
pub struct Lines {
    name: String,
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Its text is [`Lines::text`]
    Read,
    /// It is too long, and was skipped
    TooLong,
    /// There is none
    End,
}

impl Lines {
    /// Opens a log; `-` is stdin. Gzip is recognized by its first bytes.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn open(argument: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::of_file("cannot read", argument, &error);
        let (name, source): (_, Box<dyn Read>) = match argument {
            "-" => ("stdin", Box::new(io::stdin())),
            path => (path, Box::new(File::open(path).map_err(failed)?)),
        };
        let mut reader = BufReader::with_capacity(BUFFER, source);
        let zipped = reader.fill_buf().map_err(failed)?.starts_with(&GZIP);
        let reader: Box<dyn BufRead> = match zipped {
            true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader))),
            false => Box::new(reader),
        };
        Ok(Self { name: name.to_owned(), reader, line: Vec::new(), number: 0 })
    }

    /// Returns the log's name; `stdin` for `-`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of the line that was read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the line that was read last, without its end.
    pub fn text(&self) -> &[u8] {
        &self.line
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// The log cannot be read on.
    pub fn next(&mut self) -> Result<Line, Failure> {
        self.line.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::of_file("cannot read", &self.name, &error)),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', buffer);
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            if self.line.len().saturating_add(part.len()) > LONGEST {
                too_long = true;
                self.line = Vec::new();
            } else if !too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len().saturating_add(usize::from(end.is_some()));
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(Line::End);
        }
        self.number = self.number.saturating_add(1);
        Ok(if too_long { Line::TooLong } else { Line::Read })
    }
}
