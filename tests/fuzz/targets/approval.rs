//! See [`checks::approval`].
#![no_main]

use checks::{approval, mutation};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| approval::check(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutation::mutate_behind_line(data, size, most, seed, approval::FRAGMENTS)
});
