//! The lock of the shared segment: one LWLock in a tranche of the extension's own, shown by `pg_stat_activity` as wait
//! event `voice_analytics`.
//!
//! It is held for a few copies of memory. While it is held no other lock is taken, no error is raised and nothing waits.
//! A process that asks for it twice waits for itself: code that holds an [`Exclusive`] uses [`Locked::get_mut`] only.

use pgrx::pg_sys;
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::*};

/// The tranche's name.
pub const TRANCHE: &std::ffi::CStr = c"voice_analytics";

/// Set once by the postmaster; every process inherits it by fork.
static LOCK: AtomicPtr<pg_sys::LWLock> = AtomicPtr::new(null_mut());

/// Looks the lock up. To be called in the start-up hook for shared memory, after the tranche was requested.
pub(super) fn initialize() {
    // SAFETY: the tranche of this name was requested in the request hook, with one lock.
    unsafe { LOCK.store(&raw mut (*pg_sys::GetNamedLWLockTranche(TRANCHE.as_ptr())).lock, Release) }
}

/// A value in shared memory that is read and written while the lock is held.
#[repr(transparent)]
pub struct Locked<T>(UnsafeCell<T>);

// SAFETY: the value is reached through the lock only: many readers, or one writer. `Copy` keeps owners of a process'
// memory out; a process must not leave references to its own memory in it.
unsafe impl<T: Copy + Send> Sync for Locked<T> {}

impl<T: Copy + Send> Locked<T> {
    pub const fn new(value: T) -> Self {
        Locked(UnsafeCell::new(value))
    }

    /// A copy of what `field` selects, taken under the shared lock.
    pub fn read<R>(&self, field: impl FnOnce(&T) -> R) -> R {
        let _held = Held::acquire(pg_sys::LWLockMode::LW_SHARED);
        // SAFETY: the shared lock is held, so nobody writes.
        field(unsafe { &*self.0.get() })
    }

    /// Runs `change` under the exclusive lock.
    pub fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(self.get_mut(&mut exclusive()))
    }

    /// The value, for whoever holds the exclusive lock already.
    #[allow(clippy::mut_from_ref)] // the exclusive borrow is that of the lock
    pub fn get_mut<'a>(&'a self, _held: &'a mut Exclusive) -> &'a mut T {
        // SAFETY: the exclusive lock is held as long as the result lives, and its one borrow admits one such reference.
        unsafe { &mut *self.0.get() }
    }
}

/// The exclusive lock, held until this is dropped.
pub struct Exclusive(#[allow(dead_code)] Held);

/// Waits for the exclusive lock.
pub fn exclusive() -> Exclusive {
    Exclusive(Held::acquire(pg_sys::LWLockMode::LW_EXCLUSIVE))
}

/// Bound to the process: the lock belongs to it.
struct Held(*mut pg_sys::LWLock, PhantomData<*mut ()>);

impl Held {
    fn acquire(mode: pg_sys::LWLockMode::Type) -> Held {
        let lock = LOCK.load(Acquire);
        assert!(!lock.is_null(), "values under the lock lie in the segment, which is made after the lock");
        // SAFETY: a lock of shared memory, which outlives every process that sees it.
        unsafe { pg_sys::LWLockAcquire(lock, mode) };
        Held(lock, PhantomData)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: acquired by this process. An ERROR of Postgres has reset the counter, and its clean-up releases the
        // lock (the same test as in pgrx::lwlock).
        unsafe {
            if pg_sys::InterruptHoldoffCount > 0 {
                pg_sys::LWLockRelease(self.0);
            }
        }
    }
}
