//! Network cameras: ffmpeg connects to a stream and decodes it.
//!
//! The arguments and the environment of a process can be read by every user of the host. Therefore ffmpeg gets the address,
//! with user and password, as a playlist (its demuxer `concat`) on its standard input.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ostiary_config::Camera;
use ostiary_core::{Frame, MAX_CERTIFICATES, StreamAddress, read_regular_file, redact};

use super::CaptureError;
use super::child::{self, Line, Program};
use super::child_source::{FrameProgram, Kind, Started};
use super::ffmpeg::{self, FFMPEG, Version};
use super::stream_login;
use super::tls_tunnel::{TlsTunnel, TunnelError};

/// ffmpeg keeps user and password of RTSP in 128 bytes, with a zero at the end, and silently cuts off what is longer.
const MAX_RTSP_LOGIN: usize = 127;
/// The formats in which a camera may send over HTTP. Playlists (HLS, DASH) are not among them: they name other addresses, whose
/// certificates ffmpeg does not check.
const HTTP_FORMATS: &str = "mpjpeg,mpegts,matroska,webm,mov,flv,mjpeg,h264,hevc,jpeg_pipe";
/// The formats of RTSP.
const RTSP_FORMATS: &str = "rtsp";
/// The port of RTSP with TLS, if the address has none.
const RTSPS_PORT: u16 = 322;

/// A stream that ffmpeg decodes.
pub struct FfmpegStream {
    address: StreamAddress,
    camera: Camera,
}

impl FfmpegStream {
    /// The stream at this address. Of `camera`, it takes user, password and authority.
    pub fn new(address: StreamAddress, camera: &Camera) -> Self {
        Self { address, camera: camera.clone() }
    }

    /// `camera.source` cannot be used.
    fn source_error(&self, why: &str) -> CaptureError {
        CaptureError::Setting { key: "camera.source", value: self.name(), why: why.into() }
    }

    /// `camera.ca_file` cannot be used.
    fn authority_error(&self, why: String) -> CaptureError {
        let value = match &self.camera.ca_file {
            Some(path) => path.display().to_string(),
            None => "(not set)".into(),
        };
        CaptureError::Setting { key: "camera.ca_file", value, why }
    }

    /// An encrypted connection to the camera, which ffmpeg uses instead of its own.
    fn tunnel(&self, address: &StreamAddress) -> Result<TlsTunnel, CaptureError> {
        let tunnel = TlsTunnel::open(address.host(), RTSPS_PORT, self.camera.ca_file.as_deref());
        tunnel.map_err(|error| match error {
            // Another program uses them now.
            TunnelError::NoPort { .. } => self.failure(error.to_string()),
            TunnelError::Authority(_) | TunnelError::NoAuthority => self.authority_error(error.to_string()),
            TunnelError::Host(_) | TunnelError::Tls(_) => self.source_error(&error.to_string()),
        })
    }

    /// The address with user and password.
    fn secret_address(&self) -> Result<StreamAddress, CaptureError> {
        let address = match stream_login::login(&self.camera)? {
            Some(login) => self.address.clone().with_login(login),
            None => self.address.clone(),
        };
        let length = address.login().map_or(0, |login| login.secret_text().len());
        if address.scheme().starts_with("rtsp") && length > MAX_RTSP_LOGIN {
            return Err(self.source_error(
                "user and password are longer than ffmpeg can send (127 bytes, three for each special character); set a \
                 shorter password in the camera",
            ));
        }
        Ok(address)
    }
}

/// How ffmpeg gets an address, and the protocols and formats that it may use for it. A redirection to another protocol fails, so
/// that a stream with TLS stays one.
struct Input {
    address: Handover,
    protocols: &'static str,
    formats: &'static str,
    tunnel: Option<TlsTunnel>,
}

/// How ffmpeg gets the address.
enum Handover {
    /// As this playlist, on standard input.
    Playlist(String),
    /// As an argument: an address of RTSP without secrets, for a version whose playlists have no options.
    Argument(String),
}

impl Input {
    fn new(stream: &FfmpegStream, address: &StreamAddress, version: &Version) -> Result<Self, CaptureError> {
        let has_options = !version.is_before(5, 0);
        Ok(match address.scheme() {
            scheme @ ("rtsp" | "rtsps") => {
                if address.has_secret() && !has_options {
                    return Err(stream.source_error(
                        "ffmpeg 5.0 or later is needed, which takes the password where no other user of this host can read it; \
                         this one is older",
                    ));
                }
                let tunnel = (scheme == "rtsps").then(|| stream.tunnel(address)).transpose()?;
                let url = match &tunnel {
                    Some(tunnel) => {
                        let login = address.login().map(|login| format!("{}@", login.secret_text()));
                        format!("rtsp://{}{}{}", login.unwrap_or_default(), tunnel.address(), address.path())
                    }
                    None => address.secret_url(),
                };
                let address = if has_options {
                    // Over TCP, because a UDP packet that is lost makes a damaged picture.
                    Handover::Playlist(playlist(&url, RTSP_FORMATS, "option rtsp_transport tcp\n"))
                } else {
                    Handover::Argument(url)
                };
                Self { address, protocols: "pipe,rtsp,rtp,tcp", formats: RTSP_FORMATS, tunnel }
            }
            "https" => {
                if !has_options {
                    return Err(stream.source_error(
                        "https:// needs ffmpeg 5.0 or later to check the camera's certificate, and this one is older",
                    ));
                }
                let mut options = "option tls_verify 1\n".to_owned();
                if let Some(ca_file) = stream.camera.ca_file.as_deref() {
                    options += &format!("option ca_file {}\n", quoted(stream, ca_file)?);
                }
                let address = Handover::Playlist(playlist(&address.secret_url(), HTTP_FORMATS, &options));
                Self { address, protocols: "pipe,https,tls,tcp", formats: HTTP_FORMATS, tunnel: None }
            }
            _ => {
                let url = address.secret_url();
                let address =
                    if has_options { playlist(&url, HTTP_FORMATS, "") } else { bare_playlist(&url) };
                let address = Handover::Playlist(address);
                Self { address, protocols: "pipe,http,tcp", formats: HTTP_FORMATS, tunnel: None }
            }
        })
    }
}

/// A playlist with one address, whose special characters are encoded, the formats that may come from there, and more options of
/// it.
fn playlist(url: &str, formats: &str, options: &str) -> String {
    format!("{}option format_whitelist {formats}\n{options}", bare_playlist(url))
}

/// A playlist for a version of ffmpeg whose playlists have no options.
fn bare_playlist(url: &str) -> String {
    format!("ffconcat version 1.0\nfile '{url}'\n")
}

/// The path of the file with the authority, in the quotes of a playlist.
fn quoted(stream: &FfmpegStream, path: &Path) -> Result<String, CaptureError> {
    // ffmpeg does not say why it cannot use the file.
    read_regular_file(path, MAX_CERTIFICATES).map_err(|error| stream.authority_error(error.to_string()))?;
    match path.to_str().filter(|path| !path.contains(char::is_control)) {
        Some(path) => Ok(format!("'{}'", path.replace('\'', "'\\''"))),
        None => Err(stream.authority_error("the path is not UTF-8, or has control characters".into())),
    }
}

impl FrameProgram for FfmpegStream {
    fn program(&self) -> Program {
        FFMPEG
    }

    fn name(&self) -> String {
        self.address.to_string()
    }

    fn describe(&self) -> String {
        format!("stream {}", self.address)
    }

    fn kind(&self) -> Kind {
        Kind::Stream
    }

    fn start(&self, _: Duration) -> Result<Started, CaptureError> {
        let version = Version::of_ffmpeg(&self.name())?;
        let address = self.secret_address()?;
        let Input { address: handover, protocols, formats, tunnel } = Input::new(self, &address, &version)?;
        let mut command = child::command(FFMPEG);
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
        command.args(["-fflags", "nobuffer", "-flags", "low_delay", "-protocol_whitelist", protocols]);
        match &handover {
            // The playlist allows no `concat` for what its address gives. An older version, whose playlists cannot, takes such a
            // playlist from a camera too, but in safe mode: with files of this camera only.
            Handover::Playlist(_) => {
                command.args(["-format_whitelist", &format!("concat,{formats}")]);
                command.args(["-f", "concat", "-safe", "0", "-i", "pipe:0"])
            }
            Handover::Argument(url) => {
                command.args(["-format_whitelist", formats, "-rtsp_transport", "tcp", "-i", url])
            }
        };
        command.args(ffmpeg::output_arguments(&version)).stdin(Stdio::piped());
        let mut child = child::spawn(&mut command, FFMPEG, &self.name())?;
        if let (Some(mut input), Handover::Playlist(text)) = (child.stdin.take(), &handover) {
            // The text is shorter than the buffer of a pipe. If ffmpeg has ended, its error output says why.
            let _ = input.write_all(text.as_bytes());
        }
        let judge = judge(self.name(), &address, tunnel.as_ref().map(TlsTunnel::address));
        Ok(Started { tunnel, ..Started::with_frames_on_stdout(child, judge)? })
    }

    fn read_frame(&self, output: &mut dyn BufRead, _: &mut Vec<u8>, frame: &mut Frame) -> io::Result<bool> {
        ffmpeg::read_ppm(output, frame)
    }

    fn failure(&self, why: String) -> CaptureError {
        CaptureError::Broken { name: self.name(), why }
    }
}

/// Removes what is secret from ffmpeg's messages, and the names of the pipe and of the tunnel, which tell a person nothing.
fn judge(
    name: String,
    address: &StreamAddress,
    tunnel: Option<String>,
) -> impl Fn(&str) -> Line + Send + 'static {
    let login = address.login().map(|login| format!("{}@", login.secret_text())).unwrap_or_default();
    let secret = address.secret_url();
    let host = address.host().to_string();
    move |line| {
        let mut line = line.replace(&secret, &name);
        if !login.is_empty() {
            line = line.replace(&login, "");
        }
        if let Some(tunnel) = &tunnel {
            line = line.replace(tunnel, &host);
        }
        let line = redact(line.strip_prefix("pipe:0: ").unwrap_or(&line));
        // The lines after these say only that reading failed.
        if line.contains("Format not on whitelist") {
            return Line::Fatal(
                "the camera sends a playlist (HLS, DASH) or a format that is not taken from cameras; set camera.source to the \
                 address of the stream itself, for example that of RTSP or MJPEG"
                    .into(),
            );
        }
        if line.to_lowercase().contains("certificate") {
            return Line::Fatal(format!(
                "the camera's certificate is not accepted ({line}); set camera.ca_file to its authority, and use the host's \
                 name that is in the certificate"
            ));
        }
        Line::Message(line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use ostiary_core::clock::MonotonicClock;

    use super::super::child_source::ChildSource;
    use super::super::{FrameSource, Next};
    use super::*;

    /// A camera that sends these files over HTTP. Returns its port, and the paths that are asked for.
    fn http_camera(files: Vec<(&'static str, &'static str, Vec<u8>)>) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let paths = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let request = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let path = request.split(' ').nth(1).unwrap().to_owned();
                if let Some((_, kind, bytes)) = files.iter().find(|(name, ..)| *name == path) {
                    let length = bytes.len();
                    let head = format!(
                        "HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
                    );
                    // ffmpeg ends the connection when it has seen enough.
                    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(bytes));
                }
                paths.lock().unwrap().push(path);
            }
        });
        (port, asked)
    }

    /// The first result of a camera at this address.
    fn first_result(address: &str) -> Result<Next, CaptureError> {
        let stream = FfmpegStream::new(StreamAddress::parse(address).unwrap(), &Camera::default());
        let mut source =
            ChildSource::new(stream, Duration::from_secs(20), Arc::new(MonotonicClock::default()));
        loop {
            match source.next(&mut Frame::default()) {
                Err(CaptureError::Connecting { .. }) => {}
                result => return result,
            }
        }
    }

    #[test]
    fn pictures_are_taken_from_a_camera_and_a_playlist_is_not_followed() {
        let mut jpeg = io::Cursor::new(Vec::new());
        image::RgbImage::new(64, 48).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let jpeg = jpeg.into_inner();
        let mut pictures = Vec::new();
        for _ in 0..20 {
            let head =
                format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
            pictures.extend([head.as_bytes(), &jpeg, b"\r\n"].concat());
        }
        let hls =
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\npart.ts\n#EXT-X-ENDLIST\n";
        let (port, asked) = http_camera(vec![
            ("/pictures", "multipart/x-mixed-replace; boundary=frame", pictures),
            ("/live.m3u8", "application/vnd.apple.mpegurl", hls.into()),
            ("/nested", "text/plain", "ffconcat version 1.0\nfile part.ts\n".into()),
        ]);
        assert_eq!(first_result(&format!("http://127.0.0.1:{port}/pictures")).unwrap(), Next::Frame);
        let version = Version::of_ffmpeg("test").unwrap();
        for playlist in ["/live.m3u8", "/nested"] {
            // The playlists of older versions have no options; those of a camera name files of this camera only.
            if playlist == "/nested" && version.is_before(5, 0) {
                continue;
            }
            let error = first_result(&format!("http://127.0.0.1:{port}{playlist}")).unwrap_err().to_string();
            assert!(error.contains("the camera sends a playlist (HLS, DASH)"), "{error}");
        }
        let asked = asked.lock().unwrap();
        assert!(!asked.iter().any(|path| path.contains("part")), "{asked:?}");
    }

    #[test]
    fn messages_have_no_secret() {
        let address = StreamAddress::parse("rtsp://anna:S3c'ret word@cam/ch1?t0ken").unwrap();
        let judge = judge(address.to_string(), &address, None);
        let url = format!("{}&tcp", address.secret_url());
        for line in
            [format!("[concat @ 0x5] Impossible to open '{url}'"), "auth anna:S3c%27ret%20word@ x".to_owned()]
        {
            let Line::Message(shown) = judge(&line) else { panic!("{line}") };
            for secret in ["anna", "S3c", "word", "t0ken"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        assert_eq!(judge("pipe:0: Connection refused"), Line::Message("Connection refused".into()));
    }

    #[test]
    fn an_older_ffmpeg_gets_no_secret_as_an_argument() {
        let input = |address: &str, version: &str| {
            let address = StreamAddress::parse(address).unwrap();
            let stream = FfmpegStream::new(address.clone(), &Camera::default());
            Input::new(&stream, &address, &Version::parse(version))
        };
        let (old, new) = ("ffmpeg version 4.4.2-0ubuntu0.22.04.1", "ffmpeg version 5.1.9-0+deb12u1");
        for secret in
            ["rtsp://a:b@cam/1", "rtsp://cam/1?password=b", "rtsp://cam/user=a_password=b", "https://cam/1"]
        {
            let error = input(secret, old).err().unwrap().to_string();
            assert!(error.contains("ffmpeg 5.0"), "{error}");
            assert!(matches!(input(secret, new).unwrap().address, Handover::Playlist(_)), "{secret}");
        }
        assert!(matches!(input("rtsp://cam/1", old).unwrap().address, Handover::Argument(_)));
        assert!(matches!(input("http://a:b@cam/1", old).unwrap().address, Handover::Playlist(_)));
    }

    #[test]
    fn an_authority_that_cannot_be_used_is_shown_with_its_own_value() {
        for (scheme, ca_file, why) in [
            ("rtsps", "/nowhere/ca.pem", "No such file"),
            ("https", "/nowhere/ca.pem", "No such file"),
            ("rtsps", "/dev/zero", "not a regular file"),
            ("https", "/dev/zero", "not a regular file"),
        ] {
            let address = StreamAddress::parse(&format!("{scheme}://cam/1")).unwrap();
            let camera = Camera { ca_file: Some(ca_file.into()), ..Camera::default() };
            let stream = FfmpegStream::new(address.clone(), &camera);
            let error = Input::new(&stream, &address, &Version::parse("ffmpeg version 7.1")).err().unwrap();
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("camera.ca_file = {ca_file}: ")) && text.contains(why),
                "{text}"
            );
        }
    }

    #[test]
    fn a_login_that_ffmpeg_would_cut_off_is_refused() {
        let stream = |address: &str| {
            FfmpegStream::new(StreamAddress::parse(address).unwrap(), &Camera::default()).secret_address()
        };
        assert!(stream(&format!("rtsp://a:{}@cam/", "x".repeat(125))).is_ok());
        let error = stream(&format!("rtsp://a:{}@cam/", "x".repeat(126))).unwrap_err().to_string();
        assert!(error.contains("shorter password") && !error.contains("xxx"), "{error}");
        assert!(stream(&format!("rtsp://a:{}@cam/", "'".repeat(42))).is_err(), "an escape has three bytes");
        assert!(stream(&format!("http://a:{}@cam/", "x".repeat(200))).is_ok());
    }
}
