//! Slows down failed attempts to sign in, by account and by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// After how many failures of one account from one address pauses begin.
const FREE_PER_ACCOUNT_AND_ADDRESS: u32 = 5;

/// After how many failures of one account from all addresses pauses begin. The number is high enough that
/// others can hardly lock the owner out, and still slows an attacker who has many addresses.
const FREE_PER_ACCOUNT: u32 = 100;

/// After how many failures from one address pauses begin. Many people may share an address.
const FREE_PER_ADDRESS: u32 = 20;

/// The first pause, in milliseconds: longer than a slow machine takes to hash a password.
const FIRST_PAUSE_MS: i64 = 5000;

/// The longest pause, in milliseconds: an attacker must not lock anybody out permanently.
const MAX_PAUSE_MS: i64 = 5 * 60 * 1000;

/// After this time without a failure the count starts again, in milliseconds.
const FORGET_MS: i64 = 60 * 60 * 1000;

/// The most entries that are kept. A new one replaces the one that failed longest ago.
const MAX_ENTRIES: usize = 10_000;

/// Counts failed attempts to sign in. Its memory is bounded.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
}

/// What failures are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    AccountAndAddress(String, IpAddr),
    Account(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: i64,
}

impl Throttle {
    /// Registers an attempt for `account` from `address`. It counts as failed until
    /// [`succeeded`](Self::succeeded) is called, so that concurrent attempts cannot share one free failure.
    ///
    /// # Errors
    /// How many seconds must pass before the next attempt.
    pub fn take(&self, account: &str, address: IpAddr, now_ms: i64) -> Result<(), i64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, address) = (account.to_lowercase(), network(address));
        let keys = [
            (Key::AccountAndAddress(account.clone(), address), FREE_PER_ACCOUNT_AND_ADDRESS),
            (Key::Account(account), FREE_PER_ACCOUNT),
            (Key::Address(address), FREE_PER_ADDRESS),
        ];
        for (key, free) in &keys {
            let wait_ms = failures.get(key).map_or(0, |failed| failed.pause(*free, now_ms));
            if wait_ms > 0 {
                return Err(wait_ms.saturating_add(999).div_euclid(1000));
            }
        }
        for (key, _) in keys {
            if !failures.contains_key(&key) && failures.len() >= MAX_ENTRIES {
                let oldest = failures.iter().min_by_key(|(_, failed)| failed.last_ms);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    failures.remove(&oldest);
                }
            }
            let failed = failures.entry(key).or_insert(Failures { count: 0, last_ms: now_ms });
            let forgotten = now_ms.saturating_sub(failed.last_ms) > FORGET_MS;
            failed.count = if forgotten { 1 } else { failed.count.saturating_add(1) };
            failed.last_ms = now_ms;
        }
        Ok(())
    }

    /// Records that an attempt succeeded: forgets the account's failures, and takes one off the address's.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (account, address) = (account.to_lowercase(), network(address));
        failures.remove(&Key::AccountAndAddress(account.clone(), address));
        failures.remove(&Key::Account(account));
        if let Some(failed) = failures.get_mut(&Key::Address(address)) {
            failed.count = failed.count.saturating_sub(1);
        }
    }
}

impl Failures {
    /// Returns the remaining pause in milliseconds: five seconds after the last free failure, doubled for
    /// each one after that.
    fn pause(self, free: u32, now_ms: i64) -> i64 {
        let since_ms = now_ms.saturating_sub(self.last_ms);
        if self.count < free || since_ms > FORGET_MS {
            return 0;
        }
        let doublings = self.count.saturating_sub(free).min(20);
        let pause_ms = FIRST_PAUSE_MS.saturating_mul(1 << doublings).min(MAX_PAUSE_MS);
        pause_ms.saturating_sub(since_ms)
    }
}

/// Returns the address to count: of an IPv6 address only the /64 network, since one client has all of it.
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
        assert_eq!(throttle.take("alice", elsewhere, now_ms), Ok(()), "other addresses are not affected");
        throttle.succeeded("alice", HOME);
        assert_eq!(throttle.take("alice", HOME, now_ms), Ok(()));
    }

    #[test]
    fn an_account_runs_out_across_addresses() {
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
    fn a_poisoned_lock_is_still_used() {
        let throttle = Throttle::default();
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _failures = throttle.failures.lock().unwrap();
                panic!("on purpose");
            });
            holder.join().is_err()
        });
        assert!(panicked && throttle.failures.is_poisoned());
        assert_eq!(throttle.take("alice", HOME, 0), Ok(()));
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
        assert_eq!(throttle.failures.lock().unwrap().len(), MAX_ENTRIES);
    }
}
