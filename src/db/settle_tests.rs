//! Tests of `settle.rs`, inside a backend.

#[pgrx::pg_schema]
mod tests {
    use crate::db::claim::{Claimed, claim};
    use crate::db::outcome::{ANALYZE, Analyzed, Fixed, JobKind, Outcome, Settled};
    use crate::db::prepare::prepare;
    use crate::db::search::Search;
    use crate::db::settle::{Report, settle};
    use crate::pg_test::{ended_call, value};
    use pgrx::prelude::*;
    use std::time::Duration;
    use voice_core::analysis;
    use voice_core::reply::Tokens;

    const EPOCH: i64 = 7;

    /// The job of a call that has just ended, claimed.
    fn claimed() -> Claimed {
        ended_call("acme", "I would like to buy two");
        let ids: Vec<i64> = value("SELECT array_agg(id) FROM voice.job").expect("a job");
        let claim = Spi::connect_mut(|client| claim(client, &ids, EPOCH, Duration::from_secs(30)));
        claim.expect("claim").remove(0)
    }

    fn settled(job: Claimed, outcome: Outcome) -> Report {
        let settled = [Settled::without_request(job, JobKind::Plain(ANALYZE), outcome)];
        let mut search = Search::by_name("simple");
        Spi::connect_mut(|client| settle(client, &settled, EPOCH, &mut search)).expect("settle")
    }

    /// The hash of the words of the job's call, as they are stored.
    fn hash(job: &Claimed) -> Vec<u8> {
        let prepared = Spi::connect_mut(|client| prepare(client, vec![job.clone()], |_| false)).expect("prepare");
        prepared.into_iter().next().and_then(|(_, call)| call).expect("the call").hash
    }

    fn analyzed(hash: Vec<u8>) -> Outcome {
        Outcome::Analyzed(Box::new(Analyzed {
            fixed: Some(Fixed {
                analysis: analysis::no_conversation(),
                evidence: Vec::new(),
                model: "test".to_owned(),
                prompt_version: "1".to_owned(),
                tokens: Tokens::default(),
            }),
            results: Vec::new(),
            vertical: "general".to_owned(),
            mended: false,
            rest: None,
            hash,
            ended_ms: None,
        }))
    }

    fn queue() -> String {
        let jobs = "SELECT format('%s waiting, %s dead: %s', (SELECT count(*) FROM voice.job WHERE lease IS NULL),
            (SELECT count(*) FROM voice.dead_job), (SELECT string_agg(outcome, ',' ORDER BY id) FROM voice.attempt))";
        value(jobs).expect("a line")
    }

    #[pg_test]
    fn an_analysis_of_the_words_as_they_are_is_stored_and_its_job_is_gone() {
        let job = claimed();
        let (id, outcome) = (job.id, analyzed(hash(&job)));
        let report = settled(job, outcome);
        assert_eq!(report.stored, [id]);
        assert_eq!(queue(), "0 waiting, 0 dead: ok");
        let stored = "SELECT format('%s %s %s', tenant_id, model, sentiment) FROM voice.analytics";
        assert_eq!(value::<String>(stored).as_deref(), Some("acme test 0"));
        assert_eq!(
            value::<i64>("SELECT count(*) FROM voice_search('buy')"),
            Some(0),
            "acme's words, and nobody's session"
        );
        Spi::run("SET LOCAL voice_analytics.tenant = 'acme'").expect("the tenant");
        assert_eq!(value::<i64>("SELECT count(*) FROM voice.search_document"), Some(1));
    }

    #[pg_test]
    fn an_analysis_of_other_words_is_stale_and_costs_no_attempt() {
        let job = claimed();
        let report = settled(job, analyzed(vec![1, 2, 3]));
        assert_eq!(report.stored, [] as [i64; 0]);
        assert_eq!(queue(), "1 waiting, 0 dead: stale");
        assert_eq!(value::<i32>("SELECT attempt::int FROM voice.job"), Some(0));
    }

    #[pg_test]
    fn a_failure_waits_counts_and_at_last_is_dead_with_its_error() {
        let job = claimed();
        let again = Some(Duration::from_secs(60));
        settled(job, Outcome::Failed { error: "no".to_owned(), again });
        let pause = "SELECT format('%s %s', attempt, round(extract(epoch FROM run_at - now()))) FROM voice.job";
        assert_eq!(value::<String>(pause).as_deref(), Some("1 60"));
        Spi::run("UPDATE voice.job SET run_at = now()").expect("a minute later");
        let ids: Vec<i64> = value("SELECT array_agg(id) FROM voice.job").expect("the job");
        let job =
            Spi::connect_mut(|client| claim(client, &ids, EPOCH, Duration::from_secs(30))).expect("claim").remove(0);
        settled(job, Outcome::Failed { error: "still no".to_owned(), again: None });
        assert_eq!(queue(), "0 waiting, 1 dead: failed,dead");
        assert_eq!(value::<String>("SELECT last_error FROM voice.dead_job").as_deref(), Some("still no"));
    }

    #[pg_test]
    fn a_late_answer_of_an_earlier_attempt_changes_nothing() {
        let job = claimed();
        Spi::run("UPDATE voice.job SET attempt = attempt + 1").expect("somebody else has it now");
        let outcome = analyzed(hash(&job));
        settled(job, outcome);
        assert_eq!(queue(), "0 waiting, 0 dead: discarded");
        assert_eq!(value::<i64>("SELECT count(*) FROM voice.analytics"), Some(0));
        assert_eq!(value::<i64>("SELECT count(*) FROM voice.job"), Some(1));
    }

    #[pg_test]
    fn what_the_provider_failed_at_is_no_attempt_and_a_deleted_call_needs_none() {
        let job = claimed();
        settled(job.clone(), Outcome::Snoozed { error: "503".to_owned(), again: Duration::from_secs(5) });
        assert_eq!(value::<i32>("SELECT attempt::int FROM voice.job"), Some(0));
        Spi::run("UPDATE voice.job SET run_at = now()").expect("later");
        let again = Spi::connect_mut(|client| claim(client, &[job.id], EPOCH, Duration::from_secs(30))).expect("claim");
        Spi::run("UPDATE voice.call SET deleted_at = now()").expect("deleted");
        settled(again.into_iter().next().expect("the job"), Outcome::Failed { error: "x".to_owned(), again: None });
        // Its job went with the deletion.
        assert_eq!(queue(), "0 waiting, 0 dead: snoozed,discarded");
    }
}
