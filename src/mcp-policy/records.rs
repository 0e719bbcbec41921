//! Audit records in access logs: JSON lines, lines with other text around the record, gzip.
//!
//! A log is read as a stream. Memory does not depend on its size, nor on the length of its lines.

mod find;
mod lines;
mod order;
mod record;
mod shown;
mod tally;

pub use find::Finder;
pub use lines::{Line, Lines};
pub use order::{InOrder, Taken};
pub use record::{Counter, Record, Text, milliseconds, outcome, unreadable};
pub use shown::{shown, thousands};
pub use tally::Tally;

use clap::Args;

/// Which logs to read, and how to find records in them.
#[derive(Debug, Args)]
pub struct Logs {
    /// Access logs with records, gzip or not; `-` is stdin
    #[arg(required = true, value_name = "RECORDS")]
    pub records: Vec<String>,
    /// Take records only from members with this name. Other members can have text of callers that looks like a record
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
}
