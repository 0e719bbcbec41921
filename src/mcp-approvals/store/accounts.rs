//! Local accounts, their invitations, and the shell tokens of people.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError};
use crate::secret;

/// How long an invitation is valid, in milliseconds: one week.
const INVITATION_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What a person may do, and with which approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Whether they may decide; otherwise they may only view
    pub approve: bool,
    /// Patterns of the servers they may see
    pub servers: Vec<String>,
    /// Patterns of the tools they may see
    pub tools: Vec<String>,
}

impl Permissions {
    /// Returns the permission to approve everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { approve: true, servers: vec!["*".to_owned()], tools: vec!["*".to_owned()] }
    }

    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let may: String = row.try_get("may")?;
        let (servers, tools): (String, String) = (row.try_get("servers")?, row.try_get("tools")?);
        // An unreadable list allows nothing.
        let list = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Ok(Self { approve: may == "approve", servers: list(&servers), tools: list(&tools) })
    }

    fn as_str(&self) -> &'static str {
        if self.approve { "approve" } else { "view" }
    }
}

/// An account with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of its owner
    pub name: String,
    /// The hash of the password, in PHC string format
    pub password: String,
    /// What its owner may do
    pub may: Permissions,
}

/// A link with which a person creates an account, or chooses a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The account's name; empty if the person may choose it
    pub name: String,
    /// The permissions that the account will have
    pub may: Permissions,
}

impl Store {
    /// Creates an invitation for `name`; with an empty `name` the person chooses it. Returns the
    /// invitation's secret, of which only the hash is stored.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn invite(&self, name: &str, may: &Permissions, now_ms: i64) -> Result<String, StoreError> {
        let secret = secret::fresh()?;
        let mut writing = self.write().await?;
        let past = "DELETE FROM invitations WHERE expires_ms <= $1";
        sqlx::query(past).bind(now_ms).execute(writing.connection()).await?;
        let insert = "INSERT INTO invitations (hash, name, may, servers, tools, expires_ms)
            VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(insert)
            .bind(secret::hash(&secret))
            .bind(name.to_owned())
            .bind(may.as_str())
            .bind(list(&may.servers))
            .bind(list(&may.tools))
            .bind(now_ms.saturating_add(INVITATION_MS))
            .execute(writing.connection())
            .await?;
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::Invited, fields, now_ms).await?;
        writing.commit().await?;
        Ok(secret)
    }

    /// Returns the invitation with this secret, if it is valid.
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

    /// Consumes the invitation with this secret, and creates the account `name` with the password hash
    /// `password`. An invitation for a named person also resets an existing account: it sets the password
    /// and the permissions, and ends all sessions and tokens.
    ///
    /// Returns `false` if the invitation is not valid, is for another name, or leaves the name open and
    /// this name is taken.
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
            .fetch_optional(writing.connection())
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
            .bind(may.as_str())
            .bind(list(&may.servers))
            .bind(list(&may.tools))
            .bind(now_ms)
            .execute(writing.connection())
            .await?;
        if made.rows_affected() != 1 {
            return Ok(false);
        }
        for ended in ["DELETE FROM sessions WHERE name = $1", "DELETE FROM tokens WHERE name = $1"] {
            sqlx::query(ended).bind(name.to_owned()).execute(writing.connection()).await?;
        }
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::AccountMade, fields, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Returns the account with this name.
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

    /// Deletes the account `name`, with its sessions, tokens and invitations. Returns `false` if there were
    /// none.
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
            let done = sqlx::query(statement).bind(name.to_owned()).execute(writing.connection()).await?;
            removed = removed.saturating_add(done.rows_affected());
        }
        if removed == 0 {
            return Ok(false);
        }
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::AccountRemoved, fields, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Returns whether there is an account, or a valid invitation to create one.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn has_accounts(&self, now_ms: i64) -> Result<bool, StoreError> {
        let any = "SELECT (SELECT COUNT(*) FROM accounts)
            + (SELECT COUNT(*) FROM invitations WHERE expires_ms > $1)";
        let count: i64 = sqlx::query(any).bind(now_ms).fetch_one(&self.pool).await?.try_get(0)?;
        Ok(count > 0)
    }

    /// Creates a shell token for the person `name` and returns it. Only its hash is stored.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn make_token(&self, name: &str, now_ms: i64) -> Result<String, StoreError> {
        let token = secret::fresh()?;
        let mut writing = self.write().await?;
        let insert = "INSERT INTO tokens (hash, name, created_ms) VALUES ($1, $2, $3)";
        let insert = sqlx::query(insert).bind(secret::hash(&token)).bind(name.to_owned()).bind(now_ms);
        insert.execute(writing.connection()).await?;
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::TokenMade, fields, now_ms).await?;
        writing.commit().await?;
        Ok(token)
    }

    /// Returns the name of the person who owns this token.
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
