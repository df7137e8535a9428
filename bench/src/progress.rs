//! A line for every step, on stderr: the table on stdout stays clean. What takes longer says how far it has got.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

static START: Mutex<Option<Instant>> = Mutex::new(None);

pub fn elapsed() -> Duration {
    START.lock().expect("the clock").get_or_insert_with(Instant::now).elapsed()
}

pub fn step(text: &str) {
    eprintln!("[{:>7.1} s] {text}", elapsed().as_secs_f64());
}

/// How far a step has got: on a terminal in one moving line, elsewhere a line every five seconds.
pub struct Progress {
    what: String,
    total: i64,
    done: AtomicI64,
    began: Instant,
    said: Mutex<Instant>,
}

impl Progress {
    pub fn new(what: &str, total: i64) -> Progress {
        step(&format!("{what} …"));
        let now = Instant::now();
        Progress { what: what.into(), total, done: AtomicI64::new(0), began: now, said: Mutex::new(now) }
    }

    pub fn add(&self, more: i64) {
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        let terminal = std::io::stderr().is_terminal();
        let pause = Duration::from_millis(if terminal { 200 } else { 5000 });
        let mut said = self.said.lock().expect("nobody panics while speaking");
        if said.elapsed() < pause {
            return;
        }
        *said = Instant::now();
        let percent = 100 * done / self.total.max(1);
        let line =
            format!("[{:>7.1} s]   {}: {percent} % ({done} of {})", elapsed().as_secs_f64(), self.what, self.total);
        if terminal {
            eprint!("{line}\r");
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    pub fn end(self) {
        step(&format!("{}: done in {:.1} s", self.what, self.began.elapsed().as_secs_f64()));
    }
}
