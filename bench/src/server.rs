//! The one server of both designs: loaded without fsync, measured with it. A database that is whole carries a stamp of
//! what it was made of, as its comment; it is used again by the next run, if the stamp is still right.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use harness::{Builder, Cluster};
use postgres::Client;

use crate::machine;
use crate::progress::step;

pub struct Server {
    pub cluster: Cluster,
}

fn builder() -> Builder {
    let memory = machine::memory_mb();
    let buffers = (memory / 4).min(4096);
    Cluster::builder()
        .setting("shared_buffers", format!("{buffers}MB"))
        .setting("effective_cache_size", format!("{}MB", memory / 2))
        .setting("max_wal_size", "8GB")
        .setting("checkpoint_timeout", "1h")
        .setting("max_connections", 100)
        .setting("timezone", "UTC")
        .setting("jit", "on")
        .setting("autovacuum", "off")
        .setting("voice_analytics.enabled", "off")
}

impl Server {
    pub fn start_for_loading(folder: &Path) -> Server {
        let cluster = builder()
            .setting("fsync", "off")
            .setting("wal_level", "minimal")
            .setting("max_wal_senders", 0)
            .setting("maintenance_work_mem", "1GB")
            .setting("voice_analytics.databases", "")
            .start_in(folder);
        Server { cluster }
    }

    /// Only the databases of `served` have a worker's slot in shared memory, and a worker, which is switched off.
    pub fn start_for_measuring(folder: &Path, served: &str) -> Server {
        let cluster = builder().setting("fsync", "on").setting("voice_analytics.databases", served).start_in(folder);
        Server { cluster }
    }

    pub fn connect(&self, database: &str) -> Client {
        self.cluster.connect(database)
    }

    /// Makes the database, if it is not there with this stamp: `make` fills an empty one.
    pub fn provide(&self, database: &str, stamp: &str, make: impl FnOnce(&Server)) {
        let mut client = self.connect("postgres");
        let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
        let found =
            client.query_opt(sql, &[&database]).expect("pg_database").map(|row| row.get::<_, Option<String>>(0));
        if found == Some(Some(stamp.into())) {
            step(&format!("{database}: as an earlier run left it"));
            return;
        }
        if found.is_some() {
            self.cluster.execute("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
        }
        self.cluster.create_database(database);
        make(self);
        // Theirs got its indexes after its rows, ours before: both are compared, and read, as new.
        step(&format!("{database}: indexes anew, vacuum, analyze"));
        self.cluster.execute(database, &format!("REINDEX DATABASE {database}"));
        self.cluster.execute(database, "VACUUM (FREEZE, ANALYZE)");
        self.cluster.execute("postgres", &format!("COMMENT ON DATABASE {database} IS '{stamp}'"));
    }

    pub fn drop_database(&self, database: &str) {
        self.cluster.execute("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
    }

    /// Reads every table and index of a database, so that the figures are those of a warm server: into shared buffers, or,
    /// where the server comes without pg_prewarm, into the system's cache.
    pub fn warm(&self, database: &str) {
        step(&format!("{database}: reading it into memory"));
        let mut client = self.connect(database);
        let prewarm = "SELECT pg_prewarm(c.oid) FROM pg_class c
             WHERE c.relkind IN ('r', 'i', 'm', 't') AND c.relpersistence = 'p' AND c.oid >= 16384";
        let read = "SELECT length(pg_read_binary_file(file, piece, 16777216, true))
             FROM pg_database d, pg_ls_dir('base/' || d.oid) name, concat('base/', d.oid, '/', name) file,
                  pg_stat_file(file, true) about, generate_series(0, about.size - 1, 16777216) piece
             WHERE d.datname = current_database()";
        let has_prewarm = client.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm", &[]).is_ok();
        client.execute(if has_prewarm { prewarm } else { read }, &[]).expect("the database read");
    }

    pub fn checkpoint(&self) {
        self.cluster.execute("postgres", "CHECKPOINT");
    }
}

/// A stamp of what a database is made of. Lines in no particular order count as the same.
pub fn stamp(parts: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        let mut lines: Vec<&str> = part.lines().collect();
        lines.sort_unstable();
        lines.hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// What `CREATE EXTENSION` runs. The library is not in it: what the loader writes does not pass through it, and it is
/// loaded anew at each start.
pub fn extension_script() -> String {
    let path = harness::extension_script(env!("CARGO_PKG_VERSION"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}; `make install` first", path.display()))
}
