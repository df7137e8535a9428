//! The secrets of those who send calls, read and written as `voice_worker` for one tenant.

use super::{DbError, Statement};
use crate::host::user;
use pgrx::datum::Interval;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static SECRET: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/receive_secret.sql"), &[TEXTOID, TEXTOID]) };
    static SET: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/set_receive_secret.sql"),
            &[TEXTOID, TEXTOID, TEXTOID, INTERVALOID],
        )
    };
    static REMOVE: Statement = const {
        Statement::for_session(include_str!("../../sql/queries/remove_receive_secret.sql"), &[TEXTOID, TEXTOID])
    };
}

/// The secret, and the one before while both are taken.
pub fn secrets(tenant: &str, format: &str) -> Result<Vec<String>, DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            let rows = SECRET.with(|s| s.run(client, &[tenant.into(), format.into()]))?;
            let secrets = rows.map(|row| row.get(1)).collect::<Result<Vec<Option<String>>, _>>()?;
            Ok(secrets.into_iter().flatten().collect())
        })
    })
}

/// `None` removes it. `overlap`: how long the one before is taken too.
pub fn set_secret(tenant: &str, format: &str, secret: Option<&str>, overlap: Option<Interval>) -> Result<(), DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| match secret {
            Some(secret) => {
                SET.with(|s| s.run(client, &[tenant.into(), format.into(), secret.into(), overlap.into()]).map(drop))
            }
            None => REMOVE.with(|s| s.run(client, &[tenant.into(), format.into()]).map(drop)),
        })
    })
}
