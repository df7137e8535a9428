//! Whose turn it is: what is urgent first, and among equals each tenant in turn, however much one of them has waiting.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

/// Jobs that may run now, by priority (the lower first) and tenant, each tenant's in its own order.
#[derive(Debug, Default)]
pub struct Ring {
    classes: BTreeMap<i16, Class>,
    len: usize,
}

#[derive(Debug, Default)]
struct Class {
    tenants: BTreeMap<String, VecDeque<i64>>,
    /// Who was served last; it outlives the jobs, so that a ring filled anew goes on where it was.
    last: Option<String>,
}

impl Ring {
    /// Replaces all jobs. Whose turn it is remains.
    pub fn fill(&mut self, jobs: impl IntoIterator<Item = (i16, String, Vec<i64>)>) {
        self.clear();
        for (priority, tenant, ids) in jobs {
            if !ids.is_empty() {
                self.len += ids.len();
                self.classes.entry(priority).or_default().tenants.entry(tenant).or_default().extend(ids);
            }
        }
    }

    /// Forgets all jobs.
    pub fn clear(&mut self) {
        self.classes.values_mut().for_each(|class| class.tenants.clear());
        self.len = 0;
    }

    /// The next `count` jobs, or as many as there are.
    pub fn take(&mut self, count: usize) -> Vec<i64> {
        let mut taken = Vec::with_capacity(count.min(self.len));
        for class in self.classes.values_mut() {
            while taken.len() < count
                && let Some(id) = class.next()
            {
                taken.push(id);
            }
        }
        self.len -= taken.len();
        taken
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Class {
    /// One job of the tenant after the last one served, or of the first where that was the last of all.
    fn next(&mut self) -> Option<i64> {
        let after = self.last.take();
        let tenant = match &after {
            Some(last) => self.tenants.range::<str, _>((Excluded(last.as_str()), Unbounded)).next(),
            None => None,
        };
        let tenant = tenant.or_else(|| self.tenants.iter().next()).map(|(tenant, _)| tenant.clone());
        let Some(tenant) = tenant else {
            self.last = after;
            return None;
        };
        let jobs = self.tenants.get_mut(&tenant)?;
        let id = jobs.pop_front();
        if jobs.is_empty() {
            self.tenants.remove(&tenant);
        }
        self.last = Some(tenant);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(jobs: &[(i16, &str, &[i64])]) -> Ring {
        let mut ring = Ring::default();
        ring.fill(jobs.iter().map(|(priority, tenant, ids)| (*priority, (*tenant).to_owned(), ids.to_vec())));
        ring
    }

    #[test]
    fn tenants_take_turns_and_each_keeps_its_order() {
        let mut ring = ring(&[(0, "a", &[1, 2, 3, 4]), (0, "b", &[10]), (0, "c", &[20, 21])]);
        assert_eq!(ring.take(100), [1, 10, 20, 2, 21, 3, 4]);
        assert!(ring.is_empty());
    }

    #[test]
    fn live_calls_go_before_anybodys_backfill() {
        let mut ring = ring(&[(10, "a", &[1, 2]), (0, "b", &[10, 11])]);
        assert_eq!((ring.take(3), ring.len()), (vec![10, 11, 1], 1));
    }

    #[test]
    fn whose_turn_it_is_survives_a_look_at_the_queue() {
        let mut ring = ring(&[(0, "flood", &[1, 2, 3])]);
        assert_eq!(ring.take(1), [1]);
        ring.fill([(0, "flood".to_owned(), vec![2, 3, 4]), (0, "other".to_owned(), vec![9])]);
        assert_eq!(ring.take(2), [9, 2]);
    }

    proptest! {
        #[test]
        fn every_job_is_taken_once_and_nobody_twice_before_all_others(
            waiting in proptest::collection::vec(0usize..20, 1..12), at_once in 1usize..9,
        ) {
            let mut ring = Ring::default();
            let id = |tenant: usize, n: usize| (tenant * 1000 + n) as i64;
            ring.fill(waiting.iter().enumerate().map(|(t, n)| (0, format!("{t:02}"), (0..*n).map(|n| id(t, n)).collect())));
            let mut taken = Vec::new();
            while !ring.is_empty() {
                taken.extend(ring.take(at_once));
            }
            let mut sorted = taken.clone();
            sorted.sort_unstable();
            let all: Vec<i64> = waiting.iter().enumerate().flat_map(|(t, n)| (0..*n).map(move |n| id(t, n))).collect();
            prop_assert_eq!(sorted, all);
            // The n-th of any tenant comes before the (n + 1)-th of any other.
            let rounds: Vec<i64> = taken.iter().map(|id| id % 1000).collect();
            prop_assert!(rounds.is_sorted(), "{taken:?}");
        }
    }
}
