//! The table: how it is stored, shown and compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::worker::Counts;

/// How much a number may grow, in percent, before the table must be updated.
const MARGIN: u64 = 5;

/// The same, if the module was made by a different compiler than the table's.
const MARGIN_OTHER_RUSTC: u64 = 15;

/// What every request costs.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The version of the compiler that made the module
    pub rustc: String,
    /// One request a row
    pub rows: Vec<Row>,
}

/// What one request costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The request
    pub name: String,
    /// Its costs
    #[serde(flatten)]
    pub counts: Counts,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Remarks
    pub warnings: Vec<String>,
    /// Faults
    pub faults: Vec<String>,
}

impl Counts {
    /// Returns how often the host is called.
    pub fn host_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Returns every number by its name.
    fn numbers(&self) -> BTreeMap<&str, u64> {
        let mut numbers: BTreeMap<&str, u64> =
            self.calls.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        numbers.insert("operations", self.operations);
        numbers.insert("allocations", self.allocations);
        numbers.insert("callbacks", self.callbacks);
        numbers.insert("host calls", self.host_calls());
        numbers
    }
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors If it is not valid.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Writes the table with one row a line, so that diffs are readable.
    pub fn write(&self) -> String {
        let line = |row| format!("    {}", serde_json::to_string(row).expect("numbers and names"));
        let rows: Vec<String> = self.rows.iter().map(line).collect();
        format!("{{\n  \"rustc\": \"{}\",\n  \"rows\": [\n{}\n  ]\n}}\n", self.rustc, rows.join(",\n"))
    }

    /// Compares the measured table with the expected one.
    pub fn compare(&self, expected: &Self) -> Verdict {
        let mut verdict = Verdict::default();
        let same = self.rustc == expected.rustc;
        let margin = if same { MARGIN } else { MARGIN_OTHER_RUSTC };
        if !same {
            verdict.warnings.push(format!(
                "the table is of rustc {}, the module of rustc {}: numbers may grow by {margin} %",
                expected.rustc, self.rustc
            ));
        }
        for row in &self.rows {
            match expected.row(&row.name) {
                Some(known) => compare(row, known, margin, &mut verdict),
                None => verdict.faults.push(format!("{}: not in the table", row.name)),
            }
        }
        let gone = expected.rows.iter().filter(|row| self.row(&row.name).is_none());
        verdict.faults.extend(gone.map(|row| format!("{}: in the table but not measured", row.name)));
        verdict
    }

    /// Formats the table for people, with changes from `expected` if given.
    pub fn show(&self, expected: Option<&Self>) -> String {
        let head =
            ["", "operations", "", "allocations", "", "callbacks", "", "host calls", ""].map(str::to_owned);
        let mut lines = vec![head];
        for row in &self.rows {
            let known = expected.and_then(|table| table.row(&row.name)).map(|row| &row.counts);
            let (counts, mut cells) = (&row.counts, vec![row.name.clone()]);
            for (number, known) in [
                (counts.operations, known.map(|known| known.operations)),
                (counts.allocations, known.map(|known| known.allocations)),
                (counts.callbacks, known.map(|known| known.callbacks)),
                (counts.host_calls(), known.map(Counts::host_calls)),
            ] {
                cells.push(grouped(number));
                cells.push(
                    known
                        .filter(|known| *known != number)
                        .map(|known| change(known, number))
                        .unwrap_or_default(),
                );
            }
            lines.push(cells.try_into().expect("nine cells"));
        }
        let mut text = aligned(&lines);
        text.push_str("\ngrowth in operations:\n");
        for growth in self.growth() {
            let _ = writeln!(text, "  {growth}");
        }
        text.push_str("\nhost calls by name:\n");
        for row in &self.rows {
            let calls = row.counts.calls.iter();
            let calls: Vec<String> = calls
                .map(|(name, count)| match count {
                    1 => short(name).to_owned(),
                    _ => format!("{count} {}", short(name)),
                })
                .collect();
            let _ = writeln!(text, "  {}: {}", row.name, calls.join(", "));
        }
        text
    }

    /// Compares rows that differ only in a number: the last with the first.
    fn growth(&self) -> Vec<String> {
        let mut kinds: Vec<(&str, Vec<(u64, u64)>)> = Vec::new();
        for row in &self.rows {
            let Some((count, kind)) = row.name.split_once(' ') else { continue };
            let Ok(count) = count.parse() else { continue };
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, costs)) => costs.push((count, row.counts.operations)),
                None => kinds.push((kind, vec![(count, row.counts.operations)])),
            }
        }
        let told = kinds.iter().filter_map(|(kind, costs)| {
            let ((few, before), (many, now)) = (costs.first()?, costs.last()?);
            Some(format!("{few} to {many} {kind}: {:.2}", *now as f64 / *before as f64))
        });
        told.collect()
    }

    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

fn compare(row: &Row, known: &Row, margin: u64, verdict: &mut Verdict) {
    let before = known.counts.numbers();
    for (what, now) in row.counts.numbers() {
        let before = before.get(what).copied().unwrap_or(0);
        if now * 100 > before * (100 + margin) {
            let (change, before, now) = (change(before, now), grouped(before), grouped(now));
            verdict.faults.push(format!("{}: {what} grew from {before} to {now} ({change})", row.name));
        }
    }
    let (before, now) = (known.counts.operations, row.counts.operations);
    if now * 100 < before * (100 - margin) {
        let change = change(before, now);
        verdict.warnings.push(format!("{}: operations fell ({change}): update the table", row.name));
    }
}

/// Writes a change as a percentage.
fn change(before: u64, now: u64) -> String {
    if before == 0 {
        return "new".to_owned();
    }
    format!("{:+.1} %", (now as f64 / before as f64 - 1.0) * 100.0)
}

/// Writes a number with separated thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

fn short(name: &str) -> &str {
    name.strip_prefix("proxy_").unwrap_or(name)
}

fn aligned(lines: &[[String; 9]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..9).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let first = format!("{:<1$}", line[0], widths[0]);
        let rest = line.iter().zip(&widths).skip(1).filter(|(_, width)| **width > 0);
        let rest: Vec<String> = rest.map(|(cell, width)| format!("{cell:>width$}")).collect();
        let _ = writeln!(text, "{}", format!("{first}  {}", rest.join("  ")).trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rustc: &str, operations: u64, calls: &[(&str, u64)]) -> Table {
        let calls = calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let counts = Counts { operations, allocations: 10, callbacks: 5, calls };
        Table { rustc: rustc.to_owned(), rows: vec![Row { name: "a call".to_owned(), counts }] }
    }

    #[test]
    fn growth_beyond_the_margin_is_a_fault() {
        let expected = table("1", 1_000, &[("proxy_log", 1)]);
        for (rustc, operations, calls, faults) in [
            ("1", 1_050, &[("proxy_log", 1)][..], 0),
            ("1", 1_051, &[("proxy_log", 1)], 1),
            ("1", 500, &[("proxy_log", 1)], 0),
            ("2", 1_150, &[("proxy_log", 1)], 0),
            ("2", 1_151, &[("proxy_log", 1)], 1),
            ("1", 1_000, &[], 0),
            // One fault by name and one in the sum.
            ("1", 1_000, &[("proxy_log", 2)], 2),
            ("1", 1_000, &[("proxy_done", 1), ("proxy_log", 1)], 2),
            ("1", 1_000, &[("proxy_done", 1)], 1),
        ] {
            let verdict = table(rustc, operations, calls).compare(&expected);
            assert_eq!(verdict.faults.len(), faults, "{rustc} {operations} {calls:?} {verdict:?}");
        }
    }

    #[test]
    fn a_row_in_only_one_table_is_a_fault() {
        let (full, empty) = (table("1", 1, &[]), Table { rustc: "1".to_owned(), rows: Vec::new() });
        assert_eq!(full.compare(&empty).faults, ["a call: not in the table"]);
        assert_eq!(empty.compare(&full).faults, ["a call: in the table but not measured"]);
    }

    #[test]
    fn a_written_table_reads_back_the_same() {
        let table = table("1.95.0", 1_234_567, &[("proxy_log", 1)]);
        assert_eq!(Table::read(&table.write()).unwrap(), table);
        assert!(table.show(None).contains("1,234,567"));
    }
}
