//! Local accounts, and the invitations and tokens that lead to them.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError};
use crate::secret;

/// How long an invitation stands, in milliseconds: a week.
const INVITATION_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// EventKind somebody may do with approvals, and with which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Whether they decide, rather than only look
    pub approve: bool,
    /// Patterns of the servers whose approvals they see
    pub servers: Vec<String>,
    /// Patterns of the tools
    pub tools: Vec<String>,
}

impl Permissions {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { approve: true, servers: vec!["*".to_owned()], tools: vec!["*".to_owned()] }
    }

    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let word: String = row.try_get("may")?;
        let (servers, tools): (String, String) = (row.try_get("servers")?, row.try_get("tools")?);
        // EventKind cannot be read allows nothing.
        let list = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Ok(Self { approve: word == "approve", servers: list(&servers), tools: list(&tools) })
    }

    fn word(&self) -> &'static str {
        if self.approve { "approve" } else { "view" }
    }
}

/// Somebody who signs in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Their name
    pub name: String,
    /// The hash of their password, in PHC form
    pub password: String,
    /// EventKind they may do
    pub may: Permissions,
}

/// A link with which somebody makes their account, or chooses a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// For whom it is; empty where they choose their name
    pub name: String,
    /// EventKind they will be allowed
    pub may: Permissions,
}

impl Store {
    /// Leaves an invitation for `name` (empty: whom it reaches chooses) and returns its secret, which
    /// nothing stores.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn invite(&self, name: &str, may: &Permissions, now_ms: i64) -> Result<String, StoreError> {
        let secret = secret::fresh()?;
        let mut writing = self.write().await?;
        let past = "DELETE FROM invitations WHERE expires_ms <= $1";
        sqlx::query(past).bind(now_ms).execute(writing.on()).await?;
        let insert = "INSERT INTO invitations (hash, name, may, servers, tools, expires_ms)
            VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(insert)
            .bind(secret::hash(&secret))
            .bind(name.to_owned())
            .bind(may.word())
            .bind(list(&may.servers))
            .bind(list(&may.tools))
            .bind(now_ms.saturating_add(INVITATION_MS))
            .execute(writing.on())
            .await?;
        let said = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::Invited, said, now_ms).await?;
        writing.commit().await?;
        Ok(secret)
    }

    /// Returns the invitation with this secret, if it stands.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn invitation(&self, secret: &str, now_ms: i64) -> Result<Option<Invitation>, StoreError> {
        let one = "SELECT name, may, servers, tools FROM invitations WHERE hash = $1 AND expires_ms > $2";
        let row = sqlx::query(one).bind(secret::hash(secret)).bind(now_ms).fetch_optional(&self.pool).await?;
        let read =
            |row: AnyRow| Ok(Invitation { name: row.try_get("name")?, may: Permissions::from_row(&row)? });
        row.map(read).transpose()
    }

    /// Uses up the invitation with this secret for an account named `name`, whose password hashes to
    /// `password`. `false` where the invitation does not stand, is another's, or invites whoever comes
    /// and the name is taken. An invitation by name gives an account that exists a new password and
    /// role, and ends its sessions and tokens.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn redeem(
        &self,
        secret: &str,
        name: &str,
        password: &str,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let take = "DELETE FROM invitations WHERE hash = $1 AND expires_ms > $2 AND (name = '' OR name = $3)
            RETURNING name, may, servers, tools";
        let row = sqlx::query(take)
            .bind(secret::hash(secret))
            .bind(now_ms)
            .bind(name.to_owned())
            .fetch_optional(writing.on())
            .await?;
        let Some(row) = row else { return Ok(false) };
        let invited: String = row.try_get("name")?;
        let may = Permissions::from_row(&row)?;
        let insert = if invited.is_empty() {
            "INSERT INTO accounts (name, password, may, servers, tools, created_ms)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING"
        } else {
            "INSERT INTO accounts (name, password, may, servers, tools, created_ms)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (name) DO UPDATE SET password = $2, may = $3, servers = $4, tools = $5"
        };
        let made = sqlx::query(insert)
            .bind(name.to_owned())
            .bind(password.to_owned())
            .bind(may.word())
            .bind(list(&may.servers))
            .bind(list(&may.tools))
            .bind(now_ms)
            .execute(writing.on())
            .await?;
        if made.rows_affected() != 1 {
            return Ok(false);
        }
        for ended in ["DELETE FROM sessions WHERE name = $1", "DELETE FROM tokens WHERE name = $1"] {
            sqlx::query(ended).bind(name.to_owned()).execute(writing.on()).await?;
        }
        let said = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::AccountMade, said, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Returns the account of this name.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let one = "SELECT name, password, may, servers, tools FROM accounts WHERE name = $1";
        let row = sqlx::query(one).bind(name.to_owned()).fetch_optional(&self.pool).await?;
        let read = |row: AnyRow| {
            let (name, password) = (row.try_get("name")?, row.try_get("password")?);
            Ok(Account { name, password, may: Permissions::from_row(&row)? })
        };
        row.map(read).transpose()
    }

    /// Removes the account of this name, with its sessions, tokens and invitations; `false` where
    /// there is nothing of that name.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn remove_account(&self, name: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let mut removed = 0_u64;
        for statement in [
            "DELETE FROM accounts WHERE name = $1",
            "DELETE FROM sessions WHERE name = $1",
            "DELETE FROM tokens WHERE name = $1",
            "DELETE FROM invitations WHERE name = $1",
        ] {
            let done = sqlx::query(statement).bind(name.to_owned()).execute(writing.on()).await?;
            removed = removed.saturating_add(done.rows_affected());
        }
        if removed == 0 {
            return Ok(false);
        }
        let said = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::AccountRemoved, said, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Tells whether there is an account or an invitation to make one.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn has_accounts(&self, now_ms: i64) -> Result<bool, StoreError> {
        let any = "SELECT (SELECT COUNT(*) FROM accounts)
            + (SELECT COUNT(*) FROM invitations WHERE expires_ms > $1)";
        let count: i64 = sqlx::query(any).bind(now_ms).fetch_one(&self.pool).await?.try_get(0)?;
        Ok(count > 0)
    }

    /// Makes a token for the shell of the person `name`, and returns it; nothing stores it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn make_token(&self, name: &str, now_ms: i64) -> Result<String, StoreError> {
        let token = secret::fresh()?;
        let mut writing = self.write().await?;
        let insert = "INSERT INTO tokens (hash, name, created_ms) VALUES ($1, $2, $3)";
        let insert = sqlx::query(insert).bind(secret::hash(&token)).bind(name.to_owned()).bind(now_ms);
        insert.execute(writing.on()).await?;
        let said = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::TokenMade, said, now_ms).await?;
        writing.commit().await?;
        Ok(token)
    }

    /// Returns whose token this is.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn token_owner(&self, token: &str) -> Result<Option<String>, StoreError> {
        let one = "SELECT name FROM tokens WHERE hash = $1";
        let row = sqlx::query(one).bind(secret::hash(token)).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}

/// Writes a list as a JSON array.
fn list(patterns: &[String]) -> String {
    serde_json::to_string(patterns).unwrap_or_default()
}
