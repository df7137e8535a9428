use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use proptest::prelude::*;

use super::*;

const ATTEMPTS: u32 = 5;

fn at(seconds: f64) -> Timestamp {
    Duration::from_secs_f64(seconds)
}

fn status(status: u16) -> Failure {
    let class = match status {
        401 | 403 | 404 | 405 | 410 | 301 | 308 => Class::Configuration,
        402 | 408 | 409 | 425 | 429 | 500..=599 | 302 | 307 => Class::Provider { retry_after: None, suspect: true },
        _ => Class::Job,
    };
    Failure::new(class, Kind::Status(status), format!("HTTP {status}"), &[])
}

fn retry_after(code: u16, seconds: u64) -> Failure {
    let class = Class::Provider { retry_after: Some(Duration::from_secs(seconds)), suspect: true };
    Failure { class, ..status(code) }
}

fn bad_reply() -> Failure {
    Failure::of_reply("the JSON is cut off", &[])
}

fn refused_connection() -> Failure {
    Failure::provider("refuses connections", false, &[])
}

/// Everything a server, or what is before it, may say instead of an answer.
fn failures() -> Vec<Failure> {
    let codes =
        [400, 401, 402, 403, 404, 405, 408, 410, 413, 422, 424, 429, 451, 499, 500, 502, 503, 504, 529, 301, 307, 308];
    let mut all: Vec<Failure> = codes.into_iter().map(status).collect();
    all.extend([retry_after(429, 20), retry_after(503, 3), bad_reply()]);
    all
}

/// The worker and its queue, in so far as they matter here. A job that has just come goes before those that have failed.
struct World {
    state: ServerState,
    /// Answers of the server: job, moment of sending → failure.
    server: Box<dyn Fn(i64, f64) -> Option<Failure>>,
    latency: f64,
    concurrency: usize,
    attempts_max: u32,
    now: f64,
    waiting: BTreeMap<i64, Waiting>,
    flying: BinaryHeap<Reverse<(Duration, i64)>>,
    permits: HashMap<i64, (Permit, f64)>,
    requests: usize,
    asked: HashMap<i64, usize>,
    answered: BTreeMap<i64, f64>,
    dead: BTreeMap<i64, f64>,
    counted: BTreeMap<i64, u32>,
    arrived: BTreeMap<i64, f64>,
    /// How long the server was held as refusing after the first answer.
    blamed_after_answer: f64,
    seed: u64,
}

#[derive(Clone, Copy)]
struct Waiting {
    due: f64,
    attempt: u32,
}

impl World {
    fn new(server: impl Fn(i64, f64) -> Option<Failure> + 'static) -> World {
        World {
            state: ServerState::default(),
            server: Box::new(server),
            latency: 0.01,
            concurrency: 16,
            attempts_max: ATTEMPTS,
            now: 0.0,
            waiting: BTreeMap::new(),
            flying: BinaryHeap::new(),
            permits: HashMap::new(),
            requests: 0,
            asked: HashMap::new(),
            answered: BTreeMap::new(),
            dead: BTreeMap::new(),
            counted: BTreeMap::new(),
            arrived: BTreeMap::new(),
            blamed_after_answer: 0.0,
            seed: 1,
        }
    }

    fn jitter(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 11) as f64 / (1u64 << 53) as f64
    }

    fn arrive(&mut self, job: i64) {
        self.waiting.insert(job, Waiting { due: self.now, attempt: 0 });
        self.arrived.insert(job, self.now);
        self.state.on_arrival(at(self.now));
    }

    fn send(&mut self) {
        loop {
            let free = self.concurrency.saturating_sub(self.permits.len());
            if self.state.room(free, at(self.now)) == 0 {
                return;
            }
            let due = self.waiting.iter().filter(|(id, job)| job.due <= self.now && !self.permits.contains_key(id));
            let next = due.min_by(|(a, x), (b, y)| {
                let late = |job: i64| self.state.hold().is_some() && self.state.is_failing(job);
                (late(**a), x.due).partial_cmp(&(late(**b), y.due)).unwrap()
            });
            let Some((&job, _)) = next else { return };
            let permit = self.state.send(at(self.now));
            self.permits.insert(job, (permit, self.now));
            self.flying.push(Reverse((at(self.now + self.latency), job)));
            self.requests += 1;
            *self.asked.entry(job).or_default() += 1;
        }
    }

    fn land(&mut self, job: i64) {
        let (permit, sent) = self.permits.remove(&job).unwrap();
        let jitter = self.jitter();
        let Some(failure) = (self.server)(job, sent) else {
            self.state.answered(job, permit, at(self.now), jitter);
            self.waiting.remove(&job);
            self.answered.insert(job, self.now);
            return;
        };
        let others = !self.permits.is_empty() || self.waiting.values().filter(|w| w.due <= self.now).count() > 1;
        let failed = Failed { job, permit, failure: &failure, attempts_max: self.attempts_max, others };
        let (_, decision) = self.state.failed(failed, at(self.now), jitter);
        let waiting = self.waiting.get_mut(&job).unwrap();
        match decision {
            Decision::Wait(wait) => waiting.due = self.now + wait.as_secs_f64(),
            Decision::Count(least) => {
                waiting.attempt += 1;
                *self.counted.entry(job).or_default() += 1;
                if waiting.attempt >= self.attempts_max {
                    self.waiting.remove(&job);
                    self.dead.insert(job, self.now);
                    self.state.forget(job);
                } else {
                    let pause = retry::backoff(waiting.attempt, jitter).max(least);
                    waiting.due = self.now + pause.as_secs_f64();
                }
            }
        }
    }

    /// Lets time pass, in steps of what happens.
    fn until(&mut self, end: f64) {
        loop {
            self.send();
            let landing = self.flying.peek().map(|Reverse((time, _))| time.as_secs_f64());
            let probe = self.state.breaker().probe_at().map(|time| time.as_secs_f64());
            let due = self.waiting.iter().filter(|(job, _)| !self.permits.contains_key(job)).map(|(_, job)| job.due);
            let later = due.chain(probe).filter(|time| *time > self.now);
            let next = later.chain(landing).fold(f64::INFINITY, f64::min);
            let step = next.min(end) - self.now;
            if self.state.hold() == Some(Hold::Refusing) && !self.answered.is_empty() {
                self.blamed_after_answer += step.max(0.0);
            }
            if next >= end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            while self.flying.peek().is_some_and(|Reverse((time, _))| time.as_secs_f64() <= self.now) {
                let Reverse((_, job)) = self.flying.pop().unwrap();
                self.land(job);
            }
        }
    }

    /// The longest wait of those that were answered.
    fn slowest(&self) -> f64 {
        self.answered.iter().map(|(job, time)| time - self.arrived[job]).fold(0.0, f64::max)
    }
}

#[test]
fn a_job_that_fails_while_others_succeed_dies_with_its_attempts_counted_and_holds_up_nobody() {
    for failure in failures() {
        for first in [true, false] {
            let said = failure.clone();
            let mut world = World::new(move |job, _| (job == 0).then(|| said.clone()));
            if first {
                world.arrive(0);
            }
            for n in 1..=60 {
                world.until(f64::from(n) * 5.0);
                world.arrive(i64::from(n));
                if n == 1 && !first {
                    world.arrive(0);
                }
            }
            world.until(305.0);
            let what = &failure.message;
            assert_eq!(world.answered.len(), 60, "{what}");
            assert!(world.slowest() < 1.5, "{what}: {} s", world.slowest());
            assert_eq!(world.counted[&0], ATTEMPTS, "{what}");
            assert!(world.dead[&0] < 200.0, "{what}: dead after {} s", world.dead[&0]);
            // A call that nobody else is asked beside is taken for the server's fault until the next one is answered.
            assert!(world.blamed_after_answer < 5.1, "{what}: {} s", world.blamed_after_answer);
            assert!(world.asked[&0] < 40, "{what}: asked {} times", world.asked[&0]);
        }
    }
}

#[test]
fn it_is_the_same_where_many_calls_are_in_flight() {
    for failure in failures() {
        let said = failure.clone();
        let mut world = World::new(move |job, _| (job == 500).then(|| said.clone()));
        world.latency = 0.7;
        for n in 0..2000 {
            world.until(f64::from(n) / 17.0);
            world.arrive(i64::from(n));
        }
        world.until(300.0);
        let what = &failure.message;
        assert_eq!((world.answered.len(), world.dead.len()), (1999, 1), "{what}");
        assert!(world.slowest() < 2.0, "{what}: {} s", world.slowest());
        assert_eq!(world.counted[&500], ATTEMPTS, "{what}");
        assert_eq!(world.blamed_after_answer, 0.0, "{what}");
    }
}

#[test]
fn a_tenth_of_the_calls_that_fail_die_and_the_others_are_not_delayed() {
    for failure in failures() {
        let said = failure.clone();
        let mut world = World::new(move |job, _| (job % 10 == 3).then(|| said.clone()));
        world.latency = 0.2;
        for n in 0..200 {
            world.until(f64::from(n) / 10.0);
            world.arrive(i64::from(n));
        }
        // Calls go on coming: what nobody else is asked beside says nothing.
        for n in 200..2200 {
            world.until(20.0 + f64::from(n - 200) / 3.0);
            world.arrive(i64::from(n) * 10);
        }
        let what = &failure.message;
        assert!(world.dead.len() == 20, "{what}: {} dead, {} wait", world.dead.len(), world.waiting.len());
        assert!(world.slowest() < 8.0, "{what}: {} s", world.slowest());
    }
}

#[test]
fn what_every_job_meets_costs_no_attempt_and_few_requests_and_all_are_answered_afterwards() {
    for mut failure in failures().into_iter().chain([refused_connection()]) {
        for (attempts_max, worked_before) in [(1, false), (1, true), (5, false), (5, true)] {
            if let Class::Provider { retry_after: Some(_), .. } = failure.class {
                failure = retry_after(429, 10);
            }
            let said = failure.clone();
            let outage = if worked_before { 10.0..130.0 } else { 0.0..120.0 };
            let (begins, ends) = (outage.start, outage.end);
            let mut world = World::new(move |_, sent| (begins..ends).contains(&sent).then(|| said.clone()));
            world.attempts_max = attempts_max;
            if worked_before {
                (1000..1010).for_each(|job| world.arrive(job));
                world.until(begins);
            }
            (0..200).for_each(|job| world.arrive(job));
            world.until(ends);
            let what = format!("{}, {attempts_max} attempts, worked before: {worked_before}", failure.message);
            assert_eq!(world.counted.len(), 0, "{what}");
            assert!(world.requests < 70, "{what}: {} requests", world.requests);
            assert_eq!(world.state.hold(), Some(world.hold_of(&failure)), "{what}");
            world.until(ends + 200.0);
            assert_eq!((world.dead.len(), world.waiting.len()), (0, 0), "{what}");
        }
    }
}

#[test]
fn calls_that_come_during_an_outage_lose_no_attempt_either() {
    for failure in failures().into_iter().filter(|failure| failure.kind != Kind::Reply) {
        let said = failure.clone();
        let mut world = World::new(move |_, sent| (10.0..70.0).contains(&sent).then(|| said.clone()));
        world.attempts_max = 2;
        for n in 0..500 {
            world.until(f64::from(n) / 5.0);
            world.arrive(i64::from(n));
        }
        world.until(400.0);
        let what = &failure.message;
        assert_eq!((world.dead.len(), world.answered.len()), (0, 500), "{what}: {:?}", world.counted);
        assert!(world.requests < 600, "{what}: {} requests", world.requests);
    }
}

impl World {
    fn hold_of(&self, failure: &Failure) -> Hold {
        if matches!(failure.class, Class::Provider { .. }) { Hold::Failing } else { Hold::Refusing }
    }
}

#[test]
fn a_lone_call_that_is_refused_is_asked_ever_less_often_until_another_is_answered() {
    for code in [401, 403, 404, 410, 308] {
        let mut world = World::new(move |job, _| (job == 0).then(|| status(code)));
        world.arrive(0);
        world.until(3600.0);
        assert!((50..100).contains(&world.requests), "{code}: {}", world.requests);
        assert_eq!((world.state.hold(), world.counted.len()), (Some(Hold::Refusing), 0), "{code}");
        // The first call of the morning.
        world.arrive(1);
        world.until(3601.0);
        assert!(world.answered.contains_key(&1), "{code}");
        assert_eq!(world.state.hold(), None, "{code}");
    }
}

#[test]
fn a_lone_call_with_bad_replies_dies_after_its_attempts() {
    let mut world = World::new(|_, _| Some(bad_reply()));
    world.arrive(0);
    world.until(300.0);
    assert_eq!((world.requests, world.dead.len()), (5, 1));
}

#[test]
fn a_call_that_is_refused_once_is_answered_the_next_time_and_has_lost_one_attempt_at_most() {
    // 424 and 499 among them, which gateways say of what was behind them: nobody else has to wait for it.
    for failure in failures() {
        for others in [0, 50] {
            let said = failure.clone();
            let once = std::cell::Cell::new(true);
            let mut world = World::new(move |job, _| (job == 0 && once.replace(false)).then(|| said.clone()));
            (1..=others / 2).for_each(|job| world.arrive(job));
            world.arrive(0);
            (others / 2 + 1..=others).for_each(|job| world.arrive(job));
            world.until(300.0);
            let what = format!("{}, beside {others}", failure.message);
            assert_eq!((world.answered.len() as i64, world.dead.len()), (others + 1, 0), "{what}");
            assert_eq!(world.requests as i64, others + 2, "{what}");
            assert!(world.counted.get(&0).is_none_or(|counted| *counted <= 1), "{what}");
            assert_eq!(world.state.hold(), None, "{what}");
        }
    }
}

#[test]
fn a_wait_that_only_one_job_is_told_does_not_stop_the_others() {
    // Too large for the limit of tokens a minute: it can never succeed.
    let mut world = World::new(|job, _| (job == 0).then(|| retry_after(429, 20)));
    world.arrive(0);
    for n in 1..=100 {
        world.until(f64::from(n) * 3.0);
        world.arrive(i64::from(n));
    }
    world.until(303.0);
    assert_eq!(world.answered.len(), 100);
    assert!(world.slowest() < 1.0, "{} s", world.slowest());
    assert_eq!(world.counted[&0], ATTEMPTS);
}

#[test]
fn a_wait_that_two_jobs_are_told_stops_all_until_then() {
    let mut world = World::new(|_, sent| (sent < 100.0).then(|| retry_after(429, 120)));
    (0..50).for_each(|job| world.arrive(job));
    world.until(115.0);
    assert!(world.requests <= 16, "{}", world.requests);
    world.until(140.0);
    assert_eq!(world.answered.len(), 50);
}

#[test]
fn an_operator_who_asks_gets_a_probe_at_once_whatever_the_hold() {
    for failure in [status(401), status(404), status(400), status(503), retry_after(503, 3600)] {
        let said = failure.clone();
        let mut world = World::new(move |_, sent| (sent < 500.0).then(|| said.clone()));
        (0..5).for_each(|job| world.arrive(job));
        world.until(500.5);
        world.state.probe_now(at(world.now));
        world.until(502.0);
        assert_eq!(world.answered.len(), 5, "{}", failure.message);
    }
}

#[test]
fn another_configuration_begins_anew_and_answers_to_the_old_one_say_nothing() {
    let mut state = ServerState::default();
    let permits: Vec<Permit> = (0..5).map(|_| state.send(at(0.0))).collect();
    let failure = status(401);
    let failed =
        |job: usize| Failed { job: job as i64, permit: permits[job], failure: &failure, attempts_max: 5, others: true };
    state.failed(failed(0), at(0.0), 0.5);
    assert_eq!(state.failed(failed(1), at(0.0), 0.5).0, Some(Change::Opened));
    state.reset();
    assert_eq!(state.failed(failed(2), at(0.0), 0.5), (None, Decision::Wait(Duration::ZERO)));
    assert_eq!(state.answered(3, permits[3], at(0.0), 0.5), None);
    assert_eq!((state.room(9, at(0.0)), state.hold()), (9, None));
}

#[test]
fn a_model_that_answers_nothing_of_use_stops_the_requests_and_keeps_the_attempts() {
    let mut world = World::new(|_, sent| (sent < 100.0).then(bad_reply));
    (0..100).for_each(|job| world.arrive(job));
    world.until(100.0);
    assert!(world.requests < 40, "{}", world.requests);
    assert_eq!(world.state.hold(), Some(Hold::Refusing));
    world.until(200.0);
    assert_eq!((world.answered.len(), world.dead.len()), (100, 0));
}

proptest! {
    /// Whatever fails when and for whom: every call is answered or dead, only those die that never could be answered, and
    /// requests are bounded by what is needed.
    #[test]
    fn only_those_die_that_no_server_answers(
        seed in any::<u64>(),
        outage in (0.0f64..60.0, 0.0f64..120.0),
        poisoned in prop::collection::btree_set(0i64..200, 0..6),
        server in 0usize..24,
        call in 0usize..24,
        attempts_max in 2u32..7,
    ) {
        let (server, call) = (failures()[server].clone(), failures()[call].clone());
        let (begins, ends) = (outage.0, outage.0 + outage.1);
        let bad = poisoned.clone();
        let mut world = World::new(move |job, sent| {
            let down = (begins..ends).contains(&sent).then(|| server.clone());
            down.or_else(|| bad.contains(&job).then(|| call.clone()))
        });
        world.seed = seed;
        world.attempts_max = attempts_max;
        world.latency = 0.3;
        for n in 0..200 {
            world.until(n as f64 / 2.0);
            world.arrive(n);
        }
        // Calls go on coming, every now and then.
        for n in 200..400 {
            world.until(100.0 + (n - 200) as f64 * 3.0);
            world.arrive(n);
        }
        world.until(900.0);
        for job in world.dead.keys() {
            prop_assert!(poisoned.contains(job), "{job} is dead");
        }
        prop_assert_eq!(world.answered.len() + poisoned.len(), 400);
        prop_assert!(world.requests < 400 + 40 * (poisoned.len() + 3) + 100, "{} requests", world.requests);
    }
}
