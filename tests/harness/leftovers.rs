//! Clusters live in the system's temp folder, in `voice-<pid of the test run>-<n>`: short enough for a socket's
//! path and open to the servers' account, which a clone in somebody's home may not be. A test run removes its own;
//! what a killed one left behind, the next one removes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;

use crate::{mounts, processes};

pub(crate) fn new_folder_name() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("voice-{}-{number}", process::id()))
}

/// What test runs that are over have left behind: folders, and servers that still run in them. With the servers go
/// their ports and sockets.
pub fn found() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return Vec::new() };
    let folders = entries.flatten().map(|entry| entry.path());
    let servers = processes::all().into_iter().filter_map(processes::working_directory);
    // Of a folder that is gone, Linux says `/tmp/voice-1-0/data (deleted)`.
    let server_folders = servers.filter_map(|data| Some(data.parent()?.to_owned()));
    let mut left: Vec<PathBuf> = folders
        .chain(server_folders)
        .filter(|folder| owner(folder).is_some_and(|pid| !processes::alive(pid)))
        .collect();
    left.sort();
    left.dedup();
    left
}

/// Folders of other users are not ours to remove: failures are left to their owners.
pub(crate) fn remove() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let abandoned = owner(&folder).is_some_and(|pid| !processes::alive(pid));
        if abandoned {
            stop_server_of(&folder);
            mounts::unmount_below(&folder);
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// The test run that made this folder, if it is one of ours.
fn owner(folder: &Path) -> Option<i32> {
    let (pid, number) = folder.file_name()?.to_str()?.strip_prefix("voice-")?.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

pub(crate) fn stop_server_of(folder: &Path) {
    let data = folder.join("data");
    let Ok(pid_file) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let Some(pid) = pid_file.lines().next().and_then(|line| line.parse::<i32>().ok()) else { return };
    // The number may have gone to another process since: a postmaster's working directory is its data.
    if processes::working_directory(pid) == Some(data) {
        processes::kill_tree(pid, Signal::SIGQUIT);
    }
}
