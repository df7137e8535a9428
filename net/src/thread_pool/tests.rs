use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;

use super::*;

const SOON: Duration = Duration::from_secs(10);
const FOREVER: Duration = Duration::from_secs(3600);

fn readable<T, O>(pool: &ThreadPool<T, O>, within_ms: u16) -> bool {
    poll(&mut [PollFd::new(pool.shared.waker.fd(), PollFlags::POLLIN)], within_ms).unwrap() > 0
}

fn waker() -> Waker {
    Waker::new().unwrap()
}

/// Waits for the pipe and collects, until `count` answers are there.
fn collect<T: Send + 'static, O: Send + 'static>(
    pool: &mut ThreadPool<T, O>,
    count: usize,
) -> Vec<(TaskId, Outcome<O>)> {
    let start = Instant::now();
    let mut all = Vec::new();
    while all.len() < count {
        assert!(start.elapsed() < SOON, "only {} of {count} answers", all.len());
        if readable(pool, 1000) {
            pool.shared.waker.clear();
            all.extend(pool.collect([]).0);
        }
    }
    all
}

/// Work that says when it has begun and ends when it is told to.
struct Held {
    pool: ThreadPool<u64, u64>,
    begun: Receiver<u64>,
    go: Sender<()>,
}

fn held(limit: usize) -> Held {
    let (begin, begun) = channel();
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let pool = ThreadPool::new(&waker(), limit, FOREVER, move |n| {
        let _ = begin.send(n);
        let _ = wait.lock().unwrap().recv();
        n
    });
    Held { pool, begun, go }
}

impl Held {
    fn begun(&self) -> u64 {
        self.begun.recv_timeout(SOON).expect("work that begins")
    }
}

#[test]
fn every_piece_of_work_is_answered_once() {
    let mut pool = ThreadPool::new(&waker(), 8, FOREVER, |n: u64| n * 2);
    let task_ids: Vec<TaskId> = (0..1000).map(|n| pool.submit(n).unwrap()).collect();
    let mut answers = collect(&mut pool, 1000);
    answers.sort_by_key(|(task_id, _)| *task_id);
    let expected: Vec<_> = task_ids.into_iter().zip((0..1000).map(|n| Ok(n * 2))).collect();
    assert_eq!(answers, expected);
    assert!(pool.threads() <= 8);
}

#[test]
fn work_is_not_held_up_by_idle_threads_that_a_lower_limit_sends_away() {
    let mut held = held(8);
    for n in 0..8 {
        held.pool.submit(n).unwrap();
    }
    for _ in 0..8 {
        held.begun();
    }
    for _ in 0..8 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.pool, 8);
    until(|| held.pool.shared.state().idle == 8);
    held.pool.set_limit(2);
    held.pool.submit(8).unwrap();
    held.pool.submit(9).unwrap();
    for _ in 0..2 {
        held.begun();
    }
    for _ in 0..2 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.pool, 2);
    assert!(held.pool.threads() <= 2);
}

#[test]
fn threads_come_only_as_work_needs_them() {
    let mut pool = ThreadPool::new(&waker(), 8, FOREVER, |()| ());
    assert_eq!(pool.threads(), 0);
    for _ in 0..20 {
        pool.submit(()).unwrap();
        collect(&mut pool, 1);
        until(|| pool.shared.state().idle == 1);
    }
    assert_eq!(pool.threads(), 1, "work that never overlaps is work for one");
}

#[test]
fn the_limit_holds_and_can_be_raised_while_work_waits() {
    let mut held = held(2);
    for n in 0..4 {
        held.pool.submit(n).unwrap();
    }
    let mut first = [held.begun(), held.begun()];
    first.sort();
    assert_eq!(first, [0, 1]);
    assert!(held.begun.try_recv().is_err());
    held.pool.set_limit(3);
    assert_eq!(held.begun(), 2);
    assert_eq!(held.pool.threads(), 3);
    for _ in 0..4 {
        held.go.send(()).unwrap();
    }
    assert_eq!(collect(&mut held.pool, 4).len(), 4);
}

#[test]
fn a_lowered_limit_lets_threads_go_as_they_finish() {
    let mut held = held(4);
    for n in 0..4 {
        held.pool.submit(n).unwrap();
    }
    for _ in 0..4 {
        held.begun();
    }
    held.pool.set_limit(1);
    assert_eq!(held.pool.threads(), 4);
    for _ in 0..4 {
        held.go.send(()).unwrap();
    }
    collect(&mut held.pool, 4);
    until(|| held.pool.threads() == 1);
}

#[test]
fn the_idle_leave() {
    let mut pool = ThreadPool::new(&waker(), 4, Duration::from_millis(20), |()| ());
    pool.submit(()).unwrap();
    collect(&mut pool, 1);
    until(|| pool.threads() == 0);
    pool.submit(()).unwrap();
    assert_eq!(collect(&mut pool, 1).len(), 1);
}

#[test]
fn a_panic_is_an_answer_and_its_thread_goes_on() {
    let mut pool = ThreadPool::new(&waker(), 1, FOREVER, |n: u32| if n == 0 { panic!("no {n}") } else { n });
    pool.submit(0).unwrap();
    pool.submit(7).unwrap();
    let answers = collect(&mut pool, 2);
    assert_eq!(answers, [(0, Err("no 0".into())), (1, Ok(7))]);
}

#[test]
fn an_abandoned_thread_is_replaced_and_its_late_answer_dropped() {
    let mut held = held(1);
    let hung = held.pool.submit(0).unwrap();
    held.begun();
    let waiting = held.pool.submit(1).unwrap();
    let (done, given_up) = held.pool.collect([hung]);
    assert_eq!((done.len(), given_up), (0, vec![hung]));
    assert_eq!(held.begun(), 1, "the place of the hung one is free at once");
    for _ in 0..2 {
        held.go.send(()).unwrap();
    }
    assert_eq!(collect(&mut held.pool, 1), [(waiting, Ok(1))]);
    until(|| held.pool.shared.state().abandoned.is_empty());
    assert_eq!(held.pool.collect([]).0, []);
    assert_eq!(held.pool.threads(), 1);
}

#[test]
fn with_twice_the_limit_abandoned_work_is_refused_until_one_of_them_ends() {
    let mut held = held(2);
    for _ in 0..2 {
        let hung: Vec<TaskId> = (0..2).map(|n| held.pool.submit(n).unwrap()).collect();
        for _ in 0..2 {
            held.begun();
        }
        assert_eq!(held.pool.collect(hung.clone()).1, hung);
    }
    let NoThread(error) = held.pool.submit(0).unwrap_err();
    assert_eq!(error.to_string(), "4 requests hang past their time");
    assert_eq!((held.pool.threads(), held.pool.shared.state().waiting.len()), (0, 0));

    held.go.send(()).unwrap();
    until(|| held.pool.shared.state().abandoned.len() == 3);
    let task_id = held.pool.submit(7).unwrap();
    assert_eq!(held.begun(), 7);
    (0..4).for_each(|_| held.go.send(()).unwrap());
    assert_eq!(collect(&mut held.pool, 1), [(task_id, Ok(7))]);
}

#[test]
fn abandoned_threads_never_number_more_than_three_times_the_limit() {
    let mut held = held(2);
    let mut abandon = |count: usize| {
        let hung: Vec<TaskId> = (0..count).filter_map(|n| held.pool.submit(n as u64).ok()).collect();
        for _ in 0..hung.len().min(2) {
            held.begun();
        }
        held.pool.collect(hung);
        held.pool.shared.state().abandoned.len()
    };
    let abandoned: Vec<usize> = [2, 1, 2, 2].map(&mut abandon).to_vec();
    assert_eq!(abandoned, [2, 3, 5, 5], "the last two are refused");
    (0..5).for_each(|_| held.go.send(()).unwrap());
}

#[test]
fn work_given_up_before_it_began_never_begins() {
    let mut held = held(1);
    held.pool.submit(0).unwrap();
    held.begun();
    let waiting = held.pool.submit(1).unwrap();
    assert_eq!(held.pool.collect([waiting]).1, [waiting]);
    held.go.send(()).unwrap();
    assert_eq!(collect(&mut held.pool, 1), [(0, Ok(0))]);
    assert!(held.begun.try_recv().is_err());
}

#[test]
fn an_answer_that_came_in_time_is_not_given_up() {
    let mut pool = ThreadPool::new(&waker(), 1, FOREVER, |()| ());
    let task_id = pool.submit(()).unwrap();
    assert!(readable(&pool, 10_000));
    let (done, given_up) = pool.collect([task_id]);
    assert_eq!((done, given_up), (vec![(task_id, Ok(()))], vec![]));
}

#[test]
fn many_answers_are_one_byte_and_none_is_left_unannounced() {
    let mut pool = ThreadPool::new(&waker(), 4, FOREVER, |()| ());
    for _ in 0..100 {
        pool.submit(()).unwrap();
    }
    until(|| pool.shared.state().done.len() == 100);
    pool.shared.waker.clear();
    assert_eq!(pool.collect([]).0.len(), 100);
    assert!(!readable(&pool, 0), "the pipe is empty again");
    pool.submit(()).unwrap();
    assert!(readable(&pool, 10_000));
}

#[test]
fn every_signal_is_blocked_in_the_threads_and_the_callers_mask_is_as_before() {
    let before = SigSet::thread_get_mask().unwrap();
    let mut held = held(1);
    held.pool.submit(0).unwrap();
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
fn dropping_the_pool_waits_for_no_thread() {
    let mut held = held(2);
    held.pool.submit(0).unwrap();
    held.begun();
    let start = Instant::now();
    drop(held.pool);
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
