//! Hang-up to analytics, the figure users feel: percentiles over the latest calls.

use crate::host::shmem::Slot;
use std::sync::atomic::Ordering::*;

/// As many as give a steady 95th percentile without remembering yesterday.
const WINDOW: usize = 256;

/// The latest latencies, oldest overwritten first.
#[derive(Default)]
pub struct Latencies {
    recent: Vec<u64>,
    next: usize,
}

impl Latencies {
    pub fn add(&mut self, micros: u64) {
        if self.recent.len() < WINDOW {
            self.recent.push(micros);
        } else {
            self.recent[self.next] = micros;
            self.next = (self.next + 1) % WINDOW;
        }
    }

    /// For `voice_status()`.
    pub fn publish(&self, slot: &Slot) {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        // Nearest rank.
        let at = |p: usize| sorted.get((sorted.len() * p).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        slot.p50_us.store(at(50).max(u64::from(!sorted.is_empty())), Release);
        slot.p95_us.store(at(95).max(u64::from(!sorted.is_empty())), Release);
    }
}
