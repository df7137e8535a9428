//! A TLS server whose certificate nobody has reason to trust.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Runs until the test's process ends.
pub struct TlsStub {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    bytes: AtomicUsize,
}

impl TlsStub {
    /// Self-signed, made by openssl (which Debian's PostgreSQL brings along) in this folder.
    pub fn self_signed(folder: &Path) -> TlsStub {
        let (key, certificate) = (folder.join("tls.key"), folder.join("tls.crt"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            // Or it would be refused for being an authority, not for being nobody's.
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let chain = vec![CertificateDer::from_pem_file(certificate).expect("openssl's certificate")];
        let key = PrivateKeyDer::from_pem_file(key).expect("openssl's key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .expect("a TLS server");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the TLS stub");
        let address = listener.local_addr().expect("its address");
        let (config, seen) = (Arc::new(config), Arc::<Seen>::default());
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&shared));
                thread::spawn(move || listen(stream, config, &seen));
            }
        });
        TlsStub { address, seen }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/v1", self.address.port())
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Acquire)
    }

    /// What clients have said after the handshake: transcripts and keys, if they trusted us.
    pub fn bytes(&self) -> usize {
        self.seen.bytes.load(Acquire)
    }
}

fn listen(stream: TcpStream, config: Arc<ServerConfig>, seen: &Seen) {
    seen.connections.fetch_add(1, AcqRel);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut tls = StreamOwned::new(connection, stream);
    let mut piece = [0; 1024];
    while let Ok(size @ 1..) = tls.read(&mut piece) {
        seen.bytes.fetch_add(size, AcqRel);
    }
}
