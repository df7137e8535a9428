//! Small disks of a test's own, so that one can be full without the machine being so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;

/// A new disk at this path, if this user may mount one.
pub(crate) fn mount_small_disk(path: &Path, megabytes: u32, owner: Uid) -> bool {
    fs::create_dir(path).unwrap_or_else(|e| panic!("mkdir {}: {e}", path.display()));
    let options = format!("size={megabytes}m,mode=0700,uid={owner}");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "voice-test"]).arg(path).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// Takes away whatever is mounted below a folder that is about to go. Servers may still look at it.
pub(crate) fn unmount_below(folder: &Path) {
    for path in below(folder) {
        let _ = Command::new("umount").arg("-l").arg(path).output();
    }
}

pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let paths = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    paths.filter(|path| path.starts_with(folder)).collect()
}
