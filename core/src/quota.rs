//! What a tenant may ask of the LLM: so many requests at once, so many a minute. What is over its limit waits, and holds
//! up nobody else.

use crate::rate::Rate;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Rates of tenants that have not asked for long are forgotten past so many.
const KEPT: usize = 1024;

/// A limit; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    pub max_concurrency: u32,
    pub requests_per_minute: u32,
}

impl Limit {
    const NONE: Limit = Limit { max_concurrency: 0, requests_per_minute: 0 };
}

/// What is said of a tenant by itself; `None`: as of any other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TenantLimitOverride {
    pub max_concurrency: Option<u32>,
    pub requests_per_minute: Option<u32>,
    /// `None`: it may spend what it likes.
    pub budget: Option<DayBudget>,
}

/// What a tenant may spend a day, as it was when somebody looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayBudget {
    /// It has spent that much today.
    pub is_spent: bool,
    /// Until the next day begins, with a budget of which nothing is spent.
    pub day_left: Duration,
}

/// The limits of all tenants, and how much of them is used.
#[derive(Debug, Default)]
pub struct Quotas {
    default: Limit,
    overrides: HashMap<String, TenantLimitOverride>,
    in_flight: HashMap<String, u32>,
    rates: HashMap<String, Rate>,
    /// When the overrides were set.
    set_at: Timestamp,
    /// A tenant with a budget was answered.
    spending: bool,
}

impl Quotas {
    /// The limit of tenants of whom nothing else is said.
    pub fn set_default(&mut self, limit: Limit, now: Timestamp) {
        self.default = limit;
        self.apply(now);
    }

    /// All of whom something else is said.
    pub fn set_overrides(
        &mut self,
        overrides: impl IntoIterator<Item = (String, TenantLimitOverride)>,
        now: Timestamp,
    ) {
        self.overrides = overrides.into_iter().collect();
        self.set_at = now;
        self.apply(now);
    }

    /// How many requests may leave for this tenant now.
    pub fn room(&self, tenant: &str, now: Timestamp) -> usize {
        if self.default == Limit::NONE && self.overrides.is_empty() {
            return usize::MAX;
        }
        let limit = self.limit(tenant);
        let places = match limit.max_concurrency {
            0 => usize::MAX,
            max => max.saturating_sub(self.in_flight.get(tenant).copied().unwrap_or(0)) as usize,
        };
        match (limit.requests_per_minute, self.rates.get(tenant)) {
            (0, _) => places,
            (_, Some(rate)) => rate.room(places, now),
            (per_minute, None) => Rate::of(per_minute).room(places, now),
        }
    }

    /// When the next request may leave for this tenant: now, or when the number a minute lets it; `None`: after an answer.
    pub fn next(&self, tenant: &str, now: Timestamp) -> Option<Timestamp> {
        let limit = self.limit(tenant).max_concurrency;
        if limit > 0 && self.in_flight.get(tenant).is_some_and(|count| *count >= limit) {
            return None;
        }
        Some(self.rates.get(tenant).and_then(|rate| rate.next(now)).unwrap_or(now))
    }

    /// How many requests of jobs that are not begun may leave for this tenant now: none where its budget is spent. What is begun
    /// ends.
    pub fn begin_room(&self, tenant: &str, now: Timestamp) -> usize {
        if self.is_over_budget(tenant, now) { 0 } else { self.room(tenant, now) }
    }

    /// When the next request of a job that is not begun may leave: as [`Quotas::next`], or when the day of a budget ends.
    pub fn next_begin(&self, tenant: &str, now: Timestamp) -> Option<Timestamp> {
        match self.spent_until(tenant).filter(|until| now < *until) {
            Some(until) => Some(until),
            None => self.next(tenant, now),
        }
    }

    /// Whether this tenant has spent what it may spend a day.
    pub fn is_over_budget(&self, tenant: &str, now: Timestamp) -> bool {
        self.spent_until(tenant).is_some_and(|until| now < until)
    }

    /// Whether a tenant that has a budget was answered since the last call: what it has spent is to be looked at again.
    pub fn take_spending(&mut self) -> bool {
        std::mem::take(&mut self.spending)
    }

    fn budget(&self, tenant: &str) -> Option<DayBudget> {
        self.overrides.get(tenant)?.budget
    }

    fn spent_until(&self, tenant: &str) -> Option<Timestamp> {
        let budget = self.budget(tenant).filter(|budget| budget.is_spent)?;
        Some(self.set_at.saturating_add(budget.day_left))
    }

    /// A request leaves.
    pub fn send(&mut self, tenant: &str, now: Timestamp) {
        match self.in_flight.get_mut(tenant) {
            Some(count) => *count += 1,
            None => _ = self.in_flight.insert(tenant.to_owned(), 1),
        }
        let per_minute = self.limit(tenant).requests_per_minute;
        if per_minute > 0 {
            if self.rates.len() >= KEPT {
                self.rates.retain(|_, rate| !rate.is_full(now));
            }
            self.rates.entry(tenant.to_owned()).or_insert_with(|| Rate::of(per_minute)).send(now);
        }
    }

    /// A request has been answered, or given up.
    pub fn done(&mut self, tenant: &str) {
        self.spending |= self.budget(tenant).is_some();
        match self.in_flight.get_mut(tenant) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = self.in_flight.remove(tenant),
        }
    }

    fn limit(&self, tenant: &str) -> Limit {
        let exception = self.overrides.get(tenant).copied().unwrap_or_default();
        Limit {
            max_concurrency: exception.max_concurrency.unwrap_or(self.default.max_concurrency),
            requests_per_minute: exception.requests_per_minute.unwrap_or(self.default.requests_per_minute),
        }
    }

    /// What was used of old limits is not forgotten where there are new ones.
    fn apply(&mut self, now: Timestamp) {
        let mut rates = std::mem::take(&mut self.rates);
        rates.retain(|tenant, rate| {
            let per_minute = self.limit(tenant).requests_per_minute;
            rate.set(per_minute, now);
            per_minute > 0
        });
        self.rates = rates;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Timestamp = Duration::ZERO;

    fn limited(max_concurrency: u32, requests_per_minute: u32) -> Quotas {
        let mut quotas = Quotas::default();
        quotas.set_default(Limit { max_concurrency, requests_per_minute }, START);
        quotas
    }

    #[test]
    fn without_a_limit_there_is_room() {
        let mut quotas = Quotas::default();
        (0..5000).for_each(|_| quotas.send("a", START));
        assert_eq!(quotas.room("a", START), usize::MAX);
    }

    #[test]
    fn a_place_is_free_again_after_the_answer() {
        let mut quotas = limited(2, 0);
        quotas.send("a", START);
        quotas.send("a", START);
        assert_eq!((quotas.room("a", START), quotas.room("b", START)), (0, 2));
        assert_eq!(quotas.next("a", START), None);
        quotas.done("a");
        assert_eq!(quotas.room("a", START), 1);
    }

    #[test]
    fn requests_that_were_on_their_way_before_the_limit_count() {
        let mut quotas = Quotas::default();
        (0..3).for_each(|_| quotas.send("a", START));
        quotas.set_default(Limit { max_concurrency: 2, requests_per_minute: 0 }, START);
        assert_eq!(quotas.room("a", START), 0);
        (0..2).for_each(|_| quotas.done("a"));
        assert_eq!(quotas.room("a", START), 1);
    }

    #[test]
    fn sixty_a_minute_is_one_a_second_for_each() {
        let mut quotas = limited(0, 60);
        assert_eq!(quotas.room("a", START), 1);
        quotas.send("a", START);
        assert_eq!((quotas.room("a", START), quotas.room("b", START)), (0, 1));
        let next = quotas.next("a", START);
        assert_eq!((next, quotas.next("b", START)), (Some(Duration::from_secs(1)), Some(START)));
        let late = Duration::from_secs(9);
        assert_eq!(quotas.next("a", late), Some(late), "its moment has passed");
        assert_eq!(quotas.room("a", Duration::from_secs(1)), 1);
    }

    #[test]
    fn of_one_tenant_something_else_may_be_said_of_either() {
        let mut quotas = limited(1, 60);
        let large = TenantLimitOverride { max_concurrency: Some(5), requests_per_minute: Some(0), budget: None };
        let small = TenantLimitOverride { requests_per_minute: Some(6000), ..TenantLimitOverride::default() };
        quotas.set_overrides([("large".to_owned(), large), ("small".to_owned(), small)], START);
        assert_eq!((quotas.room("large", START), quotas.room("small", START)), (5, 1));
    }

    #[test]
    fn a_tenant_whose_budget_is_spent_begins_nothing_until_its_day_ends_and_others_go_on() {
        let hour = Duration::from_secs(3600);
        let budgets = |is_spent| {
            let budget = Some(DayBudget { is_spent, day_left: hour });
            [(
                "small".to_owned(),
                TenantLimitOverride { max_concurrency: Some(3), budget, ..TenantLimitOverride::default() },
            )]
        };
        let mut quotas = Quotas::default();
        quotas.set_overrides(budgets(true), hour);
        assert_eq!((quotas.begin_room("small", hour), quotas.begin_room("other", hour)), (0, usize::MAX));
        assert_eq!(quotas.room("small", hour), 3, "what is begun ends");
        assert_eq!(quotas.next_begin("small", hour), Some(2 * hour));
        assert_eq!((quotas.next_begin("other", hour), quotas.is_over_budget("other", hour)), (Some(hour), false));
        // The next day.
        assert_eq!((quotas.begin_room("small", 2 * hour), quotas.is_over_budget("small", 2 * hour)), (3, false));
        assert_eq!(quotas.next_begin("small", 2 * hour), Some(2 * hour));
        // The budget was raised.
        quotas.set_overrides(budgets(false), hour);
        assert_eq!((quotas.begin_room("small", hour), quotas.next_begin("small", hour)), (3, Some(hour)));
    }

    #[test]
    fn an_answer_to_a_tenant_with_a_budget_is_a_reason_to_look_at_it_again_once() {
        let mut quotas = Quotas::default();
        let with_budget = TenantLimitOverride { budget: Some(DayBudget::default()), ..TenantLimitOverride::default() };
        quotas.set_overrides([("small".to_owned(), with_budget)], START);
        quotas.done("other");
        assert!(!quotas.take_spending());
        quotas.done("small");
        assert!(quotas.take_spending() && !quotas.take_spending());
    }

    #[test]
    fn what_was_used_counts_after_a_change_and_no_limit_forgets_it() {
        let mut quotas = limited(0, 1);
        quotas.send("a", START);
        quotas.set_default(Limit { max_concurrency: 0, requests_per_minute: 2 }, START);
        assert_eq!(quotas.room("a", Duration::from_secs(29)), 0);
        quotas.set_default(Limit::NONE, START);
        assert_eq!((quotas.room("a", START), quotas.next("a", START)), (usize::MAX, Some(START)));
    }

    #[test]
    fn tenants_that_ask_no_more_are_forgotten() {
        let mut quotas = limited(0, 60);
        for n in 0..5000u64 {
            let now = Duration::from_secs(n);
            let tenant = format!("{n}");
            quotas.send(&tenant, now);
            quotas.done(&tenant);
        }
        assert!(quotas.rates.len() <= KEPT && quotas.in_flight.is_empty());
    }
}
