//! A receiver of webhooks in a process of its own, which verifies with the official library (`tests/receiver`).

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::voice::SOON;
use crate::wait_until;

pub struct Receiver {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
}

impl Receiver {
    /// Its files are in this folder, which goes with the server whose it is.
    pub fn start(folder: &Path) -> Receiver {
        let folder = folder.join("receiver");
        fs::create_dir_all(&folder).expect("a folder for the receiver");
        // Of its own choosing first, then always the same: one that was killed comes back where it was.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut receiver = Receiver { child: None, folder, port };
        receiver.rise();
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/voice", self.port)
    }

    pub fn knows(&self, secret: &str) {
        fs::write(self.folder.join("secret"), secret).expect("the receiver's secret");
    }

    /// From now on every request is answered with this status.
    pub fn answers(&self, status: u16) {
        fs::write(self.folder.join("answer"), status.to_string()).expect("the receiver's answer");
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn rise(&mut self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../target/receiver/bin/python");
        assert!(python.exists(), "scripts/receiver.sh brings the receiver's library");
        let _ = fs::remove_file(self.folder.join("port"));
        let child = Command::new(python)
            .arg(root.join("receiver/receiver.py"))
            .arg(&self.folder)
            .arg(self.port.to_string())
            .stdin(Stdio::null())
            .spawn()
            .expect("start the receiver");
        self.child = Some(child);
        wait_until("the receiver to listen", SOON, || self.folder.join("port").exists().then_some(()));
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.folder.join("seen")).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub fn wait_for(&self, requests: usize) -> Vec<Value> {
        wait_until(&format!("{requests} requests at the receiver"), SOON, || {
            Some(self.seen()).filter(|seen| seen.len() >= requests)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}
