//! Quotas: what each caller may add to the database.

use super::Faults;
use super::table::Keys;

/// What each caller may add to the database. All callers with one name share one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// The most questions that wait for a decision at a time
    pub open: u32,
    /// The most new questions in a minute
    pub new_per_minute: u32,
    /// The most arguments and other text of new questions in an hour, in MiB
    pub megabytes_per_hour: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { open: 1000, new_per_minute: 300, megabytes_per_hour: 64 }
    }
}

/// Reads the table `[quotas]`.
pub(super) fn read(mut keys: Keys<'_>, faults: &mut Faults) -> Quotas {
    let absent = Quotas::default();
    let quotas = Quotas {
        open: keys.count("open", faults).unwrap_or(absent.open),
        new_per_minute: keys.count("new_per_minute", faults).unwrap_or(absent.new_per_minute),
        megabytes_per_hour: keys.count("megabytes_per_hour", faults).unwrap_or(absent.megabytes_per_hour),
    };
    keys.close(faults);
    quotas
}
