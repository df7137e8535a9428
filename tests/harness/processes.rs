//! Processes as Linux shows them in /proc.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::wait_until;

/// A zombie is not alive: nobody may be there to reap the children of a killed postmaster.
pub fn alive(pid: i32) -> bool {
    status(pid).is_some_and(|(state, _)| state != 'Z')
}

pub(crate) fn all() -> Vec<i32> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub fn children_of(parent: i32) -> Vec<i32> {
    all().into_iter().filter(|pid| status(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// Sends the signal; a process that has gone meanwhile is fine.
pub fn send(pid: i32, signal: Signal) {
    match signal::kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(e) => panic!("cannot send {signal} to {pid}: {e}"),
    }
}

/// Clock ticks of processor time that the process has used, its own and the kernel's for it.
pub fn processor_ticks(pid: i32) -> u64 {
    let fields = fields_of_stat(pid).expect("a process that is there");
    // utime and stime, the 14th and 15th of proc(5).
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// Signals the parent and returns once it and all children it had are gone.
pub(crate) fn kill_tree(parent: i32, signal: Signal) {
    let mut family = children_of(parent);
    family.push(parent);
    send(parent, signal);
    wait_until("a server and its processes to be gone", Duration::from_secs(30), || {
        family.iter().all(|pid| !alive(*pid)).then_some(())
    });
}

/// How many processes are attached to the System V shared memory of this id; 0 also where it is gone.
pub(crate) fn attached_to(memory: u64) -> u64 {
    let segments = fs::read_to_string("/proc/sysvipc/shm").expect("/proc/sysvipc/shm");
    let mut rows = segments.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let names = rows.next().expect("a line of names");
    let column = |name: &str| names.iter().position(|n| *n == name).expect("a column of /proc/sysvipc/shm");
    let (id, attached) = (column("shmid"), column("nattch"));
    let found = rows.find(|row| row[id].parse() == Ok(memory));
    found.map_or(0, |row| row[attached].parse().expect("a count"))
}

pub(crate) fn working_directory(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// What it has used of the processors so far.
pub fn cpu_time(pid: i32) -> Duration {
    let fields = fields_of_stat(pid).expect("the process lives");
    // utime and stime, in hundredths of a second on every Linux that has a /proc.
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().expect("a number of ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// What those of its children have used that have ended and that it has taken note of.
pub fn cpu_time_of_ended_children(pid: i32) -> Duration {
    let fields = fields_of_stat(pid).expect("the process lives");
    // cutime and cstime, in hundredths of a second too.
    let ticks: u64 = fields[13..=14].iter().map(|field| field.parse::<u64>().expect("a number of ticks")).sum();
    Duration::from_millis(ticks * 10)
}

fn status(pid: i32) -> Option<(char, i32)> {
    let fields = fields_of_stat(pid)?;
    Some((fields.first()?.chars().next()?, fields.get(1)?.parse().ok()?))
}

/// What stands behind the name in /proc/PID/stat, `pid (name, which may hold anything) state ppid …`.
fn fields_of_stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat[stat.rfind(')')? + 1..].split_whitespace().map(str::to_owned).collect())
}
