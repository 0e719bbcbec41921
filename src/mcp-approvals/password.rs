//! Passwords: hashed with argon2id, and compared at the same price whether there is an account or not.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many are hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// The fewest characters of a password.
pub const SHORTEST: usize = 12;

/// The most bytes of a password.
pub const LONGEST: usize = 1024;

/// The hash of a password that nobody has, with the parameters of all others.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bWNwLWFwcHJvdmFscw$aa8REUR9o8PvoENH/6SBS91x9ynpSgHcgZfp7lmRKbI";

/// Hashing of passwords, a few at a time.
pub struct Passwords {
    places: Semaphore,
}

impl Passwords {
    /// Makes places for it.
    #[must_use]
    pub fn new() -> Self {
        Self { places: Semaphore::new(AT_ONCE) }
    }

    /// Hashes a new password, in PHC form; `None` where the machine cannot.
    pub async fn hash(&self, password: String) -> Option<String> {
        let _place = self.places.acquire().await.ok()?;
        spawn_blocking(move || {
            let mut salt = [0; 16];
            getrandom::fill(&mut salt).ok()?;
            let salt = SaltString::encode_b64(&salt).ok()?;
            Some(Argon2::default().hash_password(password.as_bytes(), &salt).ok()?.to_string())
        })
        .await
        .ok()?
    }

    /// Tells whether `password` is the one that hashes to `hash`; where there is no hash it is not, and
    /// that takes as long to tell.
    pub async fn verify(&self, password: String, hash: Option<String>) -> bool {
        if password.len() > LONGEST {
            return false;
        }
        let Ok(_place) = self.places.acquire().await else { return false };
        let verify = move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known
        };
        spawn_blocking(verify).await.unwrap_or(false)
    }
}

/// Says what a new password lacks, if anything.
///
/// # Errors
/// What would be right.
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
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned()).await;
        assert!(hash.as_ref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse".to_owned(), hash.clone()).await);
        assert!(!passwords.verify("correct house".to_owned(), hash).await);
    }

    #[tokio::test]
    async fn an_unknown_name_has_no_password_and_costs_as_much() {
        assert!(PasswordHash::new(NOBODYS).is_ok());
        assert!(!Passwords::new().verify("correct horse".to_owned(), None).await);
    }
}
