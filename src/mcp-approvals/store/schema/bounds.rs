//! What bounds the size of the database: quotas of callers, and the deletion of old questions.

/// What this version adds, in both engines.
pub(super) const UPGRADE: &[&str] = &[
    // The caller that asked: an Envoy, by name.
    "ALTER TABLE approvals ADD COLUMN asked_by TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX approvals_by_asker ON approvals (asked_by, status)",
    // A digest of the server, the grant and the principal, because an index holds no long texts.
    "ALTER TABLE approvals ADD COLUMN made_by TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX approvals_by_maker ON approvals (made_by, decided_ms)",
    // What each caller added, by minute.
    "CREATE TABLE caller_use (
        caller TEXT NOT NULL, minute BIGINT NOT NULL, questions BIGINT NOT NULL, bytes BIGINT NOT NULL,
        PRIMARY KEY (caller, minute))",
    // While a transaction deletes old questions, those that expired before this time may be deleted. Outside
    // of such a transaction it is 0, so nothing may.
    "CREATE TABLE deletion (one BIGINT PRIMARY KEY CHECK (one = 1), before_ms BIGINT NOT NULL)",
    "INSERT INTO deletion (one, before_ms) VALUES (1, 0)",
];

/// The triggers of this version: SQLite.
pub(super) const UPGRADE_SQLITE: &[&str] = &[
    "DROP TRIGGER approvals_remain",
    "CREATE TRIGGER approvals_remain BEFORE DELETE ON approvals
     WHEN OLD.status NOT IN ('consumed', 'expired')
        OR OLD.expires_ms > COALESCE((SELECT MAX(before_ms) FROM deletion), 0)
     BEGIN SELECT RAISE(ABORT, 'what was asked stands'); END",
    "DROP TRIGGER events_remain",
    // An event goes with its approval, never alone.
    "CREATE TRIGGER events_remain BEFORE DELETE ON events
     WHEN OLD.approval_id = '' OR COALESCE((SELECT MAX(before_ms) FROM deletion), 0) = 0
        OR EXISTS (SELECT 1 FROM approvals WHERE id = OLD.approval_id)
     BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
];

/// The triggers of this version: PostgreSQL.
pub(super) const UPGRADE_POSTGRES: &[&str] = &[
    "CREATE FUNCTION approvals_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.status NOT IN ('consumed', 'expired')
            OR OLD.expires_ms > COALESCE((SELECT MAX(before_ms) FROM deletion), 0)
        THEN RAISE EXCEPTION 'what was asked stands'; END IF;
        RETURN OLD;
     END $$",
    "DROP TRIGGER approvals_remain ON approvals",
    "CREATE TRIGGER approvals_remain BEFORE DELETE ON approvals
     FOR EACH ROW EXECUTE FUNCTION approvals_keep()",
    "CREATE TRIGGER approvals_whole BEFORE TRUNCATE ON approvals
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
    "CREATE FUNCTION events_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.approval_id = '' OR COALESCE((SELECT MAX(before_ms) FROM deletion), 0) = 0
            OR EXISTS (SELECT 1 FROM approvals WHERE id = OLD.approval_id)
        THEN RAISE EXCEPTION 'events are append-only'; END IF;
        RETURN OLD;
     END $$",
    "DROP TRIGGER events_stay ON events",
    "CREATE TRIGGER events_stay BEFORE UPDATE OR TRUNCATE ON events
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
    "CREATE TRIGGER events_remain BEFORE DELETE ON events
     FOR EACH ROW EXECUTE FUNCTION events_keep()",
];
