//! A database with the extension, and the few things nearly every test does in it.

use std::time::Duration;

use postgres::Client;
use postgres::types::ToSql;

use crate::stub::StubLlm;
use crate::{Builder, Cluster, wait_until};

/// Longer than anything here should take, on a machine that does something else as well.
pub const SOON: Duration = Duration::from_secs(30);

pub struct Voice {
    pub cluster: Cluster,
    pub client: Client,
}

impl Voice {
    /// The builtin analyzer.
    pub fn start() -> Voice {
        Voice::on(Cluster::builder())
    }

    pub fn on(builder: Builder) -> Voice {
        let cluster = builder.start();
        let client = cluster.create_voice_database("app");
        Voice { cluster, client }
    }

    /// Calls are judged by this stub.
    pub fn with_llm(stub: &StubLlm) -> Voice {
        Voice::on(Voice::asking(stub))
    }

    pub fn asking(stub: &StubLlm) -> Builder {
        Cluster::builder().setting("voice_analytics.analyzer", "openai").setting("voice_analytics.llm_url", stub.url())
    }

    /// A call with these turns (role, text) that has ended, by plain SQL. Gives its id.
    pub fn call(&mut self, turns: &[(&str, &str)]) -> String {
        let id = self.open_call(turns);
        self.end(&id);
        id
    }

    /// The same, still going on.
    pub fn open_call(&mut self, turns: &[(&str, &str)]) -> String {
        self.client
            .batch_execute(
                "INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'healthcare') ON CONFLICT DO NOTHING",
            )
            .unwrap();
        self.open_call_of("a", turns)
    }

    /// The same, of an agent that is there.
    pub fn open_call_of(&mut self, agent: &str, turns: &[(&str, &str)]) -> String {
        let insert = "INSERT INTO voice.call (agent_id, from_number, to_number) VALUES ($1, '+15550100', '+15550199') RETURNING id::text";
        let id: String = self.client.query_one(insert, &[&agent]).unwrap().get(0);
        for (role, text) in turns {
            self.turn(&id, role, text);
        }
        id
    }

    pub fn turn(&mut self, call: &str, role: &str, text: &str) {
        let insert = "INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, $2, $3)";
        self.client.execute(insert, &[&call, &role, &text]).unwrap();
    }

    pub fn end(&mut self, call: &str) {
        let update =
            "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = $1::text::uuid";
        assert_eq!(self.client.execute(update, &[&call]).unwrap(), 1);
    }

    /// One number.
    pub fn count(&mut self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).unwrap().get(0)
    }

    /// One text.
    pub fn text(&mut self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Option<String> {
        self.client.query_opt(sql, parameters).unwrap().and_then(|row| row.get(0))
    }

    /// Waits until the query says true; NULL, what a status says of a worker that has not begun, is not yet true.
    #[track_caller]
    pub fn until(&mut self, sql: &str) {
        wait_until(sql, SOON, || {
            let said: Option<bool> = self.client.query_one(sql, &[]).unwrap().get(0);
            said.unwrap_or_default().then_some(())
        });
    }

    /// Waits until nothing is queued, and every ended call has its analytics or is dead.
    #[track_caller]
    pub fn drained(&mut self) {
        self.until("SELECT NOT EXISTS (SELECT FROM voice.job)");
    }

    /// Waits for a state of `voice_status()`; gives its reason.
    #[track_caller]
    pub fn state(&mut self, state: &str) -> String {
        let sql = format!("SELECT state = '{state}' FROM voice_status()");
        self.until(&sql);
        self.text("SELECT reason FROM voice_status()", &[]).unwrap_or_default()
    }

    /// What the attempts at a call came to, in order.
    pub fn attempts(&mut self, call: &str) -> Vec<(String, Option<String>)> {
        let sql = "SELECT outcome, error FROM voice.attempt WHERE call_id = $1::text::uuid ORDER BY id";
        self.client.query(sql, &[&call]).unwrap().into_iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}
