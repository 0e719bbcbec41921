//! The service's own log: plain lines on the standard error.

use std::fmt::Display;

use crate::clock;

/// Writes one line, with the time before it. What comes from outside cannot write lines of its own.
pub fn line(what: impl Display) {
    let what = what.to_string();
    let mut shown = String::with_capacity(what.len());
    for char in what.chars() {
        match char {
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    let time = clock::rfc3339(clock::now_ms());
    // A log that cannot be written is no reason to stop.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{time} {shown}\n"));
}

/// Writes one line without the time: to who started a command, and reads its end at once.
pub fn plain(line: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{line}\n"));
}
