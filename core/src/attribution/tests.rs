use super::*;
use crate::protocol::Class;

fn refused(status: u16) -> Failure {
    Failure::new(Class::Configuration, Kind::Status(status), "no", &[])
}

/// A failure of a request that was sent before.
fn fails(attribution: &mut Attribution, job: i64) -> Evidence {
    attribution.failed(job, &refused(403), true, false)
}

/// Another job is asked and answered.
fn answers(attribution: &mut Attribution, job: i64) {
    let sent = attribution.send();
    attribution.answered(job, sent);
}

#[test]
fn a_job_that_fails_while_others_are_answered_has_a_strike_each_time() {
    let mut attribution = Attribution::default();
    for strikes in 0..5 {
        let evidence = fails(&mut attribution, 1);
        assert_eq!((evidence.strikes, evidence.is_strike), (strikes, strikes > 0));
        answers(&mut attribution, 2);
    }
    answers(&mut attribution, 1);
    assert_eq!(fails(&mut attribution, 1).failures, 1, "an answer ends it");
}

#[test]
fn an_outage_of_any_length_is_no_strike() {
    let mut attribution = Attribution::default();
    answers(&mut attribution, 9);
    for failures in 1..=100 {
        for job in 0..10 {
            let evidence = fails(&mut attribution, job);
            assert_eq!((evidence.failures, evidence.strikes), (failures, 0));
        }
    }
    assert_eq!((attribution.row().failures(), attribution.row().jobs()), (1000, 10));
}

#[test]
fn an_answer_that_was_on_its_way_when_a_job_failed_says_nothing() {
    let mut attribution = Attribution::default();
    let before = attribution.send();
    fails(&mut attribution, 1);
    attribution.answered(2, before);
    assert!(!fails(&mut attribution, 1).is_strike);
}

#[test]
fn solitude_is_that_nobody_else_failed_between_two_answers() {
    let mut attribution = Attribution::default();
    let alone = |attribution: &mut Attribution, job| attribution.failed(job, &refused(503), true, true);
    alone(&mut attribution, 1);
    alone(&mut attribution, 2);
    answers(&mut attribution, 3);
    assert!(!alone(&mut attribution, 1).is_strike);
    answers(&mut attribution, 3);
    assert!(alone(&mut attribution, 1).is_strike);
}

#[test]
fn what_passes_by_itself_is_a_strike_in_company_only_after_it_was_met_very_often() {
    let mut attribution = Attribution::default();
    for failures in 1..=30 {
        let evidence = attribution.failed(1, &refused(503), true, true);
        assert_eq!(evidence.is_strike, failures > 21, "{failures}");
        attribution.failed(2, &refused(503), true, true);
        answers(&mut attribution, 3);
    }
}

#[test]
fn jobs_that_have_strikes_say_nothing_of_the_server() {
    let mut attribution = Attribution::default();
    fails(&mut attribution, 1);
    answers(&mut attribution, 2);
    for _ in 0..5 {
        fails(&mut attribution, 1);
    }
    assert_eq!((attribution.row().failures(), attribution.row().jobs()), (0, 0));
}

#[test]
fn equal_failures_are_counted_by_status_and_bad_replies_by_what_is_bad() {
    let mut attribution = Attribution::default();
    let reply = |message: &str| Failure::new(Class::Job, Kind::Reply, message, &[]);
    let steps = [
        (refused(400), 1),
        (refused(400), 2),
        (refused(422), 1),
        (reply("the JSON is cut off"), 1),
        (reply("the JSON is cut off"), 2),
        (reply("summary is blank"), 1),
    ];
    for (job, (failure, equal)) in steps.into_iter().enumerate() {
        attribution.failed(job as i64, &failure, true, false);
        assert_eq!((attribution.row().equal(), attribution.row().equal_jobs()), (equal, equal as usize));
    }
    answers(&mut attribution, 100);
    assert_eq!((attribution.row().equal(), attribution.row().jobs()), (0, 0));
}
