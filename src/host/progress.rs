//! How far an import is, in the server's own book of progress, where monitoring looks and which a transaction that
//! fails clears by itself: a row of `pg_stat_progress_copy`, of table `voice.call`. `voice_progress()` reads it.
#![allow(unsafe_code)] // the book belongs to Postgres

use crate::host::clock;
use pgrx::pg_sys;

/// Beside what COPY uses (`commands/progress.h`: 0 to 6): how many calls there are, when it began (microseconds since
/// 1970), and the mark that tells the row from one of COPY. `voice_progress()` counts from one.
const TOTAL: i32 = 10;
const STARTED_AT: i32 = 11;
const MARK: i32 = 12;
const IS_OURS: i64 = 0x766f_6963; // "voic"
/// `COPY FROM`, of a type that is no file and no program (`commands/progress.h`).
const COMMAND: i32 = 4;
const COPY_FROM: i64 = 1;
const TYPE: i32 = 5;
const CALLBACK: i64 = 4;

/// Shown until it is dropped. Inside another command that shows its own progress, nothing is.
pub struct Progress(bool);

impl Progress {
    /// `total`: how many calls will come.
    pub fn begin(total: usize) -> Progress {
        // SAFETY: a backend's own entry, NULL where it has none; only this process writes to it.
        let is_free = unsafe {
            pg_sys::MyBEEntry
                .as_ref()
                .is_some_and(|entry| entry.st_progress_command == pg_sys::ProgressCommandType::PROGRESS_COMMAND_INVALID)
        };
        if is_free {
            // SAFETY: as is_free says; the names are literals, and a table that is not found is none.
            unsafe {
                let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), true);
                let table = pg_sys::get_relname_relid(c"call".as_ptr(), schema);
                pg_sys::pgstat_progress_start_command(pg_sys::ProgressCommandType::PROGRESS_COMMAND_COPY, table);
            }
        }
        let progress = Progress(is_free);
        for (index, value) in [
            (COMMAND, COPY_FROM),
            (TYPE, CALLBACK),
            (TOTAL, i64::try_from(total).unwrap_or(i64::MAX)),
            (STARTED_AT, clock::now()),
            (MARK, IS_OURS),
        ] {
            progress.write(index, value);
        }
        progress
    }

    /// So many calls have come.
    pub fn done(&self, calls: usize) {
        self.write(pg_sys::PROGRESS_COPY_TUPLES_PROCESSED as i32, i64::try_from(calls).unwrap_or(i64::MAX));
    }

    fn write(&self, index: i32, value: i64) {
        if self.0 {
            // SAFETY: the index is below PGSTAT_NUM_PROGRESS_PARAM, 20 in every version.
            unsafe { pg_sys::pgstat_progress_update_param(index, value) };
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: ends what begin() started; where the transaction has ended it already, this does nothing.
            unsafe { pg_sys::pgstat_progress_end_command() };
        }
    }
}
