//! Logical replication of the tables to another server: every row arrives, and nothing is enqueued there. The steps are
//! those of docs/replication.md.

use harness::stub::StubLlm;
use harness::voice::{SOON, Voice};
use harness::{Cluster, wait_until};

use crate::fixture::{Tally, row};

const TABLES: &str = "voice.agent, voice.call, voice.turn, voice.transcript_chunk, voice.tool_call, voice.analytics, voice.attempt, voice.search_document, voice.result, voice.analysis, voice.label, voice.label_sample, voice.label_task";

/// A server with three months of history and one analysed call, and a second server to which nothing is replicated yet.
fn two_servers(stub: &StubLlm) -> (Voice, Voice) {
    let mut publisher = Voice::on(Voice::asking(stub).setting("wal_level", "logical"));
    publisher.client.batch_execute("SELECT voice_create_partitions(3, now() - interval '3 months')").unwrap();
    for days in [1, 40, 70, 4000] {
        import(&mut publisher, days);
    }
    publisher.call(&[("user", "hello"), ("assistant", "goodbye")]);
    publisher.drained();
    let mut subscriber = Voice::on(Voice::asking(stub));
    subscriber.client.batch_execute("SELECT voice_create_partitions(3, now() - interval '3 months')").unwrap();
    (publisher, subscriber)
}

fn import(voice: &mut Voice, days: i32) {
    let import = format!(
        "SELECT voice_import_call(jsonb_build_object('id', 'h{days}', 'agent', 'a', 'started_at', now() - interval '{days} days',
            'turns', '[{{\"role\": \"user\", \"text\": \"history\"}}]'::jsonb,
            'tool_calls', '[{{\"name\": \"lookup\", \"args\": {{}}}}]'::jsonb))"
    );
    voice.client.batch_execute(&import).unwrap();
}

fn publish(publisher: &mut Voice, options: &str) {
    publisher.client.batch_execute(&format!("CREATE PUBLICATION calls FOR TABLE {TABLES} {options}")).unwrap();
}

fn subscribe(subscriber: &mut Voice, publisher: &Cluster) {
    let folder = publisher.folder().display();
    let subscription = format!(
        "CREATE SUBSCRIPTION calls CONNECTION 'host={folder} port=5432 user=postgres dbname=app' PUBLICATION calls"
    );
    subscriber.client.batch_execute(&subscription).unwrap();
}

/// Rows and a checksum of each family, whatever leaves they are in.
fn families(voice: &mut Voice) -> Vec<(i64, String)> {
    let sum = |table: &str| {
        let row = voice
            .client
            .query_one(
                &format!("SELECT count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {table} t"),
                &[],
            )
            .unwrap();
        (row.get(0), row.get(1))
    };
    TABLES.split(", ").map(sum).collect()
}

#[track_caller]
fn arrives(publisher: &mut Voice, subscriber: &mut Voice) {
    let expected = families(publisher);
    wait_until("every row to arrive", SOON, || (families(subscriber) == expected).then_some(()));
}

/// The calls go on there: nothing is lost that had ended.
fn judged_here(subscriber: &mut Voice) {
    let missing = "SELECT voice_reanalyze(c.id) FROM voice.call c WHERE c.status <> 'in_progress'
        AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id)";
    subscriber.client.batch_execute(missing).unwrap();
    subscriber.drained();
}

#[test]
fn calls_replicate_through_their_families_nothing_is_enqueued_there_and_the_cut_over_loses_none() {
    let stub = StubLlm::start();
    let (mut publisher, mut subscriber) = two_servers(&stub);
    subscriber.client.batch_execute("SELECT voice_pause('subscriber')").unwrap();
    publish(&mut publisher, "WITH (publish_via_partition_root = true)");
    let before = stub.count();
    subscribe(&mut subscriber, &publisher.cluster);
    arrives(&mut publisher, &mut subscriber);
    // Live: a call begins, is spoken, ends, is judged, corrected; another one is deleted.
    let call = publisher.call(&[("user", "live"), ("assistant", "indeed")]);
    publisher.drained();
    let delete = "DELETE FROM voice.call WHERE external_id = 'h40'";
    publisher.client.batch_execute(delete).unwrap();
    let change = format!("UPDATE voice.call SET deleted_at = now() WHERE id = '{call}'");
    publisher.client.batch_execute(&change).unwrap();
    // A month that the subscriber does not have.
    publisher.client.batch_execute("SELECT voice_create_partitions(3, now() - interval '5 months')").unwrap();
    import(&mut publisher, 130);
    publisher.drained();
    arrives(&mut publisher, &mut subscriber);
    let in_default = "SELECT count(*) FROM voice.call_default WHERE external_id = 'h130'";
    assert_eq!((publisher.count(in_default), subscriber.count(in_default)), (0, 1));
    assert_eq!(subscriber.count("SELECT count(*) FROM voice.job"), 0);
    assert_eq!(stub.count(), before + 2, "the publisher's own requests");
    assert!(subscriber.state("paused").contains("subscriber"));

    // The cut-over: one call has ended on the old server and is not judged yet, one is going on.
    publisher.client.batch_execute("SELECT voice_pause('moving')").unwrap();
    publisher.state("paused");
    publisher.call(&[("user", "not judged yet")]);
    let open = publisher.open_call(&[("user", "still talking")]);
    arrives(&mut publisher, &mut subscriber);
    let sequences = "SELECT string_agg(format('SELECT setval(%L, %s);', schemaname || '.' || sequencename, coalesce(last_value, 1)), ' ')
        FROM pg_sequences WHERE schemaname = 'voice'";
    let sequences = publisher.text(sequences, &[]).unwrap();
    subscriber.client.batch_execute("DROP SUBSCRIPTION calls").unwrap();
    subscriber.client.batch_execute(&sequences).unwrap();
    subscriber.client.batch_execute("SELECT voice_resume()").unwrap();
    judged_here(&mut subscriber);
    subscriber.turn(&open, "user", "now here");
    subscriber.end(&open);
    subscriber.drained();
    let tally = Tally::of_copy(&mut subscriber, stub.count() - before - 2);
    row(
        "8c",
        "logical replication through the partitioned tables, then the cut-over",
        Some(&tally),
        "nothing is enqueued before it",
    );
    // The call deleted on the old server is gone here; the one marked deleted is not judged again.
    assert_eq!((tally.requests, tally.lost, tally.duplicates), (2, 0, 0));
}

#[test]
fn calls_replicate_leaf_by_leaf_where_the_months_are_made_beforehand() {
    let stub = StubLlm::start();
    let (mut publisher, mut subscriber) = two_servers(&stub);
    publish(&mut publisher, "");
    let before = stub.count();
    subscribe(&mut subscriber, &publisher.cluster);
    arrives(&mut publisher, &mut subscriber);
    // A new month: first there, then here, then the subscription is told.
    let month = "SELECT voice_create_partitions(3, now() - interval '5 months')";
    subscriber.client.batch_execute(month).unwrap();
    publisher.client.batch_execute(month).unwrap();
    subscriber.client.batch_execute("ALTER SUBSCRIPTION calls REFRESH PUBLICATION").unwrap();
    import(&mut publisher, 130);
    publisher.call(&[("user", "live")]);
    publisher.drained();
    arrives(&mut publisher, &mut subscriber);
    assert_eq!(subscriber.count("SELECT count(*) FROM voice.call_default WHERE external_id = 'h130'"), 0);
    // Nobody paused it: it has nothing to do, and looks.
    subscriber.client.batch_execute("NOTIFY voice_analytics").unwrap();
    subscriber.state("idle");
    assert_eq!(subscriber.count("SELECT count(*) FROM voice.job"), 0);
    assert_eq!(stub.count(), before + 2, "the publisher's own requests");
    let tally = Tally::of_copy(&mut subscriber, 0);
    row(
        "8d",
        "logical replication partition by partition, a month made on both sides",
        Some(&tally),
        "nothing is enqueued there",
    );
    assert_eq!(tally.lost, 0);
    subscriber.client.batch_execute("DROP SUBSCRIPTION calls").unwrap();
}

#[test]
fn a_publication_of_the_whole_schema_is_stopped_by_the_installation_itself() {
    let stub = StubLlm::start();
    let (mut publisher, mut subscriber) = two_servers(&stub);
    let own = "SELECT id::text FROM voice._instance";
    let id = subscriber.text(own, &[]);
    publisher.client.batch_execute("CREATE PUBLICATION calls FOR TABLES IN SCHEMA voice").unwrap();
    subscribe(&mut subscriber, &publisher.cluster);
    // Each has a row of its own there, so the copy of it fails again and again, and says so.
    subscriber.cluster.wait_for_log("_instance_pkey", SOON);
    subscriber.cluster.wait_for_log("_state_pkey", SOON);
    assert_eq!(subscriber.text(own, &[]), id);
    subscriber.client.batch_execute("DROP SUBSCRIPTION calls").unwrap();
}
