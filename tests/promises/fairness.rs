//! However much one tenant has waiting, another's call that ends now is judged now.

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};
use std::time::Duration;

/// Calls of a tenant that have ended, with one turn each.
pub fn calls(voice: &mut Voice, tenant: &str, count: i64) {
    voice
        .client
        .batch_execute(&format!(
            "SET voice_analytics.tenant = '{tenant}';
             INSERT INTO voice.agent (id, name, vertical) VALUES ('of {tenant}', 'Ava', 'salon') ON CONFLICT DO NOTHING;
             WITH c AS (INSERT INTO voice.call (agent_id, from_number, to_number)
                        SELECT 'of {tenant}', '+15550100', '+15550199' FROM generate_series(1, {count}) RETURNING id)
             INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', '{tenant} calls' FROM c;
             UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress';
             RESET voice_analytics.tenant"
        ))
        .unwrap();
}

fn slow_llm() -> (StubLlm, Voice) {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(100)));
    let voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_concurrency", 2));
    (stub, voice)
}

/// How many requests came before the one about `tenant`.
fn before(stub: &StubLlm, tenant: &str) -> usize {
    let words = format!("{tenant} calls");
    harness::wait_until(&words, SOON, || stub.requests().iter().position(|r| r.transcript().contains(&words)))
}

#[test]
fn a_flood_of_one_tenant_does_not_delay_anothers_call() {
    let (stub, mut voice) = slow_llm();
    calls(&mut voice, "flood", 3000);
    stub.wait_for(4, SOON);
    let so_far = stub.count();
    calls(&mut voice, "other", 1);
    let waited = before(&stub, "other") - so_far;
    // Those on their way, and those that left while the call was being written.
    assert!(waited <= 10, "{waited} requests went before it");
    assert!(voice.count("SELECT count(*) FROM voice.job WHERE tenant_id = 'flood'") > 2000);
}

#[test]
fn a_backfill_waits_for_live_calls_its_own_tenants_included() {
    let (stub, mut voice) = slow_llm();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    calls(&mut voice, "archive", 3000);
    voice.client.batch_execute("UPDATE voice.job SET priority = 10").unwrap();
    voice.cluster.set("voice_analytics.enabled", "on");
    stub.wait_for(4, SOON);
    let so_far = stub.count();
    calls(&mut voice, "live", 20);
    voice.until("SELECT count(*) = 0 FROM voice.job WHERE tenant_id = 'live'");
    let extra = stub.count() - so_far - 20;
    assert!(extra <= 10, "{extra} of the backfill went between");
}

#[test]
fn tenants_with_equal_backlogs_advance_alike() {
    let (stub, mut voice) = slow_llm();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    for tenant in ["a", "b", "c", "d"] {
        calls(&mut voice, tenant, 40);
    }
    voice.cluster.set("voice_analytics.enabled", "on");
    stub.wait_for(60, SOON);
    let requests = stub.requests();
    for tenant in ["a", "b", "c", "d"] {
        let words = format!("{tenant} calls");
        let served = requests[..60].iter().filter(|r| r.transcript().contains(&words)).count();
        assert!((13..=17).contains(&served), "{served} of 60 requests were for tenant {tenant}");
    }
}
