//! See [`checks::reader`].
#![no_main]

use checks::{mutation, reader};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| reader::check(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutation::mutate(data, size, most, seed, reader::FRAGMENTS)
});
