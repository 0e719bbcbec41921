//! How often somebody may fail to sign in, by account and by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures of one account from one address that cost nothing.
const FREE_BOTH: u32 = 5;

/// Failures of one account, from wherever, that cost nothing: who fails elsewhere must not be able to keep its
/// owner out, and who has many addresses must not be able to go on for ever.
const FREE_ACCOUNT: u32 = 100;

/// Failures from one address that cost nothing: many people may share one.
const FREE_ADDRESS: u32 = 20;

/// The first pause, in milliseconds: longer than a slow machine takes to hash a password.
const FIRST_MS: i64 = 5000;

/// The longest pause, in milliseconds: an attacker must not lock anybody out for good.
const LONGEST_MS: i64 = 5 * 60 * 1000;

/// After how long without failures all is forgotten, in milliseconds.
const FORGOTTEN_MS: i64 = 60 * 60 * 1000;

/// How many accounts and addresses are remembered; the one that failed longest ago makes room.
const MOST: usize = 10_000;

/// Failures to sign in. Memory is bounded, whatever names and addresses come.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
}

/// Key failures they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Both(String, IpAddr),
    Account(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: i64,
}

impl Throttle {
    /// Takes one try for `account` from `address`, which counts as failed until
    /// [`succeeded`](Self::succeeded): tries that run at once cannot share one free place.
    ///
    /// # Errors
    /// How many seconds have to pass before the next try.
    pub fn take(&self, account: &str, address: IpAddr, now_ms: i64) -> Result<(), i64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, address) = (account.to_lowercase(), network(address));
        let keys = [
            (Key::Both(account.clone(), address), FREE_BOTH),
            (Key::Account(account), FREE_ACCOUNT),
            (Key::Address(address), FREE_ADDRESS),
        ];
        for (key, free) in &keys {
            let wait_ms = failures.get(key).map_or(0, |failed| failed.pause(*free, now_ms));
            if wait_ms > 0 {
                return Err(wait_ms.saturating_add(999).div_euclid(1000));
            }
        }
        for (key, _) in keys {
            let known = failures.contains_key(&key);
            if !known && failures.len() >= MOST {
                let oldest = failures.iter().min_by_key(|(_, failed)| failed.last_ms);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    failures.remove(&oldest);
                }
            }
            let failed = failures.entry(key).or_insert(Failures { count: 0, last_ms: now_ms });
            let forgotten = now_ms.saturating_sub(failed.last_ms) > FORGOTTEN_MS;
            failed.count = if forgotten { 1 } else { failed.count.saturating_add(1) };
            failed.last_ms = now_ms;
        }
        Ok(())
    }

    /// Notes that a try succeeded: the account's failures are forgotten, the address has one less.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, address) = (account.to_lowercase(), network(address));
        failures.remove(&Key::Both(account.clone(), address));
        failures.remove(&Key::Account(account));
        if let Some(failed) = failures.get_mut(&Key::Address(address)) {
            failed.count = failed.count.saturating_sub(1);
        }
    }
}

impl Failures {
    /// Returns how long to wait still: five seconds after the last free failure, then twice as long each time.
    fn pause(self, free: u32, now_ms: i64) -> i64 {
        let since_ms = now_ms.saturating_sub(self.last_ms);
        if self.count < free || since_ms > FORGOTTEN_MS {
            return 0;
        }
        let doublings = self.count.saturating_sub(free).min(20);
        let pause_ms = FIRST_MS.saturating_mul(1 << doublings).min(LONGEST_MS);
        pause_ms.saturating_sub(since_ms)
    }
}

/// An address as it is counted: whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(std::net::Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn after_five_failures_pauses_double_up_to_five_minutes() {
        let throttle = Throttle::default();
        let mut now_ms = 0;
        for _ in 0..5 {
            assert_eq!(throttle.take("alice", HOME, now_ms), Ok(()));
        }
        for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(throttle.take("Alice", HOME, now_ms), Err(seconds));
            now_ms += seconds * 1000;
            assert_eq!(throttle.take("alice", HOME, now_ms), Ok(()), "after {seconds} seconds");
        }
        let elsewhere = IpAddr::from([10, 0, 0, 7]);
        assert_eq!(throttle.take("alice", elsewhere, now_ms), Ok(()), "nobody keeps her out from elsewhere");
        throttle.succeeded("alice", HOME);
        assert_eq!(throttle.take("alice", HOME, now_ms), Ok(()));
    }

    #[test]
    fn who_has_many_addresses_does_not_go_on_for_ever() {
        let throttle = Throttle::default();
        let tries = (0..200_u32)
            .filter(|number| throttle.take("alice", IpAddr::from((number << 8).to_be_bytes()), 0).is_ok());
        assert_eq!(tries.count(), 100);
    }

    #[test]
    fn an_address_runs_out_across_accounts_and_an_ipv6_network_is_one_address() {
        let throttle = Throttle::default();
        for number in 0..20 {
            let address: IpAddr = format!("2001:db8::{number:x}").parse().unwrap();
            assert_eq!(throttle.take(&format!("name{number}"), address, 0), Ok(()));
        }
        assert_eq!(throttle.take("another", "2001:db8::ffff".parse().unwrap(), 0), Err(5));
        assert_eq!(throttle.take("another", HOME, 0), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..12_000_u32 {
            let _ = throttle.take(
                &format!("name{number}"),
                IpAddr::from(number.to_be_bytes()),
                i64::from(number),
            );
        }
        assert_eq!(throttle.failures.lock().unwrap().len(), MOST);
    }
}
