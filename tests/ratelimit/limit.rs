//! Counting in fixed windows: the name of a counter, and the answer for what stands in it.
//!
//! Windows are aligned to the epoch, in UTC. Each descriptor is judged by itself: what it adds is added first
//! and compared then. So what was refused has been added too, and no more than the limit ever passes.

use prost_types::Duration;

use crate::messages::{Code, Descriptor, Limit, Request, Response, Status};

/// A descriptor with a limit: the counter in the store, and what is added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The name of the counter
    pub key: String,
    /// What is added
    pub hits: u64,
    /// How long one window is, in seconds
    pub window: u64,
}

/// A unit that the reference implementation cannot divide time into; it crashes.
#[derive(Debug)]
pub struct UnknownUnit(pub i32);

/// Returns the length of a unit in seconds: second, minute, hour, day, month of 30 days, year of 365 days, week.
pub fn seconds(unit: i32) -> Result<u64, UnknownUnit> {
    const DAY: u64 = 86_400;
    match unit {
        1 => Ok(1),
        2 => Ok(60),
        3 => Ok(3_600),
        4 => Ok(DAY),
        5 => Ok(30 * DAY),
        6 => Ok(365 * DAY),
        7 => Ok(7 * DAY),
        _ => Err(UnknownUnit(unit)),
    }
}

/// Builds the charge of a descriptor: `domain_key_value_…_begin of the window`.
///
/// A descriptor's own `hits_addend` counts even if it is 0. Without one, the request's does, and there 0 means 1.
pub fn charge(
    request: &Request,
    descriptor: &Descriptor,
    limit: Limit,
    now: u64,
) -> Result<Charge, UnknownUnit> {
    let window = seconds(limit.unit)?;
    let entries = descriptor.entries.iter().map(|entry| format!("{}_{}_", entry.key, entry.value));
    let key = format!("{}_{}{}", request.domain, entries.collect::<String>(), now / window * window);
    let hits = descriptor.hits_addend.unwrap_or(u64::from(request.hits_addend.max(1)));
    Ok(Charge { key, hits, window })
}

/// Builds the status of a descriptor; `after` is what its counter contains now.
pub fn status(limit: Limit, after: u64, now: u64) -> Result<Status, UnknownUnit> {
    let window = seconds(limit.unit)?;
    let remaining = u64::from(limit.requests_per_unit).checked_sub(after);
    let code = if remaining.is_some() { Code::Ok } else { Code::OverLimit };
    Ok(Status {
        code: code.into(),
        current_limit: Some(limit),
        limit_remaining: remaining.unwrap_or(0) as u32,
        duration_until_reset: Some(Duration { seconds: (window - now % window) as i64, nanos: 0 }),
    })
}

/// Builds the status of a descriptor without a limit.
pub fn unlimited() -> Status {
    Status { code: Code::Ok.into(), ..Status::default() }
}

/// Builds the response from its statuses.
pub fn response(statuses: Vec<Status>) -> Response {
    let over = statuses.iter().any(|status| status.code() == Code::OverLimit);
    Response { overall_code: if over { Code::OverLimit } else { Code::Ok }.into(), statuses }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Entry;

    const HOUR: i32 = 3;

    fn request(hits: u32, own: Option<u64>) -> Request {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        let entries = vec![entry("tally", "ab"), entry("grant", "cd")];
        let descriptor = Descriptor { entries, limit: None, hits_addend: own };
        Request { domain: "shop".into(), descriptors: vec![descriptor], hits_addend: hits }
    }

    #[test]
    fn a_counter_is_named_by_domain_entries_and_the_begin_of_the_window() {
        for (unit, now, expected) in [
            (1, 1_000_000_001, "shop_tally_ab_grant_cd_1000000001"),
            (2, 1_000_000_001, "shop_tally_ab_grant_cd_999999960"),
            (3, 3_599, "shop_tally_ab_grant_cd_0"),
            (3, 3_600, "shop_tally_ab_grant_cd_3600"),
            (4, 1_000_000_001, "shop_tally_ab_grant_cd_999993600"),
        ] {
            let request = request(0, None);
            let limit = Limit { requests_per_unit: 1, unit };
            let charge = charge(&request, &request.descriptors[0], limit, now).unwrap();
            assert_eq!(charge.key, expected);
        }
    }

    #[test]
    fn a_descriptor_adds_its_own_hits_or_the_requests_and_at_least_one_of_those() {
        for (hits, own, expected) in [
            (0, None, 1),
            (1, None, 1),
            (7, None, 7),
            (7, Some(0), 0),
            (0, Some(0), 0),
            (7, Some(1 << 40), 1 << 40),
        ] {
            let request = request(hits, own);
            let limit = Limit { requests_per_unit: 1, unit: HOUR };
            let charge = charge(&request, &request.descriptors[0], limit, 0).unwrap();
            assert_eq!(charge.hits, expected, "{hits} {own:?}");
        }
    }

    #[test]
    fn a_status_compares_what_the_counter_contains_after_the_charge() {
        for (max, after, now, code, remaining, reset) in [
            (10, 1, 0, Code::Ok, 9, 3_600),
            (10, 10, 3_599, Code::Ok, 0, 1),
            (10, 11, 3_600, Code::OverLimit, 0, 3_600),
            (0, 0, 1, Code::Ok, 0, 3_599),
            (0, 1, 1, Code::OverLimit, 0, 3_599),
            (u32::MAX, 1 << 40, 1, Code::OverLimit, 0, 3_599),
        ] {
            let limit = Limit { requests_per_unit: max, unit: HOUR };
            let status = status(limit, after, now).unwrap();
            assert_eq!((status.code(), status.limit_remaining), (code, remaining), "{max} {after}");
            assert_eq!(status.current_limit, Some(limit));
            assert_eq!(status.duration_until_reset.unwrap().seconds, reset);
        }
    }

    #[test]
    fn a_response_is_over_the_limit_if_one_status_is() {
        let limit = Limit { requests_per_unit: 1, unit: HOUR };
        let [within, over] = [1, 2].map(|after| status(limit, after, 0).unwrap());
        for (statuses, expected) in [
            (vec![within.clone(), unlimited()], Code::Ok),
            (vec![within, over.clone()], Code::OverLimit),
            (vec![over, unlimited()], Code::OverLimit),
        ] {
            assert_eq!(response(statuses).overall_code(), expected);
        }
    }

    #[test]
    fn a_unit_without_a_length_is_an_error() {
        for unit in [0, 8, -1] {
            let limit = Limit { requests_per_unit: 1, unit };
            assert!(status(limit, 0, 0).is_err(), "{unit}");
        }
    }
}
