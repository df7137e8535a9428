//! The secrets of those who send calls, read and written as `voice_worker` for one tenant.

use super::{DbError, Statement};
use crate::host::user;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static SECRET: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/receive_secret.sql"), &[TEXTOID, TEXTOID]) };
    static SET: Statement = const {
        Statement::for_session(include_str!("../../sql/queries/set_receive_secret.sql"), &[TEXTOID, TEXTOID, TEXTOID])
    };
    static REMOVE: Statement = const {
        Statement::for_session(include_str!("../../sql/queries/remove_receive_secret.sql"), &[TEXTOID, TEXTOID])
    };
}

pub fn secret(tenant: &str, format: &str) -> Result<Option<String>, DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            let mut rows = SECRET.with(|s| s.run(client, &[tenant.into(), format.into()]))?;
            Ok(rows.next().map(|row| row.get(1)).transpose()?.flatten())
        })
    })
}

/// `None` removes it.
pub fn set_secret(tenant: &str, format: &str, secret: Option<&str>) -> Result<(), DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| match secret {
            Some(secret) => SET.with(|s| s.run(client, &[tenant.into(), format.into(), secret.into()]).map(drop)),
            None => REMOVE.with(|s| s.run(client, &[tenant.into(), format.into()]).map(drop)),
        })
    })
}
