use std::fs;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;

use super::*;

const SOON: Duration = Duration::from_secs(10);
const FOREVER: Duration = Duration::from_secs(3600);

fn readable<Q: Send + 'static, A: Send + 'static>(crew: &ThreadPool<Q, A>, within_ms: u16) -> bool {
    poll(&mut [PollFd::new(crew.wake_fd().as_fd(), PollFlags::POLLIN)], within_ms).unwrap() > 0
}

/// Waits for the pipe and collects, until `count` answers are there.
fn collect<Q: Send + 'static, A: Send + 'static>(
    crew: &mut ThreadPool<Q, A>,
    count: usize,
) -> Vec<(TaskId, Outcome<A>)> {
    let start = Instant::now();
    let mut all = Vec::new();
    while all.len() < count {
        assert!(start.elapsed() < SOON, "only {} of {count} answers", all.len());
        if readable(crew, 1000) {
            all.extend(crew.collect([]).0);
        }
    }
    all
}

/// Work that says when it has begun and ends when it is told to.
struct Held {
    crew: ThreadPool<u64, u64>,
    begun: Receiver<u64>,
    go: Sender<()>,
}

fn held(limit: usize) -> Held {
    let (begin, begun) = channel();
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let crew = ThreadPool::new(limit, FOREVER, move |n| {
        let _ = begin.send(n);
        let _ = wait.lock().unwrap().recv();
        n
    });
    Held { crew: crew.unwrap(), begun, go }
}

impl Held {
    fn begun(&self) -> u64 {
        self.begun.recv_timeout(SOON).expect("work that begins")
    }
}

#[test]
fn every_piece_of_work_is_answered_once() {
    let mut crew = ThreadPool::new(8, FOREVER, |n: u64| n * 2).unwrap();
    let serials: Vec<TaskId> = (0..1000).map(|n| crew.submit(n).unwrap()).collect();
    let mut answers = collect(&mut crew, 1000);
    answers.sort_by_key(|(task_id, _)| *task_id);
    let expected: Vec<_> = serials.into_iter().zip((0..1000).map(|n| Ok(n * 2))).collect();
    assert_eq!(answers, expected);
    assert!(crew.threads() <= 8);
}

#[test]
fn work_is_not_held_up_by_idle_threads_that_a_lower_limit_sends_away() {
    let mut held = held(8);
    for n in 0..8 {
        held.crew.submit(n).unwrap();
    }
    for _ in 0..8 {
        held.begun();
    }
    for _ in 0..8 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.crew, 8);
    until(|| held.crew.shared.state().idle == 8);
    held.crew.set_limit(2);
    held.crew.submit(8).unwrap();
    held.crew.submit(9).unwrap();
    for _ in 0..2 {
        held.begun();
    }
    for _ in 0..2 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.crew, 2);
    assert!(held.crew.threads() <= 2);
}

#[test]
fn threads_come_only_as_work_needs_them() {
    let mut crew = ThreadPool::new(8, FOREVER, |()| ()).unwrap();
    assert_eq!(crew.threads(), 0);
    for _ in 0..20 {
        crew.submit(()).unwrap();
        collect(&mut crew, 1);
        until(|| crew.shared.state().idle == 1);
    }
    assert_eq!(crew.threads(), 1, "work that never overlaps is work for one");
}

#[test]
fn the_limit_holds_and_can_be_raised_while_work_waits() {
    let mut held = held(2);
    for n in 0..4 {
        held.crew.submit(n).unwrap();
    }
    let mut first = [held.begun(), held.begun()];
    first.sort();
    assert_eq!(first, [0, 1]);
    assert!(held.begun.try_recv().is_err());
    held.crew.set_limit(3);
    assert_eq!(held.begun(), 2);
    assert_eq!(held.crew.threads(), 3);
    for _ in 0..4 {
        held.go.send(()).unwrap();
    }
    assert_eq!(collect(&mut held.crew, 4).len(), 4);
}

#[test]
fn a_lowered_limit_lets_threads_go_as_they_finish() {
    let mut held = held(4);
    for n in 0..4 {
        held.crew.submit(n).unwrap();
    }
    for _ in 0..4 {
        held.begun();
    }
    held.crew.set_limit(1);
    assert_eq!(held.crew.threads(), 4);
    for _ in 0..4 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.crew, 4);
    until(|| held.crew.threads() == 1);
}

#[test]
fn the_idle_leave() {
    let mut crew = ThreadPool::new(4, Duration::from_millis(20), |()| ()).unwrap();
    crew.submit(()).unwrap();
    collect(&mut crew, 1);
    until(|| crew.threads() == 0);
    crew.submit(()).unwrap();
    assert_eq!(collect(&mut crew, 1).len(), 1);
}

#[test]
fn a_panic_is_an_answer_and_its_thread_goes_on() {
    let mut crew = ThreadPool::new(1, FOREVER, |n: u32| if n == 0 { panic!("no {n}") } else { n }).unwrap();
    crew.submit(0).unwrap();
    crew.submit(7).unwrap();
    let answers = collect(&mut crew, 2);
    assert_eq!(answers, [(0, Err("no 0".into())), (1, Ok(7))]);
}

#[test]
fn an_abandoned_thread_is_replaced_and_its_late_answer_dropped() {
    let mut held = held(1);
    let hung = held.crew.submit(0).unwrap();
    held.begun();
    let waiting = held.crew.submit(1).unwrap();
    let (done, given_up) = held.crew.collect([hung]);
    assert_eq!((done.len(), given_up), (0, vec![hung]));
    assert_eq!(held.begun(), 1, "the place of the hung one is free at once");
    for _ in 0..2 {
        held.go.send(()).unwrap();
    }
    assert_eq!(collect(&mut held.crew, 1), [(waiting, Ok(1))]);
    until(|| held.crew.shared.state().abandoned.is_empty());
    assert_eq!(held.crew.collect([]).0, []);
    assert_eq!(held.crew.threads(), 1);
}

#[test]
fn work_given_up_before_it_began_never_begins() {
    let mut held = held(1);
    held.crew.submit(0).unwrap();
    held.begun();
    let waiting = held.crew.submit(1).unwrap();
    assert_eq!(held.crew.collect([waiting]).1, [waiting]);
    held.go.send(()).unwrap();
    assert_eq!(collect(&mut held.crew, 1), [(0, Ok(0))]);
    assert!(held.begun.try_recv().is_err());
}

#[test]
fn an_answer_that_came_in_time_is_not_given_up() {
    let mut crew = ThreadPool::new(1, FOREVER, |()| ()).unwrap();
    let task_id = crew.submit(()).unwrap();
    assert!(readable(&crew, 10_000));
    let (done, given_up) = crew.collect([task_id]);
    assert_eq!((done, given_up), (vec![(task_id, Ok(()))], vec![]));
}

#[test]
fn many_answers_are_one_byte_and_none_is_left_unannounced() {
    let mut crew = ThreadPool::new(4, FOREVER, |()| ()).unwrap();
    for _ in 0..100 {
        crew.submit(()).unwrap();
    }
    until(|| crew.shared.state().done.len() == 100);
    assert_eq!(crew.collect([]).0.len(), 100);
    assert!(!readable(&crew, 0), "the pipe is empty again");
    crew.submit(()).unwrap();
    assert!(readable(&crew, 10_000));
}

#[test]
fn every_signal_is_blocked_in_the_threads_and_the_callers_mask_is_as_before() {
    let before = SigSet::thread_get_mask().unwrap();
    let mut held = held(1);
    held.crew.submit(0).unwrap();
    held.begun();
    assert_eq!(SigSet::thread_get_mask().unwrap(), before);

    let masks: Vec<u64> = fs::read_dir("/proc/self/task")
        .unwrap()
        .flat_map(|task| {
            let folder = task.unwrap().path();
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            (name.trim() == "voice-http").then(|| fs::read_to_string(folder.join("status")).ok()).flatten()
        })
        .filter_map(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim().to_owned();
            u64::from_str_radix(&mask, 16).ok()
        })
        .collect();
    assert!(!masks.is_empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        let bit = 1 << (signal as u32 - 1);
        assert!(masks.iter().all(|mask| mask & bit != 0), "{signal} reaches a thread");
    }
    held.go.send(()).unwrap();
}

#[test]
fn dropping_the_crew_waits_for_nobody() {
    let mut held = held(2);
    held.crew.submit(0).unwrap();
    held.begun();
    let start = Instant::now();
    drop(held.crew);
    assert!(start.elapsed() < Duration::from_secs(1));
    held.go.send(()).unwrap();
}

#[track_caller]
fn until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "waited {SOON:?} in vain");
        thread::sleep(Duration::from_millis(1));
    }
}
