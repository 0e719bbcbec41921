//! See [`checks::lists`].
#![no_main]

use checks::{lists, mutation, shown};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| lists::check(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutation::mutate(data, size, most, seed, shown::FRAGMENTS)
});
