//! Passwords, hashed with argon2id. Checking a password takes equally long whether the account exists or
//! not.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many passwords are hashed at once. Each takes 19 MiB and a core.
const CONCURRENT: usize = 2;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;

/// The most bytes of a password.
pub const LONGEST: usize = 1024;

/// The hash of an unknown random password, with the same parameters as all others.
const UNKNOWN_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bWNwLWFwcHJvdmFscw$aa8REUR9o8PvoENH/6SBS91x9ynpSgHcgZfp7lmRKbI";

/// Hashes passwords, a few at a time.
pub struct Passwords {
    permits: Semaphore,
}

impl Passwords {
    /// Creates the pool.
    #[must_use]
    pub fn new() -> Self {
        Self { permits: Semaphore::new(CONCURRENT) }
    }

    /// Hashes a new password, in PHC string format; `None` if the system fails.
    pub async fn hash(&self, password: String) -> Option<String> {
        let _permit = self.permits.acquire().await.ok()?;
        spawn_blocking(move || {
            let mut salt = [0; 16];
            getrandom::fill(&mut salt).ok()?;
            let salt = SaltString::encode_b64(&salt).ok()?;
            Some(Argon2::default().hash_password(password.as_bytes(), &salt).ok()?.to_string())
        })
        .await
        .ok()?
    }

    /// Returns whether `password` has the hash `hash`. Without a hash this is `false`, after the same time.
    pub async fn verify(&self, password: String, hash: Option<String>) -> bool {
        if password.len() > LONGEST {
            return false;
        }
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let verify = move || {
            let exists = hash.is_some();
            let hash = hash.unwrap_or_else(|| UNKNOWN_PASSWORD.to_owned());
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && exists
        };
        spawn_blocking(verify).await.unwrap_or(false)
    }
}

/// Checks a new password.
///
/// # Errors
/// What the password must be.
pub fn check(password: &str) -> Result<(), &'static str> {
    if password.chars().count() < SHORTEST {
        return Err("a password must have 12 characters or more");
    }
    if password.len() > LONGEST { Err("a password must have 1024 bytes or fewer") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_only_its_own_hash() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned()).await;
        assert!(hash.as_ref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse".to_owned(), hash.clone()).await);
        assert!(!passwords.verify("correct house".to_owned(), hash).await);
    }

    #[tokio::test]
    async fn without_an_account_no_password_matches() {
        assert!(PasswordHash::new(UNKNOWN_PASSWORD).is_ok());
        assert!(!Passwords::new().verify("correct horse".to_owned(), None).await);
    }
}
