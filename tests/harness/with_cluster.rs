//! Runs a command against a cluster of its own: `with_cluster [name=value …] -- psql -c 'SELECT 1'`.
//! The command finds the server by PGHOST, PGPORT and PGUSER; its exit code is handed on.

use std::env;
use std::process::{Command, ExitCode};

use harness::Cluster;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(end) = arguments.iter().position(|argument| argument == "--") else { return usage() };
    let (settings, command) = (&arguments[..end], &arguments[end + 1..]);
    let Some((program, program_arguments)) = command.split_first() else { return usage() };

    let mut builder = Cluster::builder();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else { return usage() };
        builder = builder.setting(name, value);
    }
    let cluster = builder.start();
    let status = Command::new(program).args(program_arguments).envs(cluster.client_environment()).status();
    // Not std::process::exit: the cluster is stopped by being dropped.
    match status {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(e) => {
            eprintln!("{program}: {e}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: with_cluster [name=value …] -- command [argument …]");
    ExitCode::FAILURE
}
