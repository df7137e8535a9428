//! Round robin: whose jobs are taken next. The most urgent priority goes first; within a priority the keys take turns,
//! however many jobs one of them has waiting. A key without capacity is passed over. A key is whatever jobs take turns by,
//! such as a tenant or a webhook.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::ops::Bound::{Excluded, Unbounded};

/// Jobs that may run now, by priority (the lower first) and key; those of one key keep their order.
#[derive(Debug)]
pub struct RoundRobin<K> {
    classes: BTreeMap<i16, Class<K>>,
    /// All jobs, and the number of keys that have more jobs than are here.
    here: Count,
    /// The part of `here` whose keys had no capacity when jobs were last taken.
    throttled: Count,
}

impl<K> Default for RoundRobin<K> {
    fn default() -> Self {
        RoundRobin { classes: BTreeMap::new(), here: Count::default(), throttled: Count::default() }
    }
}

/// The jobs of one priority.
#[derive(Debug)]
struct Class<K> {
    keys: BTreeMap<K, Queue>,
    /// The key that was served last. It outlives the jobs, so that refilled jobs go on with the next key.
    last: Option<K>,
}

impl<K> Default for Class<K> {
    fn default() -> Self {
        Class { keys: BTreeMap::new(), last: None }
    }
}

/// The jobs of one key and priority.
#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<i64>,
    /// More jobs wait behind these.
    more: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    jobs: usize,
    more: usize,
}

impl Count {
    fn add(&mut self, queue: &Queue) {
        self.jobs += queue.jobs.len();
        self.more += usize::from(queue.more);
    }
}

/// The ready jobs of one priority and key, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyJobs<K> {
    pub priority: i16,
    pub key: K,
    pub jobs: Vec<i64>,
    /// More jobs wait behind these.
    pub more: bool,
}

impl<K: Clone + Ord + Hash> RoundRobin<K> {
    /// Replaces all jobs. The order of turns is kept.
    pub fn fill(&mut self, ready: impl IntoIterator<Item = ReadyJobs<K>>) {
        self.clear();
        for ReadyJobs { priority, key, jobs, more } in ready {
            if !jobs.is_empty() {
                let queue = Queue { jobs: jobs.into(), more };
                self.here.add(&queue);
                self.classes.entry(priority).or_default().keys.insert(key, queue);
            }
        }
    }

    /// Removes all jobs.
    pub fn clear(&mut self) {
        self.classes.values_mut().for_each(|class| class.keys.clear());
        (self.here, self.throttled) = (Count::default(), Count::default());
    }

    /// Takes the next `count` jobs, or as many as there are. Of each key it takes no more than `capacity` of that key,
    /// which is asked once a key.
    pub fn take(&mut self, count: usize, capacity: impl Fn(&K) -> usize) -> Vec<i64> {
        let mut taken = Vec::with_capacity(count.min(self.here.jobs));
        let mut capacities = HashMap::new();
        self.throttled = Count::default();
        for class in self.classes.values_mut() {
            let mut throttled = Vec::new();
            while taken.len() < count
                && let Some(key) = class.next_key()
            {
                let left = capacities.entry(key.clone()).or_insert_with(|| capacity(&key));
                match left.checked_sub(1) {
                    Some(less) => {
                        *left = less;
                        taken.extend(class.serve(key));
                    }
                    None => throttled.extend(class.keys.remove_entry(&key)),
                }
            }
            throttled.iter().for_each(|(_, queue)| self.throttled.add(queue));
            class.keys.extend(throttled);
        }
        self.here.jobs -= taken.len();
        taken
    }

    /// Number of jobs whose keys had capacity when it was last asked.
    pub fn ready(&self) -> usize {
        self.here.jobs - self.throttled.jobs
    }

    /// Whether more jobs wait behind these, of keys that had capacity.
    pub fn has_behind(&self) -> bool {
        self.here.more > self.throttled.more
    }

    /// Number of jobs that were left when jobs were last taken because their keys had no capacity.
    pub fn throttled(&self) -> usize {
        self.throttled.jobs
    }

    /// The keys that have jobs here. A key with jobs of several priorities comes several times.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.classes.values().flat_map(|class| class.keys.keys())
    }
}

impl<K: Clone + Ord> Class<K> {
    /// The key after the one served last, or the first key where that was the last one.
    fn next_key(&self) -> Option<K> {
        let after = self.last.as_ref().and_then(|last| self.keys.range((Excluded(last), Unbounded)).next());
        after.or_else(|| self.keys.iter().next()).map(|(key, _)| key.clone())
    }

    /// Takes the next job of this key.
    fn serve(&mut self, key: K) -> Option<i64> {
        let queue = self.keys.get_mut(&key)?;
        let job = queue.jobs.pop_front();
        if queue.jobs.is_empty() {
            self.keys.remove(&key);
        }
        self.last = Some(key);
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY: fn(&String) -> usize = |_| usize::MAX;

    fn waiting(priority: i16, tenant: &str, jobs: &[i64]) -> ReadyJobs<String> {
        ReadyJobs { priority, key: tenant.to_owned(), jobs: jobs.to_vec(), more: false }
    }

    fn queue_of(jobs: &[(i16, &str, &[i64])]) -> RoundRobin<String> {
        let mut queue_of = RoundRobin::default();
        queue_of.fill(jobs.iter().map(|(priority, tenant, ids)| waiting(*priority, tenant, ids)));
        queue_of
    }

    #[test]
    fn tenants_take_turns_and_each_keeps_its_order() {
        let mut queue_of = queue_of(&[(0, "a", &[1, 2, 3, 4]), (0, "b", &[10]), (0, "c", &[20, 21])]);
        assert_eq!(queue_of.take(100, ANY), [1, 10, 20, 2, 21, 3, 4]);
        assert_eq!(queue_of.ready(), 0);
    }

    #[test]
    fn live_calls_go_before_anybodys_backfill() {
        let mut queue_of = queue_of(&[(10, "a", &[1, 2]), (0, "b", &[10, 11])]);
        assert_eq!((queue_of.take(3, ANY), queue_of.ready()), (vec![10, 11, 1], 1));
    }

    #[test]
    fn whose_turn_it_is_survives_a_look_at_the_queue() {
        let mut queue_of = queue_of(&[(0, "flood", &[1, 2, 3])]);
        assert_eq!(queue_of.take(1, ANY), [1]);
        queue_of.fill([waiting(0, "flood", &[2, 3, 4]), waiting(0, "other", &[9])]);
        assert_eq!(queue_of.take(2, ANY), [9, 2]);
    }

    #[test]
    fn a_tenant_without_room_is_passed_over_and_keeps_its_jobs() {
        let mut queue_of = queue_of(&[(0, "a", &[1, 2]), (0, "b", &[10, 11]), (10, "a", &[3])]);
        assert_eq!(queue_of.take(100, |tenant| if tenant == "a" { 1 } else { 9 }), [1, 10, 11]);
        assert_eq!((queue_of.ready(), queue_of.throttled()), (0, 2), "one live, one of a backfill");
        assert_eq!(queue_of.take(100, ANY), [2, 3]);
    }

    #[test]
    fn more_is_wanted_for_those_who_have_room_only() {
        let mut queue_of = RoundRobin::default();
        queue_of.fill([ReadyJobs { more: true, ..waiting(0, "a", &[1, 2]) }, waiting(0, "b", &[10])]);
        queue_of.take(100, |tenant| usize::from(tenant == "b"));
        assert!(!queue_of.has_behind() && queue_of.ready() == 0);
        queue_of.take(100, ANY);
        assert!(queue_of.has_behind());
    }

    proptest! {
        #[test]
        fn every_job_is_taken_once_and_nobody_twice_before_all_others(
            waiting in proptest::collection::vec(0usize..20, 1..12), at_once in 1usize..9,
        ) {
            let mut queue_of = RoundRobin::default();
            let id = |tenant: usize, n: usize| (tenant * 1000 + n) as i64;
            queue_of.fill(waiting.iter().enumerate().map(|(t, n)| {
                super::tests::waiting(0, &format!("{t:02}"), &(0..*n).map(|n| id(t, n)).collect::<Vec<_>>())
            }));
            let mut taken = Vec::new();
            while queue_of.ready() > 0 {
                taken.extend(queue_of.take(at_once, ANY));
            }
            let mut sorted = taken.clone();
            sorted.sort_unstable();
            let all: Vec<i64> = waiting.iter().enumerate().flat_map(|(t, n)| (0..*n).map(move |n| id(t, n))).collect();
            prop_assert_eq!(sorted, all);
            // The n-th of any tenant comes before the (n + 1)-th of any other.
            let rounds: Vec<i64> = taken.iter().map(|id| id % 1000).collect();
            prop_assert!(rounds.is_sorted(), "{taken:?}");
        }

        #[test]
        fn nobody_gets_more_than_they_have_room_for_and_nobody_less_for_that(
            tenants in proptest::collection::vec((0usize..20, 0usize..8), 1..12), at_once in 1usize..99,
        ) {
            let mut queue_of = RoundRobin::default();
            let id = |tenant: usize, n: usize| (tenant * 1000 + n) as i64;
            queue_of.fill(tenants.iter().enumerate().map(|(t, (n, _))| {
                super::tests::waiting(0, &format!("{t:02}"), &(0..*n).map(|n| id(t, n)).collect::<Vec<_>>())
            }));
            let taken = queue_of.take(at_once, |tenant| tenants[tenant.parse::<usize>().unwrap()].1);
            let allowed: usize = tenants.iter().map(|(n, room)| *n.min(room)).sum();
            prop_assert_eq!(taken.len(), allowed.min(at_once));
            for (t, (_, room)) in tenants.iter().enumerate() {
                prop_assert!(taken.iter().filter(|id| **id / 1000 == t as i64).count() <= *room);
            }
            let all: usize = tenants.iter().map(|(n, _)| n).sum();
            let mut rest = queue_of.take(usize::MAX, ANY);
            prop_assert_eq!(rest.len() + taken.len(), all);
            rest.extend(taken);
            rest.sort_unstable();
            rest.dedup();
            prop_assert_eq!(rest.len(), all);
        }
    }
}
