//! See [`checks::sse`].
#![no_main]

use checks::{mutation, shown, sse};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| sse::check(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutation::mutate_event(data, size, most, seed, shown::FRAGMENTS)
});
