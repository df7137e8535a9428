//! Whether there is something to serve in this database, and whether this worker may.

use super::{DbError, Statement, transaction};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

/// What the catalogs say of the extension in this database.
pub enum Installation {
    Absent,
    /// Of another version than the loaded library.
    Other {
        version: String,
    },
    /// Fits; the schema that its functions are in, quoted, and the role that owns its tables.
    Fits {
        schema: String,
        role: pg_sys::Oid,
    },
    /// The role `voice_worker` does not exist.
    MissingRole,
}

/// Looks at the catalogs as the session's own user: nothing here can run anybody's code.
pub fn installation() -> Result<Installation, DbError> {
    transaction("voice_analytics: looking for the extension", pg_sys::InvalidOid, |client| {
        let rows = client.select(include_str!("../../sql/queries/installation.sql"), None, &[])?;
        let Some(row) = rows.into_iter().next() else { return Ok(Installation::Absent) };
        let version: String = row.get(1)?.unwrap_or_default();
        if version != env!("CARGO_PKG_VERSION") {
            return Ok(Installation::Other { version });
        }
        Ok(match (row.get::<String>(2)?, row.get::<pg_sys::Oid>(3)?) {
            (Some(schema), Some(role)) => Installation::Fits { schema, role },
            _ => Installation::MissingRole,
        })
    })
}

/// May the worker act on this database's data?
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    Open,
    Paused(String),
    /// A restored copy: not the instance that its data belongs to.
    RestoredCopy,
}

/// Part of every transaction of the worker, so that a pause or a restore counts at once.
pub fn admission(client: &mut SpiClient<'_>) -> Result<Admission, DbError> {
    thread_local! {
        static GATE: Statement = const { Statement::for_worker(include_str!("../../sql/queries/gate.sql"), &[]) };
    }
    GATE.with(|statement| {
        let rows = statement.run(client, &[])?;
        let Some(row) = rows.into_iter().next() else { return Ok(Admission::RestoredCopy) };
        Ok(match (row.get::<bool>(1)?, row.get::<bool>(2)?) {
            (Some(true), Some(true)) => Admission::Paused(row.get(3)?.unwrap_or_default()),
            (Some(true), _) => Admission::Open,
            _ => Admission::RestoredCopy,
        })
    })
}

/// Triggers that others have put on the tables that are written when a result is stored, as text.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn foreign_triggers(client: &mut SpiClient<'_>) -> Result<Option<String>, DbError> {
    Ok(client.select(include_str!("../../sql/queries/foreign_triggers.sql"), Some(1), &[])?.first().get(1)?)
}

/// Whether the tables the worker needs are all there: during a restore they come one by one.
pub fn tables_exist(client: &mut SpiClient<'_>) -> Result<bool, DbError> {
    let mut rows = client.select(include_str!("../../sql/queries/complete.sql"), None, &[])?;
    Ok(rows.next().and_then(|row| row.get::<bool>(1).ok().flatten()).unwrap_or(false))
}

/// Begins a new epoch. What the epochs before it have leased is to be taken back.
pub fn begin_epoch(client: &mut SpiClient<'_>) -> Result<i64, DbError> {
    let mut rows = client.update(include_str!("../../sql/queries/begin_epoch.sql"), None, &[])?;
    Ok(rows.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(0))
}

/// Keeps the names of pinned roles true (`sql/schema/pin.sql`).
pub fn sync_role_names(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    client.update(include_str!("../../sql/queries/sync_role_names.sql"), None, &[])?;
    Ok(())
}

/// Locks the tables that calls are read from, in the order of `voice._lock_partitioned_tables()`, and before any job.
pub fn lock_tables(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    thread_local! {
        static LOCK: Statement = const { Statement::for_session(include_str!("../../sql/queries/lock_tables.sql"), &[]) };
    }
    LOCK.with(|s| s.run(client, &[]).map(drop))
}

/// This database's own settings (`ALTER DATABASE … SET voice_analytics.…`), as `name=value`.
pub fn database_settings(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    let rows = client.select(include_str!("../../sql/queries/database_settings.sql"), None, &[])?;
    let mut found = Vec::new();
    for row in rows {
        found.extend(row.get::<String>(1)?);
    }
    Ok(found)
}

#[cfg(feature = "pg_test")]
#[pg_schema]
mod tests {
    use super::{Admission, admission, begin_epoch, database_settings, tables_exist};
    use crate::db::limits;
    use crate::pg_test::value;
    use pgrx::prelude::*;
    use voice_core::quota::TenantLimitOverride;

    fn admitted() -> Admission {
        Spi::connect_mut(admission).expect("admission")
    }

    #[pg_test]
    fn a_new_installation_is_open_a_paused_one_says_why_and_a_copy_is_one() {
        assert_eq!(admitted(), Admission::Open);
        Spi::run("SELECT voice_pause('a reason')").expect("pause");
        assert_eq!(admitted(), Admission::Paused("a reason".to_owned()));
        Spi::run("SELECT voice_resume()").expect("resume");
        assert_eq!(admitted(), Admission::Open);
        Spi::run("TRUNCATE voice._state").expect("as a restored copy begins");
        assert_eq!(admitted(), Admission::RestoredCopy);
    }

    #[pg_test]
    fn each_epoch_is_above_the_one_before() {
        let first = Spi::connect_mut(begin_epoch).expect("an epoch");
        assert!(Spi::connect_mut(begin_epoch).expect("another") > first);
    }

    #[pg_test]
    fn one_table_missing_is_not_all_of_them() {
        assert!(Spi::connect_mut(tables_exist).expect("a look"));
        Spi::run("DROP TABLE voice.attempt").expect("half of a restore");
        assert!(!Spi::connect_mut(tables_exist).expect("a look"));
    }

    #[pg_test]
    fn limits_of_tenants_are_read_as_they_were_set() {
        Spi::run("SELECT voice_limit_tenant('acme', 3), voice_limit_tenant('trial', requests_per_minute => 0)")
            .expect("limits");
        let mut limits = Spi::connect_mut(limits::read).expect("limits");
        limits.sort_by(|a, b| a.0.cmp(&b.0));
        let limit = |max_concurrency, requests_per_minute| TenantLimitOverride {
            max_concurrency,
            requests_per_minute,
            budget: None,
        };
        assert_eq!(limits, [("acme".to_owned(), limit(Some(3), None)), ("trial".to_owned(), limit(None, Some(0)))]);
    }

    #[pg_test]
    fn the_databases_own_settings_are_read_and_no_other() {
        let database: String = value("SELECT current_database()::text").expect("its name");
        Spi::run(&format!("ALTER DATABASE {database} SET voice_analytics.max_attempts = 9; ALTER DATABASE {database} SET work_mem = '1MB'"))
            .expect("settings");
        assert_eq!(Spi::connect_mut(database_settings).expect("settings"), ["voice_analytics.max_attempts=9"]);
    }
}
