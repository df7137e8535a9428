//! A PostgreSQL server of a test's own: started in a moment, killed in every way there is, gone with the test.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use postgres::error::DbError;
use postgres::{Client, Config, NoTls};

use crate::installation::{copy, installation};
use crate::{leftovers, mounts, processes, wait_until};

const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// A postmaster that is told to quit kills its children itself after five seconds.
const DROP_DEADLINE: Duration = Duration::from_secs(10);

/// Of the socket, which lies in a folder of the cluster's own: without TCP no port is ever taken.
pub const PORT: u16 = 5432;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Waits for the clients to leave.
    Smart,
    Fast,
    /// No checkpoint: the next start is a crash recovery.
    Immediate,
}

pub struct Builder {
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

pub struct Cluster {
    /// Of the socket and the log; gone with the cluster.
    folder: PathBuf,
    data: PathBuf,
    /// The data outlives the cluster.
    kept: bool,
    environment: Vec<(String, String)>,
    postmaster: Option<Child>,
}

impl Builder {
    /// A line of postgresql.conf; the last one of a name wins.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Builder {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    pub fn without_preloading(self) -> Builder {
        self.setting("shared_preload_libraries", "")
    }

    /// A variable of the server's environment.
    pub fn environment(mut self, name: &str, value: &str) -> Builder {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub fn start(self) -> Cluster {
        let mut cluster = self.prepare(installation().template());
        cluster.start();
        cluster
    }

    /// A server on a copy of a data directory (a base backup, a moved cluster) instead of an empty one.
    pub fn start_on(self, data: &Path) -> Cluster {
        let mut cluster = self.prepare(data);
        cluster.start();
        cluster
    }

    /// A server on the data directory that an earlier one left in this folder, or on a new one; it stays there.
    /// The settings are these, whatever the earlier one had.
    pub fn start_in(self, keep: &Path) -> Cluster {
        fs::create_dir_all(keep).unwrap_or_else(|e| panic!("{}: {e}", keep.display()));
        let keep = fs::canonicalize(keep).unwrap_or_else(|e| panic!("{}: {e}", keep.display()));
        // Of a run that was killed.
        leftovers::stop_server_of(&keep);
        let template = installation().template();
        let data = keep.join("data");
        if !data.join("PG_VERSION").exists() {
            copy(template, &data);
        }
        fs::copy(template.join("postgresql.conf"), data.join("postgresql.conf")).expect("postgresql.conf");
        let folder = leftovers::new_folder_name();
        installation().private_folder(&folder);
        let mut cluster = Cluster { folder, data, kept: true, environment: self.environment, postmaster: None };
        cluster.append_settings(&self.settings);
        cluster.start();
        cluster
    }

    fn prepare(self, data: &Path) -> Cluster {
        let folder = leftovers::new_folder_name();
        installation().private_folder(&folder);
        copy(data, &folder.join("data"));
        installation().give_to_server(&folder);
        let data = folder.join("data");
        let cluster = Cluster { folder, data, kept: false, environment: self.environment, postmaster: None };
        cluster.append_settings(&self.settings);
        cluster
    }
}

impl Cluster {
    /// A server with the extension preloaded.
    pub fn start_new() -> Cluster {
        Cluster::builder().start()
    }

    pub fn builder() -> Builder {
        let builder = Builder { settings: installation().destdir_settings(), environment: Vec::new() };
        builder
            .setting("listen_addresses", "")
            .setting("shared_preload_libraries", "voice_analytics")
            // Only the operating system's own crash would tell: kill -9 of any process leaves its writes in place.
            .setting("fsync", "off")
            .setting("log_line_prefix", "%m [%p] %b: ")
    }

    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Folder of the socket, private to the server's account: files that only the server may read can go here too.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in that folder which only the server may read (mode 0600), or everybody (0644), as the test says.
    pub fn write_file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap_or_else(|e| panic!("chmod: {e}"));
        installation().give_to_server(&path);
        path
    }

    /// A disk of this size in that folder, for a tablespace; `None` where this user may not mount one.
    pub fn small_disk(&self, name: &str, megabytes: u32) -> Option<PathBuf> {
        let path = self.folder.join(name);
        mounts::mount_small_disk(&path, megabytes, installation().server_uid()).then_some(path)
    }

    /// A client as superuser.
    pub fn connect(&self, database: &str) -> Client {
        self.try_connect(&self.config(database)).unwrap_or_else(|e| panic!("connect to {database}: {e}"))
    }

    /// A session of another login role.
    pub fn connect_as(&self, role: &str, database: &str) -> Client {
        let mut config = self.config(database);
        config.user(role);
        self.try_connect(&config).unwrap_or_else(|e| panic!("connect to {database} as {role}: {e}"))
    }

    /// A client, and the notices and warnings it has received so far.
    pub fn connect_with_notices(&self, database: &str) -> (Client, Arc<Mutex<Vec<DbError>>>) {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&notices);
        let mut config = self.config(database);
        config.notice_callback(move |notice| sink.lock().expect("notices").push(notice));
        let client = self.try_connect(&config).unwrap_or_else(|e| panic!("connect to {database}: {e}"));
        (client, notices)
    }

    /// To be changed before connecting: another user, options, …
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).port(PORT).user("postgres").dbname(database);
        config.connect_timeout(Duration::from_secs(10));
        config
    }

    pub fn try_connect(&self, config: &Config) -> Result<Client, postgres::Error> {
        config.connect(NoTls)
    }

    /// For programs that find a server by their environment.
    pub fn client_environment(&self) -> [(&'static str, String); 3] {
        [("PGHOST", self.folder.display().to_string()), ("PGPORT", PORT.to_string()), ("PGUSER", "postgres".into())]
    }

    /// psql, pgbench, pg_dump, … of the server's own version.
    pub fn client(&self, program: &str) -> Command {
        let mut command = installation().client(program);
        command.envs(self.client_environment());
        command
    }

    pub fn create_database(&self, name: &str) {
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
    }

    /// A database with the extension in it.
    pub fn create_voice_database(&self, name: &str) -> Client {
        self.create_database(name);
        let mut client = self.connect(name);
        client.batch_execute("CREATE EXTENSION voice_analytics").unwrap_or_else(|e| panic!("CREATE EXTENSION: {e:?}"));
        client
    }

    pub fn execute(&self, database: &str, sql: &str) {
        self.connect(database).batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// ALTER SYSTEM SET and reload. The server's processes take it over a moment later.
    pub fn set(&self, name: &str, value: &str) {
        let mut client = self.connect("postgres");
        // Two statements: ALTER SYSTEM refuses to share a transaction.
        let quoted = value.replace('\'', "''");
        client
            .batch_execute(&format!("ALTER SYSTEM SET {name} = '{quoted}'"))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        client.batch_execute("SELECT pg_reload_conf()").expect("reload");
    }

    /// The worker of a database, once it is there.
    pub fn worker_pid(&self, database: &str) -> i32 {
        let mut client = self.connect("postgres");
        wait_until(&format!("the worker of {database}"), Duration::from_secs(10), || {
            let sql = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'voice_analytics worker'";
            client.query_opt(sql, &[&database]).expect("pg_stat_activity").map(|row| row.get(0))
        })
    }

    /// A signal to one of this server's processes.
    pub fn signal(&self, pid: i32, signal: Signal) {
        let postmaster = self.postmaster_pid();
        assert!(pid == postmaster || processes::children_of(postmaster).contains(&pid), "{pid} is not of this server");
        processes::send(pid, signal);
    }

    /// Lets one of this server's processes open so many files at once, and never more.
    pub fn limit_files(&self, pid: i32, files: u32) {
        let mut command = installation().command("/usr/bin/prlimit");
        let limited = command.args([format!("--pid={pid}"), format!("--nofile={files}:{files}")]).status();
        assert!(limited.expect("prlimit of util-linux").success(), "prlimit of {pid}");
    }

    pub fn postmaster_pid(&self) -> i32 {
        let postmaster = self.postmaster.as_ref().expect("the server is running");
        i32::try_from(postmaster.id()).expect("a pid")
    }

    /// Everything the server has logged.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn wait_for_log(&self, text: &str, deadline: Duration) {
        wait_until(&format!("{text:?} in the server's log"), deadline, || self.log().contains(text).then_some(()));
    }

    /// Returns once the server takes connections.
    pub fn start(&mut self) {
        assert!(self.postmaster.is_none(), "the server is running already");
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the server's log");
        let child = installation()
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the server's log"))
            .stderr(log)
            .spawn()
            .expect("start postgres");
        self.postmaster = Some(child);
        wait_until("the server to take connections", START_DEADLINE, || {
            let status = self.postmaster.as_mut().and_then(|child| child.try_wait().expect("wait for postgres"));
            if let Some(status) = status {
                self.postmaster = None;
                panic!("the server did not start ({status})");
            }
            self.try_connect(&self.config("postgres")).ok().map(drop)
        });
    }

    /// Returns once the server is gone.
    pub fn stop(&mut self, how: Shutdown) {
        let signal = match how {
            Shutdown::Smart => Signal::SIGTERM,
            Shutdown::Fast => Signal::SIGINT,
            Shutdown::Immediate => Signal::SIGQUIT,
        };
        processes::send(self.postmaster_pid(), signal);
        self.wait_for_exit();
    }

    pub fn restart(&mut self, how: Shutdown) {
        self.stop(how);
        self.start();
    }

    /// kill -9 of the postmaster. Its children notice and leave; only then can the server start again.
    /// What counts is the shared memory, as for the postmaster: a child that is forked while /proc is read is on no list.
    pub fn kill_postmaster(&mut self) {
        let memory = self.shared_memory();
        processes::send(self.postmaster_pid(), Signal::SIGKILL);
        self.wait_for_exit();
        wait_until("the killed postmaster's children to leave", STOP_DEADLINE, || {
            (processes::attached_to(memory) == 0).then_some(())
        });
    }

    /// The id of the server's System V shared memory, the last word of the seventh line of postmaster.pid.
    fn shared_memory(&self) -> u64 {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).expect("postmaster.pid");
        let line = pid_file.lines().nth(6).expect("a line for the shared memory");
        line.split_whitespace().last().and_then(|id| id.parse().ok()).expect("an id of shared memory")
    }

    /// pg_upgrade of the stopped server's data into an empty data directory, which is the server's from here on.
    pub fn upgrade(&mut self) {
        assert!(self.postmaster.is_none(), "pg_upgrade wants the server stopped");
        let new = self.folder.join("upgraded");
        copy(installation().template(), &new);
        fs::copy(self.data().join("postgresql.conf"), new.join("postgresql.conf")).expect("postgresql.conf");
        let programs = installation().program("postgres").parent().expect("a folder of programs").to_owned();
        let mut command = installation().command("pg_upgrade");
        // It leaves a script where it stands.
        command.current_dir(&self.folder).arg("-U").arg("postgres").arg("-s").arg(&self.folder);
        command.arg("-b").arg(&programs).arg("-B").arg(&programs).arg("-d").arg(&self.data).arg("-D").arg(&new);
        let output = command.output().expect("pg_upgrade");
        assert!(output.status.success(), "pg_upgrade: {}", String::from_utf8_lossy(&output.stdout));
        self.data = new;
    }

    fn wait_for_exit(&mut self) {
        let child = self.postmaster.as_mut().expect("the server is running");
        wait_until("the server to stop", STOP_DEADLINE, || child.try_wait().expect("wait for postgres"));
        self.postmaster = None;
    }

    fn append_settings(&self, settings: &[(String, String)]) {
        let path = self.data().join("postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(path).expect("postgresql.conf");
        writeln!(file, "port = {PORT}\nunix_socket_directories = '{}'", self.folder.display())
            .expect("postgresql.conf");
        for (name, value) in settings {
            writeln!(file, "{name} = '{}'", value.replace('\'', "''")).expect("postgresql.conf");
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut postmaster) = self.postmaster.take() {
            let pid = i32::try_from(postmaster.id()).expect("a pid");
            let mut family = processes::children_of(pid);
            family.push(pid);
            // Data that is kept gets its checkpoint, so that the next start need not recover.
            let (signal, deadline) =
                if self.kept { (Signal::SIGINT, STOP_DEADLINE) } else { (Signal::SIGQUIT, DROP_DEADLINE) };
            processes::send(pid, signal);
            let start = Instant::now();
            while family.iter().any(|pid| processes::alive(*pid)) && start.elapsed() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            for pid in family.iter().filter(|pid| processes::alive(**pid)) {
                processes::send(*pid, Signal::SIGKILL);
            }
            let _ = postmaster.wait();
        }
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server's last words:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
        mounts::unmount_below(&self.folder);
        let _ = fs::remove_dir_all(&self.folder);
    }
}
