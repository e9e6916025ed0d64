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

/// How ffmpeg gets an address, and the protocols that it may use for it. A redirection to another protocol fails, so that a
/// stream with TLS stays one.
struct Input {
    address: Handover,
    protocols: &'static str,
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
                    Handover::Playlist(playlist(&url, "option rtsp_transport tcp\n"))
                } else {
                    Handover::Argument(url)
                };
                Self { address, protocols: "pipe,rtsp,rtp,tcp", tunnel }
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
                let address = Handover::Playlist(playlist(&address.secret_url(), &options));
                Self { address, protocols: "pipe,https,tls,tcp,crypto", tunnel: None }
            }
            _ => {
                let address = Handover::Playlist(playlist(&address.secret_url(), ""));
                Self { address, protocols: "pipe,http,tcp,crypto", tunnel: None }
            }
        })
    }
}

/// A playlist with one address, whose special characters are encoded, and these options of it.
fn playlist(url: &str, options: &str) -> String {
    format!("ffconcat version 1.0\nfile '{url}'\n{options}")
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
        let Input { address: handover, protocols, tunnel } = Input::new(self, &address, &version)?;
        let mut command = child::command(FFMPEG);
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
        command.args(["-fflags", "nobuffer", "-flags", "low_delay", "-protocol_whitelist", protocols]);
        match &handover {
            Handover::Playlist(_) => command.args(["-f", "concat", "-safe", "0", "-i", "pipe:0"]),
            Handover::Argument(url) => command.args(["-rtsp_transport", "tcp", "-i", url]),
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
        // The line after this one says only that reading failed.
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
    use super::*;

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
