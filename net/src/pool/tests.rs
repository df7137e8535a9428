use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{SigSet, Signal};
use tokio::sync::Semaphore;

use super::*;
use crate::llm;
use crate::styles::SharedStyles;

const SOON: Duration = Duration::from_secs(10);

/// A task that does what its pool does with it, for so long at most.
struct Work(u64, Duration);

fn work(number: u64) -> Work {
    Work(number, Duration::from_secs(3600))
}

impl Task for Work {
    type Output = u64;
    type Context = u64;
    type Response = (u64, Result<u64, String>);

    fn timeout(&self) -> Duration {
        self.1
    }

    fn context(&self) -> u64 {
        self.0
    }

    fn response(number: u64, output: Result<u64, TaskError>, _: Duration) -> Self::Response {
        let output = output.map_err(|error| match error {
            TaskError::NoThread(error) => error.to_string(),
            TaskError::Panic(message) => message,
            TaskError::Abandoned => "abandoned".to_owned(),
        });
        (number, output)
    }
}

fn waker() -> Waker {
    Waker::new().unwrap()
}

fn readable(pool: &Pool<Work>, within_ms: u16) -> bool {
    poll(&mut [PollFd::new(pool.finished.waker.fd(), PollFlags::POLLIN)], within_ms).unwrap() > 0
}

/// Waits for the pipe and collects, until `count` answers are there.
#[track_caller]
fn collect(pool: &mut Pool<Work>, count: usize) -> Vec<(u64, Result<u64, String>)> {
    let start = Instant::now();
    let mut all = Vec::new();
    while all.len() < count {
        assert!(start.elapsed() < SOON, "only {} of {count} answers", all.len());
        if readable(pool, 10) {
            pool.finished.waker.clear();
        }
        all.extend(pool.poll());
    }
    all
}

/// Work that says when it has begun and ends when it is told to.
struct Held {
    pool: Pool<Work>,
    begun: Receiver<u64>,
    /// A permit for each that may end.
    go: Arc<Semaphore>,
}

fn held(limit: usize) -> Held {
    let (begin, begun): (Sender<u64>, _) = channel();
    let go = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&go);
    let pool = Pool::new(&waker(), limit, move |Work(number, _), _| {
        let (begin, wait) = (begin.clone(), Arc::clone(&wait));
        async move {
            let _ = begin.send(number);
            wait.acquire().await.unwrap().forget();
            number
        }
    });
    Held { pool, begun, go }
}

impl Held {
    fn begun(&self) -> u64 {
        self.begun.recv_timeout(SOON).expect("work that begins")
    }

    fn begun_sorted(&self, count: usize) -> Vec<u64> {
        let mut begun: Vec<u64> = (0..count).map(|_| self.begun()).collect();
        begun.sort();
        begun
    }

    fn end(&self, count: usize) {
        self.go.add_permits(count);
    }
}

#[test]
fn a_pool_without_requests_has_no_deadline_and_no_responses() {
    let mut pool = llm::pool(&waker(), SharedStyles::default());
    assert_eq!((pool.in_flight(), pool.next_deadline(), pool.poll().len()), (0, None, 0));
}

#[test]
fn a_thousand_connections_are_not_stopped_by_a_soft_limit_of_open_files() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 256.min(hard), hard).unwrap();
    let limit = llm::pool(&waker(), SharedStyles::default()).set_limit(1000);
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (2024.min(hard), hard));
    assert_eq!(limit as u64, 1000.min(hard - 256));
}

#[test]
fn every_piece_of_work_is_answered_once() {
    let mut pool = Pool::new(&waker(), 8, |Work(number, _), _| async move { number * 2 });
    (0..1000).for_each(|number| pool.submit(work(number)));
    let mut answers = collect(&mut pool, 1000);
    answers.sort();
    let expected: Vec<_> = (0..1000).map(|number| (number, Ok(number * 2))).collect();
    assert_eq!((answers, pool.in_flight(), pool.next_deadline()), (expected, 0, None));
}

#[test]
fn the_limit_holds_and_can_be_raised_while_work_waits() {
    let mut held = held(2);
    (0..4).for_each(|number| held.pool.submit(work(number)));
    assert_eq!(held.begun_sorted(2), [0, 1]);
    assert!(held.begun.try_recv().is_err());
    held.pool.set_limit(3);
    assert_eq!(held.begun(), 2);
    held.end(3);
    assert_eq!(collect(&mut held.pool, 3).len(), 3);
    assert_eq!(held.begun(), 3, "it begins when others have ended");
    held.end(1);
    assert_eq!(collect(&mut held.pool, 1), [(3, Ok(3))]);
}

#[test]
fn a_lowered_limit_interrupts_none_and_holds_for_the_next() {
    let mut held = held(4);
    (0..6).for_each(|number| held.pool.submit(work(number)));
    assert_eq!(held.begun_sorted(4), [0, 1, 2, 3]);
    held.pool.set_limit(1);
    held.end(4);
    assert_eq!(collect(&mut held.pool, 4).len(), 4);
    assert_eq!(held.begun(), 4);
    assert!(held.begun.try_recv().is_err(), "one at a time");
}

#[test]
fn a_panic_is_an_answer_and_the_others_go_on() {
    let panics = |Work(number, _), _| async move { if number == 0 { panic!("no {number}") } else { number } };
    let mut pool = Pool::new(&waker(), 1, panics);
    pool.submit(work(0));
    pool.submit(work(7));
    assert_eq!(collect(&mut pool, 2), [(0, Err("no 0".into())), (7, Ok(7))]);
}

#[test]
fn what_outlives_its_time_is_given_up_and_its_place_is_free() {
    let mut held = held(1);
    held.pool.submit(Work(0, Duration::ZERO));
    held.pool.submit(work(1));
    assert_eq!(held.begun(), 0);
    assert_eq!(collect(&mut held.pool, 1), [(0, Err("abandoned".into()))]);
    assert_eq!(held.begun(), 1);
    held.end(1);
    assert_eq!(collect(&mut held.pool, 1), [(1, Ok(1))]);
    assert_eq!((held.pool.poll(), held.pool.in_flight()), (vec![], 0));
}

#[test]
fn work_given_up_before_it_began_never_begins() {
    let mut held = held(1);
    held.pool.submit(work(0));
    held.pool.submit(Work(1, Duration::ZERO));
    assert_eq!(held.begun(), 0);
    assert_eq!(collect(&mut held.pool, 1), [(1, Err("abandoned".into()))]);
    held.end(1);
    assert_eq!(collect(&mut held.pool, 1), [(0, Ok(0))]);
    assert!(held.begun.try_recv().is_err());
}

#[test]
fn an_answer_that_came_in_time_is_not_given_up() {
    let mut pool = Pool::new(&waker(), 1, |Work(number, _), _| async move { number });
    pool.submit(Work(3, Duration::ZERO));
    assert!(readable(&pool, 10_000));
    thread::sleep(pool.next_deadline().unwrap().saturating_duration_since(Instant::now()));
    assert_eq!(pool.poll(), [(3, Ok(3))]);
}

#[test]
fn a_thread_that_is_stuck_loses_no_answer() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let mut pool = Pool::new(&waker(), 2, move |Work(number, _), _| {
        let _ = wait.lock().unwrap().recv();
        async move { number }
    });
    pool.submit(Work(0, Duration::ZERO));
    pool.submit(Work(1, Duration::ZERO));
    let abandoned = |number| (number, Err("abandoned".to_owned()));
    assert_eq!(collect(&mut pool, 2), [abandoned(0), abandoned(1)]);
    drop(go);
}

#[test]
fn many_answers_are_one_byte_and_none_is_left_unannounced() {
    let mut pool = Pool::new(&waker(), 100, |Work(number, _), _| async move { number });
    (0..100).for_each(|number| pool.submit(work(number)));
    until(|| pool.finished.tasks.lock().unwrap().len() == 100);
    pool.finished.waker.clear();
    assert_eq!(pool.poll().len(), 100);
    assert!(!readable(&pool, 0), "the pipe is empty again");
    pool.submit(work(0));
    assert!(readable(&pool, 10_000));
}

#[test]
fn every_signal_is_blocked_in_the_threads_and_the_callers_mask_is_as_before() {
    let before = SigSet::thread_get_mask().unwrap();
    let (begin, begun) = channel();
    // A look-up has a thread of its own.
    let mut pool = Pool::new(&waker(), 1, move |Work(number, _), _| {
        let begin = begin.clone();
        async move {
            tokio::task::spawn_blocking(move || begin.send(masks()).unwrap()).await.unwrap();
            number
        }
    });
    pool.submit(work(0));
    assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    let masks = begun.recv_timeout(SOON).unwrap();
    assert!(masks.iter().any(|(name, _)| name == "voice-http") && masks.iter().any(|(name, _)| name == "voice-lookup"));
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        let bit = 1 << (signal as u32 - 1);
        assert!(masks.iter().all(|(_, mask)| mask & bit != 0), "{signal} reaches a thread");
    }
}

/// The names of our threads and the signals that each has blocked.
fn masks() -> Vec<(String, u64)> {
    let mask = |task: std::io::Result<fs::DirEntry>| {
        let folder = task.ok()?.path();
        let name = fs::read_to_string(folder.join("comm")).ok()?.trim().to_owned();
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim().to_owned();
        Some((name, u64::from_str_radix(&mask, 16).ok()?))
    };
    let all = fs::read_dir("/proc/self/task").unwrap().filter_map(mask);
    all.filter(|(name, _)| name.starts_with("voice-")).collect()
}

#[test]
fn dropping_the_pool_waits_for_nobody_and_ends_its_thread() {
    let mut held = held(2);
    held.pool.submit(work(0));
    held.begun();
    drop(held.pool);
    let ended = |begun: &Receiver<u64>| matches!(begun.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
    until(|| ended(&held.begun));
}

#[track_caller]
fn until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "waited {SOON:?} in vain");
        thread::sleep(Duration::from_millis(1));
    }
}
