//! No room to store an answer.

use std::fs::File;
use std::io::Write;

use crate::fixture::{Fixture, row};

const CALLS: usize = 40;

#[test]
fn a_full_disk_is_said_and_costs_neither_a_call_nor_a_second_request() {
    let mut fixture = Fixture::start();
    let Some(disk) = fixture.voice.cluster.small_disk("small", 4) else {
        row("10", "disk full while storing", None, "not tried: this user may not mount a small disk");
        return;
    };
    let place = format!("CREATE TABLESPACE small LOCATION '{}'", disk.display());
    fixture.voice.client.batch_execute(&place).unwrap();
    fixture
        .voice
        .client
        .batch_execute(
            "DO $$ DECLARE leaf regclass; BEGIN
             FOR leaf IN SELECT t.relid FROM unnest('{analytics,search_document}'::text[]) family,
                         pg_partition_tree(('voice.' || family)::regclass) t WHERE t.isleaf LOOP
                 EXECUTE format('ALTER TABLE %s SET TABLESPACE small', leaf);
             END LOOP; END $$",
        )
        .unwrap();
    let filler = disk.join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);

    fixture.calls_end(CALLS);
    fixture.voice.until("SELECT last_error LIKE '%No space left on device%' AND state = 'failing' FROM voice_status()");
    fixture.asked(16);
    // The rest of the database lives: calls end and queue up meanwhile.
    fixture.calls_end(CALLS);
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.analytics"), 0);
    let error = fixture.voice.text("SELECT last_error FROM voice_status()", &[]).unwrap();
    std::fs::remove_file(&filler).unwrap();
    fixture.voice.drained();
    let said = error.split(": ").last().unwrap_or_default().to_owned();
    let tally = fixture.tally(
        "10",
        "disk full while storing, then room again",
        &format!("meanwhile voice_status() says: {said}"),
    );
    assert_eq!((tally.analytics, tally.dead, tally.requests), (2 * CALLS as i64, 0, 2 * CALLS));
}
