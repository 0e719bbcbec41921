//! Secrets: generated at random, stored as hashes, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Generates a secret of 64 hex digits (32 random bytes).
///
/// # Errors
/// The operating system's random number generator failed.
pub fn fresh() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Generates an id of 32 hex digits (16 random bytes).
///
/// # Errors
/// The operating system's random number generator failed.
pub fn id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Returns the SHA-256 of a text, 64 hex digits. This is stored in place of a secret.
#[must_use]
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Returns the HMAC-SHA-256 of a text under a key, 64 hex digits.
#[must_use]
pub fn mac(key: &str, text: &str) -> String {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// Returns whether two texts are equal and not empty. The time depends only on their lengths.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    let differences = left.bytes().zip(right.bytes()).fold(0, |all, (left, right)| all | (left ^ right));
    left.len() == right.len() && !left.is_empty() && std::hint::black_box(differences) == 0
}

/// Writes bytes as lower-case hex digits.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |number: u8| DIGITS.get(usize::from(number)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_sha_256_and_hmac() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            mac("key", "The quick brown fox jumps over the lazy dog"),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
    }

    #[test]
    fn only_equal_texts_that_are_not_empty_match() {
        for (left, right, same_) in [("a", "a", true), ("a", "b", false), ("a", "ab", false), ("", "", false)]
        {
            assert_eq!(same(left, right), same_, "{left} {right}");
        }
        assert_ne!(fresh().unwrap(), fresh().unwrap());
        assert_eq!(id().unwrap().len(), 32);
    }
}
