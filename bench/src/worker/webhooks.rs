//! Webhooks told by the worker: receivers that take 0.1 s each, and what that costs the analyses.

use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm};

use super::fixture::Fixture;
use super::{DEADLINE, drain};
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};

/// As many as share all threads for deliveries: four each of 32.
const RECEIVERS: usize = 8;
const IN_FLIGHT: f64 = 32.0;
const DELAY: Duration = Duration::from_millis(100);

pub fn run(fixture: &mut Fixture, seconds: usize, report: &mut Report) {
    let calls = 150 * seconds;
    step(&format!("the worker: {calls} calls of which {RECEIVERS} webhooks are told, receivers at 0.1 s"));
    fixture.configure(Duration::from_millis(200), 64, "openai");
    let without = drain(fixture, calls, 64).whole;
    let receivers: Vec<StubLlm> = (0..RECEIVERS)
        .map(|_| {
            let receiver = StubLlm::start();
            receiver.keep_requests(false);
            receiver.answer_always(Reply::body(b"{}").delay(DELAY));
            let url = format!("http://{}/hook", receiver.address());
            let sql = "SELECT voice_add_webhook($1, events => '{call.analyzed}')";
            fixture.client.query(sql, &[&url]).unwrap_or_else(|e| panic!("{url}: {e:?}"));
            receiver
        })
        .collect();
    let told = || receivers.iter().map(StubLlm::count).sum::<usize>();
    let all = calls * RECEIVERS;
    fixture.backlog(calls);
    let began = fixture.resume();
    // Analyses are done long before: the rate is that of the middle, from a tenth to nine tenths of the deliveries.
    let (mut first, mut last, mut analysed) = (None, None, None);
    while last.is_none() {
        std::thread::sleep(Duration::from_millis(5));
        let (count, now) = (told(), Instant::now());
        first = first.or_else(|| (count >= all / 10).then_some((count, now)));
        last = last.or_else(|| (count >= all * 9 / 10).then_some((count, now)));
        if analysed.is_none() && fixture.jobs_of("analyze") == 0 {
            analysed = Some(began.elapsed());
        }
        assert!(began.elapsed() < DEADLINE, "{count} of {all} deliveries");
    }
    fixture.drained(DEADLINE);
    let (first, last) = (first.expect("a beginning"), last.expect("an end"));
    let rate = (last.0 - first.0) as f64 / (last.1 - first.1).as_secs_f64();
    let ideal = IN_FLIGHT / DELAY.as_secs_f64();
    let with = calls as f64 / analysed.unwrap_or_else(|| began.elapsed()).as_secs_f64();
    report.add(
        Row::new("webhooks delivered, receivers at 0.1 s", Unit::PerSecond, rate)
            .target(Target::AtLeast(0.95 * ideal))
            .remark(format!(
                "{:.1} % of {ideal:.0} = 32 in flight / delay; {RECEIVERS} receivers, four at a time each; {} deliveries of {all} came",
                100.0 * rate / ideal,
                told()
            )),
    );
    report.add(
        Row::new("calls analysed while webhooks are told, LLM 0.2 s, 64 in flight", Unit::PerSecond, with)
            .ratio(with / without)
            .target(Target::RatioAtLeast(0.95))
            .remark(format!("ratio to the same without webhooks, {without:.0}/s")),
    );
    fixture.client.execute("DELETE FROM voice.webhook", &[]).expect("webhooks");
}
