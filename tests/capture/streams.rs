//! Network cameras with login and TLS: GStreamer's RTSP server and Python's HTTPS server.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ostiary_capture::{CaptureError, Next};
use ostiary_config::Camera;
use ostiary_core::Frame;

use super::{camera, children, first_result, open, video};

const USER: &str = "door-viewer";
/// Every character that has a meaning in an address, in a playlist or in quotes.
const PASSWORD: &str = "p#S3/c'r\"e?t@:w %41\\&+=<é";

/// A server that is killed when the test ends.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capture").join(script);
        // Debian's Python has the modules that scripts/setup installs.
        let mut process = Command::new("/usr/bin/python3")
            .arg(path)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("these tests need python3: run scripts/setup");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        assert!(!port.is_empty(), "{script} does not start: run scripts/setup");
        Self { process, port: port.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn password_file(folder: &Path, password: &str) -> PathBuf {
    let path = folder.join("password");
    std::fs::write(&path, format!("{password}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Makes a certificate that signs itself. Returns the file with certificate and key, and the one with the certificate only.
fn certificate(folder: &Path, name: &str, more: &[&str]) -> (PathBuf, PathBuf) {
    let (both, public) = (folder.join(format!("{name}-both.pem")), folder.join(format!("{name}.pem")));
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=camera"])
        .args(more)
        .arg("-keyout")
        .arg(&both)
        .arg("-out")
        .arg(&public)
        .output()
        .expect("these tests need openssl: run scripts/setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&both).unwrap() + &std::fs::read_to_string(&public).unwrap();
    std::fs::write(&both, text).unwrap();
    (both, public)
}

fn has_secret(text: &str) -> bool {
    [USER, "S3/c", "S3%2Fc", "c'r", "c%27r"].iter().any(|secret| text.contains(secret))
}

/// Reads a frame, and looks for secrets in the arguments and the environment of the child meanwhile.
fn read_frame_without_secrets(camera: &Camera) {
    let mut source = open(camera).unwrap();
    let mut frame = Frame::default();
    let _ = source.next(&mut frame);
    let read = |pid: u32, file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // The servers are children of this process too, and have the secrets.
    let decoder = loop {
        match children().into_iter().find(|pid| read(*pid, "cmdline").contains("pipe:0")) {
            Some(pid) => break pid,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    for file in ["cmdline", "environ"] {
        let text = read(decoder, file);
        assert!(!text.is_empty() && !has_secret(&text), "{file}: {text}");
    }
    assert_eq!(first_result(&mut *source, &mut frame).unwrap(), Next::Frame);
    assert_eq!((frame.width(), frame.height()), (320, 240));
    assert!(!has_secret(&source.describe()), "{}", source.describe());
}

#[test]
fn every_password_reaches_the_camera_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    for method in ["basic", "digest"] {
        let server = Server::start("rtsp_server.py", &[USER, PASSWORD, method]);
        let address = format!("127.0.0.1:{}/ch1", server.port);
        read_frame_without_secrets(&Camera {
            user: Some(USER.into()),
            password_file: Some(password_file(folder.path(), PASSWORD)),
            ..camera(format!("rtsp://{address}"))
        });
        let in_address =
            PASSWORD.replace('%', "%25").replace('#', "%23").replace('/', "%2f").replace('?', "%3F");
        read_frame_without_secrets(&camera(format!("rtsp://{USER}:{in_address}@{address}")));

        let mut source = open(&Camera {
            user: Some(USER.into()),
            password_file: Some(password_file(folder.path(), "S3/c'wrong")),
            ..camera(format!("rtsp://{address}"))
        })
        .unwrap();
        let error = first_result(&mut *source, &mut Frame::default()).unwrap_err();
        assert!(matches!(error, CaptureError::Broken { .. }) && error.is_transient(), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("401 Unauthorized") && !has_secret(&text), "{text}");
    }
}

#[test]
fn a_camera_with_tls_is_trusted_only_by_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    // As cameras make it: for no host.
    let (both, own) = certificate(folder.path(), "own", &[]);
    let (_, other) = certificate(folder.path(), "other", &[]);
    let server = Server::start("rtsp_server.py", &[USER, PASSWORD, "digest", both.to_str().unwrap()]);
    let with_authority = |ca_file: Option<&Path>| Camera {
        user: Some(USER.into()),
        password_file: Some(password_file(folder.path(), PASSWORD)),
        ca_file: ca_file.map(Into::into),
        ..camera(format!("rtsps://127.0.0.1:{}/ch1", server.port))
    };
    for ca_file in [None, Some(other.as_path())] {
        let mut source = open(&with_authority(ca_file)).unwrap();
        let error = first_result(&mut *source, &mut Frame::default()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_transient() && text.contains("not trusted"), "{text}");
        assert!(text.contains("camera.ca_file") && !has_secret(&text), "{text}");
    }
    read_frame_without_secrets(&with_authority(Some(&own)));
}

#[test]
fn a_camera_with_https_is_trusted_only_by_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let video = video(folder.path());
    let (both, own) = certificate(folder.path(), "own", &["-addext", "subjectAltName=IP:127.0.0.1"]);
    let (_, other) = certificate(folder.path(), "other", &[]);
    let login = format!("{USER}:{PASSWORD}");
    let server = Server::start("https_server.py", &[&login, both.to_str().unwrap(), video.to_str().unwrap()]);
    let first = |ca_file: Option<&Path>| {
        let mut source = open(&Camera {
            user: Some(USER.into()),
            password_file: Some(password_file(folder.path(), PASSWORD)),
            ca_file: ca_file.map(Into::into),
            ..camera(format!("https://127.0.0.1:{}/video", server.port))
        })
        .unwrap();
        let mut frame = Frame::default();
        first_result(&mut *source, &mut frame).map(|next| (next, frame.width()))
    };
    for ca_file in [None, Some(other.as_path())] {
        let error = first(ca_file).unwrap_err();
        assert!(matches!(error, CaptureError::Broken { .. }) && !has_secret(&error.to_string()), "{error}");
        assert!(error.to_string().contains("camera.ca_file"), "{error}");
    }
    assert_eq!(first(Some(&own)).unwrap(), (Next::Frame, 64));
}
