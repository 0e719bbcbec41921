//! See [`checks::rate_limit`].
#![no_main]

use checks::rate_limit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rate_limit::check(bytes));
