//! Latency from hang-up to analytics, which users notice: percentiles over the latest calls.

use crate::host::shmem::Slot;
use std::sync::atomic::Ordering::*;

/// Calls that the percentiles are over.
const WINDOW: usize = 256;

/// The latest latencies, oldest overwritten first.
#[derive(Default)]
pub struct Latencies {
    recent: Vec<u64>,
    next: usize,
}

impl Latencies {
    /// Adds a latency in microseconds.
    pub fn add(&mut self, micros: u64) {
        if self.recent.len() < WINDOW {
            self.recent.push(micros);
        } else {
            self.recent[self.next] = micros;
            self.next = (self.next + 1) % WINDOW;
        }
    }

    /// Writes the percentiles for `voice_status()`.
    pub fn publish(&self, slot: &Slot) {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        // Nearest rank.
        let at = |p: usize| sorted.get((sorted.len() * p).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
        slot.p50_us.store(at(50).max(u64::from(!sorted.is_empty())), Release);
        slot.p95_us.store(at(95).max(u64::from(!sorted.is_empty())), Release);
    }
}
