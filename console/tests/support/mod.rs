//! A real door with its console, and a browser without scripts.

#![allow(dead_code, reason = "each test program uses a part")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ostiary_control::Client;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_testkit::{ffmpeg, free_port, repository_file, wait_for};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

/// A password that the tests choose.
pub const PASSWORD: &str = "correct horse battery";

/// A door with its console; both end with it.
pub struct Site {
    pub folder: TempDir,
    pub port: u16,
    /// `liveness.level`
    pub level: &'static str,
    door: Option<Child>,
    console: Option<Child>,
}

impl Site {
    /// A console, and a door that does not run.
    pub fn without_door() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let site = Self { folder, port: free_port(), level: "off", door: None, console: None };
        site.configure("");
        site
    }

    /// A door before an empty place, and its console.
    pub fn new() -> Self {
        let mut site = Self::without_door();
        site.start_door();
        site.start_console();
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn configure(&self, more: &str) {
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n[relay]\nbackend = \"printed\"\nline = 17\npulse_ms = 100\n{more}\n",
            self.path("facebank.sqlite"),
            self.path("events.sqlite"),
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    /// The program of the door, or that of the console, with the files of this site.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("--config").arg(self.path("ostiary.toml")).args(arguments).stdin(Stdio::null());
        command.env("OSTIARY_LIVENESS__LEVEL", self.level).env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
        command
    }

    /// The program of the console with its folder.
    pub fn ostiary_console(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_ostiary-console")), arguments);
        command.env("OSTIARY_CONSOLE__LISTEN", format!("127.0.0.1:{}", self.port));
        command.env("OSTIARY_CONSOLE__ADDRESS", self.origin());
        command.arg("--state").arg(self.path("state"));
        command
    }

    /// The program of the door. It is in the folder of this test's program.
    pub fn ostiary(&self, arguments: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_ostiary-console")).with_file_name("ostiary");
        assert!(program.exists(), "{} is not built: build the workspace", program.display());
        let mut command = self.command(&program, arguments);
        command.env("OSTIARY_MODELS__DIR", repository_file("models"));
        command
    }

    pub fn start_door(&mut self) {
        let video = self.path("empty.mkv");
        if !video.exists() {
            ffmpeg(
                &["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600", "-preset", "ultrafast"],
                &video,
            );
        }
        self.start_door_before(&video);
    }

    pub fn start_door_before(&mut self, video: &Path) {
        let source = format!("camera.source={}", video.display());
        let settings = format!("--settings={}", self.path("settings.toml").display());
        let arguments = [&settings, "run", "--set", &source, "--set", "camera.realtime=true"];
        let door = self.ostiary(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.door = Some(door);
        wait_for("the door answers", || {
            let socket = self.path("facebank.sqlite.control");
            let Ok(Some(mut client)) = Client::connect(&socket) else { return false };
            client.door().get_state().call().is_ok_and(|reply| reply.state.camera)
        });
    }

    pub fn stop_door(&mut self) {
        let Some(mut door) = self.door.take() else { return };
        door.kill().unwrap();
        door.wait().unwrap();
    }

    /// The id of the door's process.
    pub fn door_process(&self) -> u32 {
        self.door.as_ref().unwrap().id()
    }

    pub fn start_console(&mut self) {
        let log = fs::File::create(self.path("console.log")).unwrap();
        self.console = Some(self.ostiary_console(&["serve"]).stderr(log).spawn().unwrap());
        wait_for("the console listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn stop_console(&mut self) {
        let Some(mut console) = self.console.take() else { return };
        console.kill().unwrap();
        console.wait().unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("console.log")).unwrap()
    }

    /// What the console has in memory now, MB.
    pub fn resident_mb(&self) -> f64 {
        self.memory_mb("VmRSS")
    }

    /// A line of the system about the memory of the console, MB.
    pub fn memory_mb(&self, kind: &str) -> f64 {
        let id = self.console.as_ref().unwrap().id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(kind)).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024.0 / 1e6
    }

    /// A command of the console.
    pub fn console(&self, arguments: &[&str]) -> Output {
        self.ostiary_console(&["--json"]).args(arguments).output().unwrap()
    }

    /// A one-time code for an account.
    pub fn code(&self, name: &str, role: &str) -> Value {
        let output = self.console(&["pair", "--name", name, "--role", role]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A browser that is signed in with this role.
    pub fn paired(&self, name: &str, role: &str) -> Browser<'_> {
        let code = self.code(name, role);
        let mut browser = self.browser();
        let paired = browser.pair(code["code"].as_str().unwrap(), PASSWORD);
        assert_eq!(
            (paired.status, paired.location()),
            (303, "/sign-in?begun=true&next=/door"),
            "{}",
            paired.body
        );
        browser
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookies: BTreeMap::new(),
            origin: Some(self.origin()),
            language: "en".to_owned(),
        }
    }

    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A connection with TLS, which trusts only the console's own certificate.
    pub fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let pem = fs::read(self.path("state/certificate.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        StreamOwned::new(connection, stream)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop_console();
        self.stop_door();
    }
}

/// A WebSocket of a browser.
pub type WebSocket = tungstenite::WebSocket<StreamOwned<ClientConnection, TcpStream>>;

/// A browser without scripts.
#[derive(Clone)]
pub struct Browser<'a> {
    site: &'a Site,
    pub cookies: BTreeMap<String, String>,
    /// What it sends as the origin of forms.
    pub origin: Option<String>,
    pub language: String,
}

pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }
}

impl Browser<'_> {
    pub fn get(&mut self, path: &str) -> Page {
        self.request("GET", path, &[], "")
    }

    /// Sends a form.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.request("POST", path, &[("Content-Type", "application/x-www-form-urlencoded")], body.join("&"))
    }

    /// Opens a WebSocket.
    pub fn socket(&self, path: &str) -> WebSocket {
        let address = format!("localhost:{}", self.site.port);
        let request = tungstenite::http::Request::builder()
            .uri(format!("wss://{address}{path}"))
            .header("Host", address)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", tungstenite::handshake::client::generate_key())
            .header("Origin", self.site.origin())
            .header("Accept-Language", &self.language)
            .header("Cookie", format!("__Host-session={}", self.cookies["__Host-session"]));
        tungstenite::client(request.body(()).unwrap(), self.site.connect()).unwrap().0
    }

    /// Sends a form with files, each with its name and its content.
    pub fn upload(&mut self, path: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Page {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        for (name, content) in files {
            let head = format!(
                "--part\r\nContent-Disposition: form-data; name=\"photos\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--part--\r\n");
        self.request("POST", path, &[("Content-Type", "multipart/form-data; boundary=part")], body)
    }

    pub fn pair(&mut self, code: &str, password: &str) -> Page {
        self.post("/pair", &[("code", code), ("password", password), ("again", password)])
    }

    pub fn sign_in(&mut self, name: &str, password: &str) -> Page {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }

    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Page {
        let body = body.as_ref();
        let mut stream = self.site.connect();
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n",
            self.site.port
        );
        text += &format!("Accept-Language: {}\r\n", self.language);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            text += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        if let (Some(origin), "POST") = (&self.origin, method) {
            text += &format!("Origin: {origin}\r\n");
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let page = read_page(&mut stream);
        for (_, set) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let flags = ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"];
            assert!(flags.iter().all(|flag| set.contains(flag)) && set.starts_with("__Host-"), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            match set.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        page
    }
}

fn read_page(stream: &mut impl Read) -> Page {
    let mut bytes = Vec::new();
    // The console may end the connection without a farewell.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let bytes = &bytes[end + 4..];
    let bytes = if is_chunked { joined(bytes) } else { bytes.to_vec() };
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Page { status, headers, body, bytes }
}

/// What the parts of a body are together. Fails if the end is missing.
fn joined(mut parts: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = parts.windows(2).position(|part| part == b"\r\n").expect("a part of the body");
        let length = usize::from_str_radix(std::str::from_utf8(&parts[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend(&parts[end + 2..end + 2 + length]);
        parts = &parts[end + 2 + length + 2..];
    }
}

/// A value of a form.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Whether a file can be read by its owner only.
pub fn is_private(path: &Path) -> bool {
    fs::metadata(path).unwrap().mode().trailing_zeros() >= 6
}
