//! The PostgreSQL under test, the account that its servers run as, and where their data lies.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::{Uid, User, geteuid};

pub(crate) struct Installation {
    bin: PathBuf,
    /// `DESTDIR` of `make install`: an extension that is not in the system's folders (Debian's servers only).
    destdir: Option<PathBuf>,
    /// PostgreSQL refuses to run as root: then its servers run as this user.
    account: Option<User>,
}

pub(crate) fn installation() -> &'static Installation {
    static INSTALLATION: OnceLock<Installation> = OnceLock::new();
    INSTALLATION.get_or_init(|| {
        crate::leftovers::remove();
        Installation::find()
    })
}

/// The install script of the extension that these servers find.
pub fn extension_script(version: &str) -> PathBuf {
    let installation = installation();
    let folder = output_of(Command::new(installation.program("pg_config")).arg("--sharedir"));
    let script = format!("{folder}/extension/voice_analytics--{version}.sql");
    match &installation.destdir {
        Some(destdir) => PathBuf::from(format!("{}{script}", destdir.display())),
        None => script.into(),
    }
}

/// The major version of the PostgreSQL under test.
pub fn server_major() -> u32 {
    static MAJOR: OnceLock<u32> = OnceLock::new();
    *MAJOR.get_or_init(|| {
        let version = output_of(Command::new(installation().program("postgres")).arg("--version"));
        let number = version.split_whitespace().nth(2).expect("postgres (PostgreSQL) 15.1 …");
        number
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|major| major.parse().ok())
            .expect("a major version")
    })
}

/// Whether a test that needs this major version or a newer one can be run; where it cannot, it says so by its name.
pub fn needs_major(major: u32) -> bool {
    let enough = server_major() >= major;
    if !enough {
        skipped(&format!("needs PostgreSQL {major}, this is {}", server_major()));
    }
    enough
}

/// Whether the PostgreSQL under test has this library (an extension's, without `.so`).
pub fn has_library(name: &str) -> bool {
    let pg_config = env::var_os("PG_CONFIG").filter(|path| !path.is_empty()).unwrap_or("pg_config".into());
    let folder = output_of(Command::new(pg_config).arg("--pkglibdir"));
    Path::new(&folder).join(format!("{name}.so")).exists()
}

/// Says that the test that runs on this thread is skipped, and why. `scripts/test.sh` lists and counts these lines.
pub fn skipped(why: &str) {
    use std::io::Write;
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not by a macro: what those print, the test runner keeps to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

impl Installation {
    fn find() -> Installation {
        let pg_config = env::var_os("PG_CONFIG").filter(|path| !path.is_empty()).unwrap_or("pg_config".into());
        let bin = output_of(Command::new(&pg_config).arg("--bindir"));
        let account = geteuid().is_root().then(|| {
            User::from_name("postgres")
                .ok()
                .flatten()
                .expect("as root, the tests need the user postgres to run servers")
        });
        let destdir = env::var_os("DESTDIR").filter(|path| !path.is_empty()).map(PathBuf::from);
        Installation { bin: bin.into(), destdir, account }
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A program of this PostgreSQL, without what the developer's own shell tells it (PGOPTIONS, PGSERVICE, …).
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.program(program));
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PG") || text == "OPENAI_API_KEY" {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The same, run as the servers' account, in a folder which that account can enter.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = self.client(program);
        command.current_dir("/");
        if let Some(user) = &self.account {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    pub(crate) fn give_to_server(&self, folder: &Path) {
        if let Some(user) = &self.account {
            run(Command::new("chown").arg("-R").arg(format!("{}:{}", user.uid, user.gid)).arg(folder));
        }
    }

    /// A new folder that only the servers' account may enter; sockets in it need no further authentication.
    pub(crate) fn private_folder(&self, path: &Path) {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(path).unwrap_or_else(|e| panic!("mkdir {}: {e}", path.display()));
        if let Some(user) = &self.account {
            std::os::unix::fs::chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .unwrap_or_else(|e| panic!("chown {}: {e}", path.display()));
        }
    }

    pub(crate) fn server_uid(&self) -> Uid {
        self.account.as_ref().map_or_else(geteuid, |user| user.uid)
    }

    /// Settings that make servers find an extension below `DESTDIR`.
    pub(crate) fn destdir_settings(&self) -> Vec<(String, String)> {
        let Some(destdir) = &self.destdir else { return Vec::new() };
        let library_folder = output_of(Command::new(self.program("pg_config")).arg("--pkglibdir"));
        let destdir = destdir.display();
        vec![
            ("extension_destdir".into(), destdir.to_string()),
            ("dynamic_library_path".into(), format!("{destdir}{library_folder}:$libdir")),
        ]
    }

    /// An empty data directory, made by initdb once for each PostgreSQL version and copied for each cluster.
    pub(crate) fn template(&self) -> &'static Path {
        static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
        TEMPLATE.get_or_init(|| {
            let version = output_of(Command::new(self.program("postgres")).arg("--version"));
            let version = version.split_whitespace().nth(2).expect("postgres (PostgreSQL) 15.1 …").to_owned();
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
            fs::create_dir_all(&folder).expect("target/tmp");
            let owner = self.server_uid();
            let template = folder.join(format!("template-{version}-{owner}"));
            if !template.exists() {
                self.make_template(&folder, &template);
            }
            template
        })
    }

    /// Built aside and renamed into place, so that an interrupted or a second run never sees half of one.
    fn make_template(&self, folder: &Path, template: &Path) {
        let scratch = crate::leftovers::new_folder_name();
        self.private_folder(&scratch);
        // C.UTF-8: the same order on every machine, and case folding beyond ASCII.
        run(self
            .command("initdb")
            .args(["--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .arg("-D")
            .arg(scratch.join("data")));
        let aside = folder.join(format!("template-{}", std::process::id()));
        copy(&scratch.join("data"), &aside);
        fs::remove_dir_all(&scratch).expect("remove initdb's folder");
        if fs::rename(&aside, template).is_err() {
            // Somebody else was faster; theirs is as good.
            fs::remove_dir_all(&aside).expect("remove the template that came second");
        }
    }
}

/// With owners and modes; files share their blocks where the file system can.
pub(crate) fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
