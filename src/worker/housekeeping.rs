//! What the worker does beside its jobs: months ahead, and settings made for its database.

use crate::db::{state, transaction};
use crate::host::process;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Months are made long before they are needed; an hour is often.
const MONTHS: Duration = Duration::from_secs(3600);

pub struct Housekeeping {
    /// Of the extension's functions, quoted.
    schema: String,
    months_at: Instant,
    /// `ALTER DATABASE … SET`, as last applied.
    settings: Vec<String>,
    /// One of them was taken away: only a new connection knows what is in force without it.
    pub wants_restart: bool,
    error: Option<String>,
}

impl Housekeeping {
    pub fn new(schema: String) -> Self {
        let mut new =
            Housekeeping { schema, months_at: Instant::now(), settings: Vec::new(), wants_restart: false, error: None };
        new.follow_settings();
        new
    }

    /// When it wants to be called again at the latest.
    pub fn next(&self) -> Instant {
        self.months_at
    }

    pub fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    /// Creates partitions that are missing, if it is time to look.
    pub fn keep_months_ahead(&mut self, role: pg_sys::Oid, months: i32) {
        if self.months_at > Instant::now() {
            return;
        }
        self.months_at = Instant::now() + MONTHS;
        let made = transaction("voice_analytics: creating partitions ahead", role, |client| {
            state::keep_months_ahead(client, &self.schema, months)
        });
        match made {
            Ok(names) if names.is_empty() => {}
            Ok(names) => log!("voice_analytics: created partitions {}", names.join(", ")),
            Err(e) => self.error = Some(format!("creating partitions: {}", e.message)),
        }
    }

    /// Applies settings made for this database since the last look.
    pub fn follow_settings(&mut self) {
        let doing = "voice_analytics: reading the database's settings";
        let now = match transaction(doing, pg_sys::InvalidOid, state::database_settings) {
            Ok(now) => now,
            Err(e) => return self.error = Some(e.message),
        };
        for setting in now.iter().filter(|s| !self.settings.contains(s)) {
            if let Some((name, value)) = setting.split_once('=') {
                process::apply_database_setting(name, value);
            }
        }
        let name = |s: &String| s.split('=').next().unwrap_or_default().to_owned();
        let kept: Vec<String> = now.iter().map(name).collect();
        self.wants_restart |= self.settings.iter().map(name).any(|n| !kept.contains(&n));
        self.settings = now;
    }
}
