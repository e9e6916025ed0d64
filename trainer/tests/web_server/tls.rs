//! A web server for one folder with TLS, by `openssl s_server`.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Much longer than openssl takes to start.
const LIMIT: Duration = Duration::from_secs(30);

pub struct TlsServer {
    process: Child,
    port: u16,
    /// The certificate of the authority that signed the server's certificate.
    pub authority: PathBuf,
}

impl TlsServer {
    /// Serves `folder` as `localhost`. Keys and certificates are written to `work`.
    pub fn start(folder: &Path, work: &Path) -> Self {
        let openssl = |arguments: &str| {
            let output = Command::new("openssl")
                .args(arguments.split_whitespace())
                .current_dir(work)
                .output()
                .expect("these tests need openssl: scripts/setup");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&format!(
            "req -x509 {key} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem \
             -addext basicConstraints=critical,CA:TRUE"
        ));
        openssl(&format!(
            "req {key} -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout server.key -out server.csr"
        ));
        openssl(
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
             -copy_extensions copyall -out server.pem",
        );
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("openssl")
            .args(["s_server", "-quiet", "-WWW", "-accept", &format!("127.0.0.1:{port}")])
            .arg("-cert")
            .arg(work.join("server.pem"))
            .arg("-key")
            .arg(work.join("server.key"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port, authority: work.join("authority.pem") };
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "openssl does not serve");
            thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
