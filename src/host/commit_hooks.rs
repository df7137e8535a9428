//! What a backend remembers until its transaction ends, and does then.
//!
//! `NOTIFY` at every hang-up would take a database-wide lock at every commit (measured: 36 % of the throughput is
//! left with 16 clients). So the trigger only marks the transaction, and one callback, registered once a backend,
//! wakes the worker through its slot when the transaction commits.
//!
//! The statements before the commit run in `XACT_EVENT_PRE_COMMIT`, which xact.c calls after it has fired deferred
//! triggers: a DEFERRABLE constraint trigger on a table that they write (`voice.job`) would be queued and never fire. None
//! of our constraints is deferrable; do not add one there.
#![allow(unsafe_code)] // transaction callbacks are C callbacks

use super::shmem;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::Ordering::*;

thread_local! {
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
    static WAKE: Cell<bool> = const { Cell::new(false) };
    static REREAD_LIMITS: Cell<bool> = const { Cell::new(false) };
    static PROBE: Cell<bool> = const { Cell::new(false) };
    static ANNOUNCE: Cell<bool> = const { Cell::new(false) };
    static CALLS: RefCell<HashMap<[u8; 16], PendingCall>> = RefCell::new(HashMap::new());
}

/// Called for a call before the commit, with its id, the partition that was written, and the tenant.
pub type PreCommitCallback = fn([u8; 16], pg_sys::Oid, &str);

/// What this transaction knows of a call.
#[derive(Default)]
struct PendingCall {
    /// Its words have changed: the partition, the tenant, and the callback to run.
    modified: Option<(pg_sys::Oid, String, PreCommitCallback)>,
    /// Its job was written, or was found unnecessary.
    settled: bool,
    /// This transaction counts as a writer of its turns in shared memory.
    counted: bool,
}

/// The worker of this database polls the queue when this transaction commits.
pub fn wake_at_commit() {
    register();
    WAKE.set(true);
}

/// The same, and it asks the LLM server now, also where that is left alone.
pub fn probe_at_commit() {
    wake_at_commit();
    PROBE.set(true);
}

/// The worker of this database reads the limits of tenants again when this transaction commits.
pub fn reread_limits_at_commit() {
    wake_at_commit();
    REREAD_LIMITS.set(true);
}

/// The launcher starts a worker in this database when this transaction commits.
pub fn announce_at_commit() {
    register();
    ANNOUNCE.set(true);
}

/// This transaction has written the job of a call that it ended: its turns need no further look.
pub fn call_is_enqueued(call_id: [u8; 16]) {
    register();
    CALLS.with_borrow_mut(|calls| calls.entry(call_id).or_default().settled = true);
}

/// The words of a call were changed: `look` is called with it before this transaction commits, once, unless the
/// transaction ends the call anyway.
pub fn on_pre_commit(call_id: [u8; 16], leaf: pg_sys::Oid, tenant: &str, look: PreCommitCallback) {
    register();
    CALLS.with_borrow_mut(|calls| {
        let mark = calls.entry(call_id).or_default();
        if mark.modified.is_none() {
            mark.modified = Some((leaf, tenant.to_owned(), look));
        }
    });
}

/// From the look to its end the transaction counts as a writer of the call's turns, and the worker stores no analysis of
/// the call: whoever asks "has the call ended?" and is told no commits a moment later, and by then the worker may have
/// read the transcript without this turn. The count is raised before the question is asked, so either the answer is
/// "ended", or the worker sees the count.
fn run_pre_commit_callbacks() {
    let modified = CALLS.with_borrow_mut(|calls| {
        let mut modified = Vec::new();
        for (call_id, mark) in calls.iter_mut().filter(|(_, mark)| !mark.settled) {
            let Some(touch) = mark.modified.take() else { continue };
            mark.settled = true;
            mark.counted = mark.counted || shmem::writers_of(call_id).map(|w| w.fetch_add(1, SeqCst)).is_some();
            modified.push((*call_id, touch));
        }
        // In one order in all transactions: the look may lock the call's job.
        modified.sort_unstable_by_key(|(call_id, _)| *call_id);
        modified
    });
    if modified.is_empty() {
        return;
    }
    // SAFETY: the transaction is still in progress; statements want a snapshot, and those of the client are gone by now.
    // An error gives it back with everything else.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    for (call_id, (leaf, tenant, look)) in modified {
        look(call_id, leaf, &tenant);
    }
    // SAFETY: the one pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
}

/// Whether some transaction is about to commit turns of this call (or of one that shares its counter).
pub fn has_writers(call_id: &[u8; 16]) -> bool {
    shmem::writers_of(call_id).is_some_and(|w| w.load(SeqCst) > 0)
}

fn register() {
    if REGISTERED.replace(true) {
        return;
    }
    // SAFETY: the callbacks live as long as the library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(at_sub_end), std::ptr::null_mut());
    }
}

/// Before the commit an error ends the transaction, as one in a deferred trigger would. From the commit on an error would
/// be a PANIC of the server, so nothing here raises one: the look-ups are of shared memory, and the map is borrowed with
/// `try_borrow_mut`.
#[pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_PRE_COMMIT | XACT_EVENT_PRE_PREPARE => run_pre_commit_callbacks(),
        XACT_EVENT_COMMIT => {
            // Where no worker ever came, the transaction that created the extension was prepared, and its announcement was
            // forgotten: COMMIT PREPARED runs no callback of ours. So whoever has work for the worker announces it.
            let mut announce = ANNOUNCE.get();
            if WAKE.get() {
                // SAFETY: a backend's own database never changes.
                match shmem::slot_of(unsafe { pg_sys::MyDatabaseId }, shmem::SlotPolicy::Existing) {
                    Some(slot) => {
                        if REREAD_LIMITS.get() {
                            slot.limits_changed.store(true, Release);
                        }
                        if PROBE.get() {
                            slot.probe_asked.store(true, Release);
                        }
                        slot.wake();
                        announce |= slot.is_absent();
                    }
                    None => announce = true,
                }
            }
            if announce {
                // SAFETY: a backend's own database never changes.
                if let Some(slot) = shmem::slot_of(unsafe { pg_sys::MyDatabaseId }, shmem::SlotPolicy::FreeOrAbsent) {
                    slot.want_worker();
                    slot.wake();
                    shmem::wake_launcher();
                }
            }
            forget();
        }
        // What a prepared transaction enqueued is found by the sweep after COMMIT PREPARED.
        XACT_EVENT_ABORT | XACT_EVENT_PREPARE => forget(),
        _ => {}
    }
}

fn forget() {
    WAKE.set(false);
    REREAD_LIMITS.set(false);
    PROBE.set(false);
    ANNOUNCE.set(false);
    CALLS.with(|calls| {
        // Borrowed by nobody: what borrows it runs no code of others. If it were, the counters would stay raised, which
        // delays the analysis of some calls, and that is better than a PANIC.
        let Ok(mut calls) = calls.try_borrow_mut() else { return };
        for (call_id, mark) in calls.drain() {
            if mark.counted
                && let Some(writers) = shmem::writers_of(&call_id)
            {
                writers.fetch_sub(1, SeqCst);
            }
        }
    });
}

/// A job written inside a savepoint goes with it; so does the knowledge that it was written. Turns written before the
/// savepoint are still to be committed: the transaction stays counted as their writer.
#[pg_guard]
unsafe extern "C-unwind" fn at_sub_end(
    event: pg_sys::SubXactEvent::Type,
    _sub: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _argument: *mut std::ffi::c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        CALLS.with(|calls| {
            if let Ok(mut calls) = calls.try_borrow_mut() {
                calls.values_mut().for_each(|mark| mark.settled = false);
            }
        });
    }
}

#[cfg(feature = "pg_test")]
#[pg_schema]
mod tests {
    use super::{call_is_enqueued, forget, has_writers, on_pre_commit, run_pre_commit_callbacks};
    use crate::pg_test::{refusal, value};
    use pgrx::prelude::*;
    use std::cell::RefCell;

    thread_local! {
        static LOOKED: RefCell<Vec<(u8, String)>> = const { RefCell::new(Vec::new()) };
    }

    /// Notes for which call and tenant it was called, and that the transaction counts as a writer meanwhile.
    fn look(call: [u8; 16], _leaf: pg_sys::Oid, tenant: &str) {
        assert!(has_writers(&call), "whoever looks counts as a writer");
        LOOKED.with_borrow_mut(|looked| looked.push((call[15], tenant.to_owned())));
    }

    fn modify(last_byte: u8, tenant: &str) {
        on_pre_commit(id(last_byte), pg_sys::InvalidOid, tenant, look);
    }

    fn id(last_byte: u8) -> [u8; 16] {
        let mut id = [0x42; 16];
        id[15] = last_byte;
        id
    }

    fn looked() -> Vec<(u8, String)> {
        run_pre_commit_callbacks();
        LOOKED.take()
    }

    #[pg_test]
    fn a_call_is_looked_at_once_however_often_it_was_modified_and_in_one_order() {
        modify(9, "b");
        modify(3, "a");
        modify(9, "later");
        assert_eq!(looked(), [(3, "a".to_owned()), (9, "b".to_owned())]);
        assert_eq!(looked(), [], "a second look");
        modify(3, "a");
        assert_eq!(looked(), [], "it has its look, or its job, already");
    }

    #[pg_test]
    fn a_call_that_ends_in_the_same_transaction_needs_no_look() {
        modify(1, "");
        call_is_enqueued(id(1));
        modify(2, "");
        assert_eq!(looked(), [(2, String::new())]);
    }

    #[pg_test]
    fn what_a_savepoint_took_back_is_not_known_any_more() {
        modify(1, "");
        call_is_enqueued(id(1));
        // Its subtransaction is rolled back, and with it the job that was written before would be.
        assert_eq!(refusal("SELECT 1"), None);
        assert_eq!(looked(), [(1, String::new())]);
    }

    #[pg_test]
    fn the_end_of_a_transaction_takes_its_writers_off() {
        modify(1, "");
        assert!(!has_writers(&id(1)), "before the look nobody waits for it");
        looked();
        assert!(has_writers(&id(1)));
        forget();
        assert!(!has_writers(&id(1)));
        assert_eq!(looked(), [], "nothing of it is left for the next transaction");
    }

    #[pg_test]
    fn a_turn_that_comes_after_the_end_of_its_call_gets_a_job_before_the_commit() {
        let id = crate::pg_test::ended_call("", "hello");
        looked();
        Spi::run("DELETE FROM voice.job").expect("no job");
        forget();
        Spi::run_with_args(
            "INSERT INTO voice.turn (call_id, role, text) VALUES ($1, 'user', 'one more thing')",
            &[id.into()],
        )
        .expect("a late turn");
        let jobs = "SELECT count(*) FROM voice.job";
        assert_eq!(value::<i64>(jobs), Some(0), "not before the commit: more turns may follow");
        run_pre_commit_callbacks();
        assert_eq!(value::<i64>(jobs), Some(1));
    }
}
