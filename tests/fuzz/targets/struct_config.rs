//! See [`checks::struct_config`].
#![no_main]

use checks::{document, mutation, struct_config};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| struct_config::check(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutation::mutate(data, size, most, seed, document::FRAGMENTS)
});
