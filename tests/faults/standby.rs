//! A standby that is waited for and never comes: every commit stays durable and unacknowledged, for as long as a case
//! wants to look at that moment.

use std::thread;

use harness::voice::{SOON, Voice};
use harness::wait_until;

/// From now on commits do not return, but those of this client's own.
pub fn everybody_waits_in_vain(voice: &mut Voice) {
    voice.client.batch_execute("SET synchronous_commit = local").unwrap();
    voice.cluster.set("synchronous_standby_names", "nobody");
    // A setting takes effect when the checkpointer has read it, which only a commit that waits can tell.
    let mut probe = voice.cluster.connect("postgres");
    let pid: i32 = probe.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let probing =
        thread::spawn(move || while probe.batch_execute("CREATE TABLE probe (); DROP TABLE probe").is_ok() {});
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep')";
    let client = &mut voice.client;
    wait_until("a commit to wait for the standby", SOON, || {
        client.query_one(waits, &[&pid]).unwrap().get::<_, bool>(0).then_some(())
    });
    client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    probing.join().unwrap();
}

/// Commits return again, those that wait now included.
pub fn nobody_is_waited_for(voice: &Voice) {
    let mut client = voice.cluster.connect("postgres");
    client.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
}
