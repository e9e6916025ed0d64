//! The client: connects to the socket of a running door.

mod photo_request;

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde::de::DeserializeOwned;
use serde_json::Value;
use varlink::{Connection, ErrorKind as Wire, MethodCall, Reply};

use self::photo_request::write_photo_request;
use crate::interface::{self, VarlinkClient};

/// The calls of a running door, as the interface describes them.
pub type Door = VarlinkClient;

/// A connection to a running door.
pub struct Client {
    door: Door,
    connection: Arc<RwLock<Connection>>,
}

/// Ends the connection of a [`Client`] from another thread.
pub struct Closer(Arc<RwLock<Connection>>);

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The user may not connect to the socket, or it is no socket.
    #[error("{}: the running door cannot be asked: {why}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// The user has no role that may do this.
    #[error("{message}")]
    NotAllowed {
        /// Who may, and how to become one of them.
        message: String,
    },
    /// The request is not carried out, and nothing has changed, unless the message says otherwise.
    #[error("{message}")]
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// The program of the door does not know the call, or answers something else than this program expects.
    #[error(
        "the running door has another version of the program than this command ({detail}): restart it, with `systemctl \
         restart ostiary`, or use the command of its version"
    )]
    OtherVersion {
        /// What the door said.
        detail: String,
    },
    /// The door has ended, or does not answer.
    #[error("the running door does not answer ({detail}); see `systemctl status ostiary`")]
    Disconnected {
        /// What happened.
        detail: String,
    },
}

impl Client {
    /// Connects to the door that listens on this socket; `None` if none does.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] if there is a socket that this user cannot connect to.
    pub fn connect(socket: &Path) -> Result<Option<Self>, CallError> {
        let unreachable = |why| Err(CallError::Unreachable { socket: socket.to_owned(), why });
        // Varlink's addresses have parameters after a semicolon.
        let Some(path) = socket.to_str().filter(|path| !path.contains(';')) else {
            return unreachable(io::Error::other("its path has characters that are not possible"));
        };
        match Connection::with_address(&format!("unix:{path}")) {
            Ok(connection) => Ok(Some(Self::new(connection))),
            Err(error) => match error.kind() {
                Wire::Io(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
                Wire::Io(kind) => unreachable((*kind).into()),
                kind => unreachable(io::Error::other(kind.to_string())),
            },
        }
    }

    /// As [`Client::connect`], but nothing takes longer than this time: to connect, to send a request, and to wait for a reply. A
    /// door that hangs gives [`CallError::Disconnected`].
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_within(socket: &Path, timeout: Duration) -> Result<Option<Self>, CallError> {
        match stream_within(socket, timeout).and_then(split) {
            Ok(connection) => Ok(Some(Self::new(Arc::new(RwLock::new(connection))))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            // The queue of connections is full: the door does not accept.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Err(CallError::Disconnected { detail: "it accepts no connections".to_owned() })
            }
            Err(why) => Err(CallError::Unreachable { socket: socket.to_owned(), why }),
        }
    }

    fn new(connection: Arc<RwLock<Connection>>) -> Self {
        Self { door: Door::new(connection.clone()), connection }
    }

    /// The calls of the door.
    pub fn door(&mut self) -> &mut Door {
        &mut self.door
    }

    /// One call, with the token of a person. `parameters` is an object, or null for none.
    ///
    /// # Errors
    /// The door refuses the call or does not answer.
    pub fn call<Reply: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: Value,
        token: Option<&str>,
    ) -> Result<Reply, CallError> {
        Ok(self.method(method, parameters, token).call()?)
    }

    /// One call with many replies, with the token of a person, until the last one or until `reply` breaks.
    ///
    /// After a break the connection cannot be used any longer.
    ///
    /// # Errors
    /// The door refuses the call or does not answer.
    pub fn call_more<Reply: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: Value,
        token: Option<&str>,
        mut reply: impl FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), CallError> {
        let mut call = self.method(method, parameters, token);
        for next in call.more()? {
            if reply(next?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// `SendPhoto`, with the token of a person. Unlike [`Client::call`] it makes no copies of the photo. A photo is larger than what the door
    /// reads at first: another call with the token must have been answered before.
    ///
    /// # Errors
    /// The door refuses the photo or does not answer.
    pub fn send_photo(&mut self, name: &str, photo: &[u8], token: Option<&str>) -> Result<(), CallError> {
        let disconnected = |detail: String| CallError::Disconnected { detail };
        let mut connection = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        let Connection { reader: Some(reader), writer: Some(writer), .. } = &mut *connection else {
            return Err(disconnected("another call is being answered".to_owned()));
        };
        write_photo_request(BufWriter::with_capacity(64 * 1024, writer), name, photo, token)
            .map_err(|error| disconnected(error.to_string()))?;
        let mut bytes = Vec::new();
        reader.read_until(0, &mut bytes).map_err(|error| disconnected(error.to_string()))?;
        if bytes.pop() != Some(0) {
            return Err(disconnected("it has ended the connection".to_owned()));
        }
        let reply: Reply = serde_json::from_slice(&bytes)
            .map_err(|error| CallError::OtherVersion { detail: error.to_string() })?;
        match reply.error {
            None => Ok(()),
            Some(_) => Err(interface::Error::from(varlink::Error::from(Wire::from(reply))).into()),
        }
    }

    /// What ends this connection from another thread.
    pub fn closer(&self) -> Closer {
        Closer(self.connection.clone())
    }

    fn method<Reply: DeserializeOwned>(
        &self,
        method: &str,
        parameters: Value,
        token: Option<&str>,
    ) -> MethodCall<Value, Reply, interface::Error> {
        let mut parameters = match parameters {
            Value::Null => Value::Object(serde_json::Map::new()),
            parameters => parameters,
        };
        if let (Value::Object(fields), Some(token)) = (&mut parameters, token) {
            fields.insert("token".to_owned(), Value::String(token.to_owned()));
        }
        MethodCall::new(self.connection.clone(), format!("io.ostiary.Door.{method}"), parameters)
    }
}

impl Closer {
    /// Ends the connection: a call that waits for a reply fails, and the door gives up what it does for it.
    pub fn close(&self) {
        let mut connection = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = &mut connection.stream {
            // One that has ended already needs no end.
            let _ = stream.shutdown();
        }
    }
}

/// Connects to a socket. A connection whose queue is full waits no longer than the time, which later reads and writes have too.
fn stream_within(socket: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let stream = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    for direction in [Timeout::Send, Timeout::Recv] {
        set_socket_timeout(&stream, direction, Some(timeout))?;
    }
    connect(&stream, &SocketAddrUnix::new(socket)?)?;
    Ok(stream.into())
}

fn split(stream: UnixStream) -> io::Result<Connection> {
    let mut connection = Connection::default();
    connection.reader = Some(BufReader::new(Box::new(stream.try_clone()?)));
    connection.writer = Some(Box::new(stream.try_clone()?));
    connection.stream = Some(Box::new(stream));
    Ok(connection)
}

/// The errors that the interface declares, and those of the connection.
impl From<interface::Error> for CallError {
    fn from(error: interface::Error) -> Self {
        use interface::ErrorKind as Kind;

        let none = || "it gives no reason".to_owned();
        match error.kind() {
            Kind::NotAllowed(reason) => {
                let message = reason.as_ref().map_or_else(none, |reason| reason.message.clone());
                return Self::NotAllowed { message };
            }
            Kind::Refused(reason) => {
                let message = reason.as_ref().map_or_else(none, |reason| reason.message.clone());
                return Self::Refused { message };
            }
            Kind::Varlink_Error | Kind::VarlinkReply_Error => {}
        }
        match error.source_varlink_kind() {
            Some(
                kind @ (Wire::MethodNotFound(_)
                | Wire::MethodNotImplemented(_)
                | Wire::InterfaceNotFound(_)
                | Wire::InvalidParameter(_)
                | Wire::SerdeJsonDe(_)
                | Wire::VarlinkErrorReply(_)),
            ) => Self::OtherVersion { detail: kind.to_string() },
            Some(kind) => Self::Disconnected { detail: kind.to_string() },
            None => Self::Disconnected { detail: error.to_string() },
        }
    }
}
