//! The service's log: plain lines on standard error.

use std::fmt::Display;

use crate::clock;

/// Writes one line with a timestamp. Control characters are escaped, so that external text cannot forge
/// further lines.
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
    // The service goes on if its log cannot be written.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{time} {shown}\n"));
}

/// Writes one line without a timestamp, for the person who runs a command.
pub fn plain(line: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr().lock(), format_args!("{line}\n"));
}
