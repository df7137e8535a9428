//! Deadlines of the main loop itself. Each kind of jobs, the results and the leases keep their own.

use std::time::{Duration, Instant};

/// A `NOTIFY` that arrives so soon after one of ours may be ours. Commits that end calls do not need it to wake the worker.
const ECHO: Duration = Duration::from_millis(100);

/// Whether a notification that arrives may be the worker's own. A session also receives its own notifications, and nothing
/// says on which channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Notifications {
    #[default]
    OfOthers,
    /// The worker has notified, and that notification has not arrived yet.
    OwnExpected,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timer {
    /// Look at everything that may have changed without a signal.
    Sweep,
    /// A notification arrived that may have been another session's: poll the queue.
    Echo,
    /// Try again after a failed transaction.
    Recover,
    /// A lease is past its half.
    RenewLeases,
}

const TIMERS: [Timer; 4] = [Timer::Sweep, Timer::Echo, Timer::Recover, Timer::RenewLeases];

/// The deadlines.
pub struct Schedule {
    deadlines: [Option<Instant>; TIMERS.len()],
    /// Last sweep.
    swept: Instant,
    notifications: Notifications,
}

impl Schedule {
    pub fn new() -> Schedule {
        Schedule { deadlines: [None; TIMERS.len()], swept: Instant::now(), notifications: Notifications::default() }
    }

    /// Sets or clears a deadline.
    pub fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.deadlines[timer as usize] = at;
    }

    /// Applies the time between two sweeps; zero: there are none.
    pub fn set_sweep_interval(&mut self, interval: Duration) {
        self.set(Timer::Sweep, (!interval.is_zero()).then(|| self.swept + interval));
    }

    /// Removes and gives the deadlines that have passed.
    pub fn take_due(&mut self, now: Instant) -> Vec<Timer> {
        let mut due = Vec::new();
        for timer in TIMERS {
            if self.deadlines[timer as usize].take_if(|at| *at <= now).is_some() {
                due.push(timer);
            }
        }
        if due.contains(&Timer::Sweep) {
            self.swept = now;
        }
        due
    }

    /// The next deadline.
    pub fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// The worker has notified.
    pub fn on_notified(&mut self) {
        self.notifications = Notifications::OwnExpected;
    }

    /// A notification has arrived. `true`: it is another session's. Else it may be the worker's own, and [`Timer::Echo`] is
    /// set.
    pub fn on_notification(&mut self, now: Instant) -> bool {
        match std::mem::take(&mut self.notifications) {
            Notifications::OfOthers => true,
            Notifications::OwnExpected => {
                let at = &mut self.deadlines[Timer::Echo as usize];
                *at = Some(at.map_or(now + ECHO, |known| known.min(now + ECHO)));
                false
            }
        }
    }
}
