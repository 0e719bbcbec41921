//! How often each verdict occurred, for each of many names.

use std::collections::HashMap;

/// How many names are counted apart.
const MOST: usize = 10_000;

/// How requests were decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Forwarded
    pub allowed: u64,
    /// Refused
    pub refused: u64,
    /// Forwarded only because of shadow mode
    pub would_deny: u64,
}

impl Verdicts {
    /// Counts a decision as the record has it.
    pub fn add(&mut self, decision: &str) {
        let count = match decision {
            "allow" => &mut self.allowed,
            "would_deny" => &mut self.would_deny,
            _ => &mut self.refused,
        };
        *count = count.saturating_add(1);
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: Self) {
        self.allowed = self.allowed.saturating_add(other.allowed);
        self.refused = self.refused.saturating_add(other.refused);
        self.would_deny = self.would_deny.saturating_add(other.would_deny);
    }

    /// Returns how many there are in all.
    pub fn all(self) -> u64 {
        self.allowed.saturating_add(self.refused).saturating_add(self.would_deny)
    }

    /// Returns how many were refused, or would have been.
    pub fn against(self) -> u64 {
        self.refused.saturating_add(self.would_deny)
    }
}

/// The verdicts by name. Names beyond a number are counted together.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    rows: HashMap<String, Verdicts>,
    others: Verdicts,
}

/// The first rows of a ranking.
#[derive(Debug, Clone, Default)]
pub struct Top {
    /// The names with the most refusals
    pub rows: Vec<(String, Verdicts)>,
    /// How many more names were refused, and how often
    pub more: (usize, u64),
    /// What was counted together because there were too many names
    pub others: Verdicts,
}

impl Ranking {
    /// Counts a decision for a name.
    pub fn add(&mut self, name: &str, decision: &str) {
        if let Some(row) = self.rows.get_mut(name) {
            row.add(decision);
        } else if self.rows.len() < MOST {
            let mut row = Verdicts::default();
            row.add(decision);
            self.rows.insert(name.to_owned(), row);
        } else {
            self.others.add(decision);
        }
    }

    /// Returns the names that were refused most.
    pub fn top(&self, most: usize) -> Top {
        let mut rows: Vec<_> = self.rows.iter().filter(|(_, row)| row.against() > 0).collect();
        rows.sort_by(|(a, x), (b, y)| y.against().cmp(&x.against()).then_with(|| a.cmp(b)));
        let rest = rows.split_off(most.min(rows.len()));
        Top {
            more: (rest.len(), rest.iter().map(|(_, row)| row.against()).sum()),
            rows: rows.into_iter().map(|(name, row)| (name.clone(), *row)).collect(),
            others: self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ranked_by_refusals_and_none_is_lost() {
        let mut ranking = Ranking::default();
        for number in 0..MOST + 5 {
            ranking.add(&number.to_string(), if number % 2 == 0 { "deny" } else { "allow" });
        }
        ranking.add("7", "would_deny");
        ranking.add("4", "deny");
        let top = ranking.top(2);
        let names: Vec<_> = top.rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["4", "0"]);
        assert_eq!(top.more, (MOST / 2 + 1 - 2, 4999));
        assert_eq!(top.others, Verdicts { allowed: 2, refused: 3, would_deny: 0 });
    }
}
