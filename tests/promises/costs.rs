//! What analyses cost is known to the request, and a tenant that has spent its budget waits: nobody else does, and no call is lost.

use crate::fairness::calls;
use crate::voice::Voice;
use harness::stub::{Reply, Request, StubLlm};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A million tokens of the stub's model cost 1000: an answer of it, of 221 and 87 tokens, costs 0.308.
const PRICE: &str =
    "INSERT INTO voice.model_price (model, prompt, cached_prompt, completion) VALUES ('stub-1', 1000, 100, 1000)";
const SPENT: &str = "jobs wait for the budgets of their tenants, see voice_budgets()";

fn of(requests: &[Request], tenant: &str) -> usize {
    let words = format!("{tenant} calls");
    requests.iter().filter(|r| r.transcript().contains(&words)).count()
}

/// A tenant `small` with one request at a time and a budget of three, ten calls of it and twenty of `other`, all asked for that can be.
fn with_a_budget(stub: &StubLlm) -> Voice {
    let mut voice = Voice::on(Voice::asking(stub).setting("voice_analytics.timezone", "Etc/GMT+12"));
    let limit = "SELECT voice_limit_tenant('small', 1, budget_per_day => 0.9)";
    voice.client.batch_execute(&format!("{PRICE}; {limit}")).unwrap();
    calls(&mut voice, "small", 10);
    calls(&mut voice, "other", 20);
    voice.until("SELECT count(*) = 0 FROM voice.job WHERE tenant_id = 'other'");
    voice.until("SELECT is_spent FROM voice_budgets()");
    voice.until(&format!("SELECT reason = '{SPENT}' FROM voice_status()"));
    assert_eq!((of(&stub.requests(), "small"), of(&stub.requests(), "other")), (3, 20));
    voice
}

#[test]
fn a_tenant_that_has_spent_its_budget_waits_until_it_is_raised_and_no_call_is_lost() {
    let stub = StubLlm::start();
    let mut voice = with_a_budget(&stub);
    let budget = "SELECT format('%s of %s %s, %s left, %s requests, %s wait', spent, budget_per_day, currency, remaining, requests, waiting)
                  FROM voice_budgets()";
    assert_eq!(voice.text(budget, &[]).unwrap(), "0.924 of 0.9 USD, 0 left, 3 requests, 7 wait");
    // Neither another's calls nor a sweep change that.
    calls(&mut voice, "other", 5);
    voice.until("SELECT count(*) = 0 FROM voice.job WHERE tenant_id = 'other'");
    assert_eq!(of(&stub.requests(), "small"), 3);
    // Three more are 1.848.
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 1, budget_per_day => 1.8)").unwrap();
    voice.until("SELECT count(*) = 4 FROM voice.job WHERE tenant_id = 'small'");
    voice.until("SELECT is_spent FROM voice_budgets()");
    voice.client.batch_execute("SELECT voice_limit_tenant('small')").unwrap();
    voice.drained();
    assert_eq!(of(&stub.requests(), "small"), 10);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE tenant_id = 'small'"), 10);
    voice.until("SELECT state = 'idle' AND reason IS NULL FROM voice_status()");
}

#[test]
fn the_next_day_has_a_budget_of_its_own() {
    let stub = StubLlm::start();
    let mut voice = with_a_budget(&stub);
    // 26 hours further east it is another day, whatever the time.
    voice.cluster.set("voice_analytics.timezone", "Pacific/Kiritimati");
    voice.until("SELECT count(*) = 4 FROM voice.job WHERE tenant_id = 'small'");
    voice.until("SELECT is_spent FROM voice_budgets()");
    assert_eq!(of(&stub.requests(), "small"), 6);
    assert_eq!(voice.count("SELECT count(DISTINCT day) FROM voice.daily_usage WHERE tenant_id = 'small'"), 2);
}

#[test]
fn a_budget_that_is_spent_is_so_after_a_restart_and_a_price_that_falls_ends_that() {
    let stub = StubLlm::start();
    let mut voice = with_a_budget(&stub);
    let worker = "SELECT worker_pid FROM voice_status()";
    let pid: i32 = voice.client.query_one(worker, &[]).unwrap().get(0);
    voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    voice.until(&format!("SELECT worker_pid <> {pid} FROM voice_status()"));
    calls(&mut voice, "other", 5);
    voice.until("SELECT count(*) = 0 FROM voice.job WHERE tenant_id = 'other'");
    assert_eq!((of(&stub.requests(), "small"), of(&stub.requests(), "other")), (3, 25));
    voice
        .client
        .batch_execute("UPDATE voice.model_price SET prompt = 1, completion = 1 WHERE model = 'stub-1'")
        .unwrap();
    voice.drained();
    assert_eq!(of(&stub.requests(), "small"), 10);
}

#[test]
fn what_has_no_price_holds_nobody_up_and_is_seen_as_that() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("SELECT voice_limit_tenant('small', budget_per_day => 0.000001)").unwrap();
    calls(&mut voice, "small", 4);
    voice.drained();
    let budget = "SELECT format('%s, %s of %s unpriced', spent, unpriced_requests, requests) FROM voice_budgets()";
    assert_eq!(voice.text(budget, &[]).unwrap(), "0, 4 of 4 unpriced");
    let cost = "SELECT format('%s %s %s %s', group_key, currency IS NULL, analysis_cost IS NULL, unpriced_requests) FROM voice_cost(by => 'tenant')
                WHERE group_key = 'small'";
    assert_eq!(voice.text(cost, &[]).unwrap(), "small t t 4");
}

#[test]
fn every_answer_is_booked_by_what_was_asked() {
    let stub = StubLlm::start();
    let body = |content: &str| {
        json!({"model": "stub-1", "choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
               "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}})
    };
    // A refused answer is booked under the model that was asked.
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.llm_model", "stub-1"));
    voice.client.batch_execute(PRICE).unwrap();
    // Refused once, and then good.
    let asked = AtomicUsize::new(0);
    stub.answer(move |_| match asked.fetch_add(1, Relaxed) {
        0 => Reply::json(&body("I think she was happy.")),
        1 => Reply::json(&body(&Reply::good().to_string())),
        _ => Reply::analysis(),
    });
    voice.call(&[("user", "a cut on Monday")]);
    voice.drained();
    let cost = "SELECT string_agg(format('%s: %s requests, %s + %s tokens, %s %s', group_key, requests, prompt_tokens, completion_tokens, analysis_cost, currency), '; ' ORDER BY group_key COLLATE \"C\")
                FROM voice_cost(by => 'analysis')";
    // 600 of each thousand prompt tokens at 1000 a million, 400 at 100, and 100 completion tokens.
    assert_eq!(voice.text(cost, &[]).unwrap(), "fixed: 2 requests, 2000 + 200 tokens, 1.48 USD");
    voice.client.batch_execute("SELECT voice_trial(1, model => 'another')").unwrap();
    voice.drained();
    assert_eq!(
        voice.text(cost, &[]).unwrap(),
        "(trial): 1 requests, 221 + 87 tokens, 0.308 USD; fixed: 2 requests, 2000 + 200 tokens, 1.48 USD"
    );
    let agent = "SELECT format('%s %s', group_key, requests) FROM voice_cost(by => 'agent')";
    assert_eq!(voice.text(agent, &[]).unwrap(), "a 3");
    // Money that was spent stays spent.
    voice.client.batch_execute("DELETE FROM voice.call").unwrap();
    assert_eq!(voice.text(agent, &[]).unwrap(), "a 3");
}

#[test]
fn prices_are_after_a_restore_what_they_were_before() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice
        .client
        .batch_execute(&format!(
            "{PRICE}; INSERT INTO voice.model_price (model, prompt, completion) VALUES ('gpt-4.1', 42, 8)"
        ))
        .unwrap();
    voice.call(&[("user", "a cut on Monday")]);
    voice.drained();
    let rows = "SELECT md5(string_agg(p::text, ',' ORDER BY p.model)) || ' ' || count(*) FROM voice.model_price p";
    let (before, usage) = (voice.text(rows, &[]).unwrap(), "SELECT sum(requests)::bigint FROM voice.daily_usage");
    let dump = voice.cluster.folder().join("app.dump");
    let dumped = voice.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg("app").output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    voice.cluster.create_database("restored");
    let restore = ["--exit-on-error", "-d", "restored"];
    let restored = voice.cluster.client("pg_restore").args(restore).arg(&dump).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let client = voice.cluster.connect("restored");
    let mut restored = Voice { client, cluster: voice.cluster };
    assert_eq!(restored.text(rows, &[]).unwrap(), before);
    restored.client.batch_execute("SELECT voice_resume()").unwrap();
    assert_eq!((restored.text(rows, &[]).unwrap(), restored.count(usage)), (before, 1));
}
