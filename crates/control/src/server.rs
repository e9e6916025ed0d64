//! The server: accepts connections on a Unix socket, and answers each in a thread of its own.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, Permissions};
use std::io::{self, BufReader, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getuid;
use varlink::{ConnectionHandler, Interface, VarlinkService};

use crate::limited_reader::{LimitedReader, MAX_REQUEST, MAX_REQUEST_OF_ADMIN};
use crate::role_guard::RoleGuard;
use crate::session::CurrentBearer;
use crate::tokens::Tokens;
use crate::{ControlError, Peer, Role, RoleGroups, Session};

/// The most connections at one time with which root and the user of the door can open one more. Others have their own limits.
pub const MAX_CONNECTIONS: usize = 24;
/// The most connections of one user at one time. root and the user of the door may use all.
pub const MAX_CONNECTIONS_OF_USER: usize = 8;
/// The most connections at one time of all users together who have no role. They are only told which group they lack.
const MAX_CONNECTIONS_WITHOUT_ROLE: usize = 4;
/// The most connections at one time of all users together who have a role and are neither root nor the user of the door.
const MAX_CONNECTIONS_OF_MEMBERS: usize =
    MAX_CONNECTIONS - MAX_CONNECTIONS_OF_USER - MAX_CONNECTIONS_WITHOUT_ROLE;
/// How long a refused connection stays open, so that the client can read why.
const REFUSED_TIME: Duration = Duration::from_secs(2);
/// The most refused connections that stay open.
const MAX_REFUSED: usize = 16;
/// The longest path of a socket, bytes.
const MAX_PATH: usize = 107;
/// A client that does not read an answer within this time is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
/// The interval at which the server checks whether it ends.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// The pause after connections could not be accepted, for example because too many files are open.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// What answers the calls of a connection: [`interface::new`](crate::interface::new) makes it.
pub type Service = Box<dyn Interface + Send + Sync>;
/// Makes what answers the calls of a new connection.
pub type ServiceOf = dyn Fn(Session) -> Service + Send + Sync;

/// A server that runs until it is dropped.
pub struct Server {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a socket that every user may connect to: `service` gets the role of each. A socket that is left over from a
    /// process that has ended is replaced. `groups` is the file with the ids of the groups of the roles, `/etc/group`; `tokens` are
    /// those that can come with calls.
    ///
    /// # Errors
    /// The socket cannot be made, or another process listens on it.
    pub fn start(
        path: &Path,
        groups: &Path,
        tokens: Tokens,
        service: Box<ServiceOf>,
    ) -> Result<Self, ControlError> {
        let listener = listen(path)?;
        let stop = Arc::new(AtomicBool::new(false));
        let accept = Accept {
            listener,
            groups: RoleGroups::read(groups),
            own: getuid().as_raw(),
            tokens: Arc::new(tokens),
            connections: Arc::default(),
            refused: VecDeque::new(),
            service: service.into(),
            stop: stop.clone(),
        };
        let thread = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept.run())
            .map_err(|why| ControlError::Socket { path: path.to_owned(), why })?;
        Ok(Self { path: path.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread of the control socket panicked");
        }
        // A socket that cannot be removed is replaced at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the socket.
fn listen(path: &Path) -> Result<UnixListener, ControlError> {
    let error = |why| ControlError::Socket { path: path.to_owned(), why };
    if path.as_os_str().len() > MAX_PATH {
        return Err(ControlError::TooLong { path: path.to_owned() });
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ControlError::NoSocket { path: path.to_owned() });
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(ControlError::InUse { path: path.to_owned() });
        }
        Ok(_) => fs::remove_file(path).map_err(error)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(error)?;
    // Who may do what is decided by the role, so that a user without one is told which group is missing.
    fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(error)?;
    listener.set_nonblocking(true).map_err(error)?;
    Ok(listener)
}

/// The thread that accepts connections.
struct Accept {
    listener: UnixListener,
    groups: RoleGroups,
    /// The user id of this process.
    own: u32,
    tokens: Arc<Tokens>,
    connections: Connections,
    /// The connections that were refused, with the time, oldest first.
    refused: VecDeque<(Instant, UnixStream)>,
    service: Arc<ServiceOf>,
    stop: Arc<AtomicBool>,
}

/// The number of connections of each user.
type Connections = Arc<Mutex<HashMap<Caller, usize>>>;

/// A user as connections are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    /// root or the user of the door.
    Owner,
    /// Another user with a role, by the user id.
    Member(u32),
    /// All users without a role.
    WithoutRole,
}

impl Accept {
    fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            while self.refused.pop_front_if(|(since, _)| since.elapsed() > REFUSED_TIME).is_some() {}
            let mut state = [PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN)];
            if !matches!(poll(&mut state, Some(&POLL_INTERVAL)), Ok(1..)) {
                continue;
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.start(stream) {
                        log::debug!("a control connection ended: {error}");
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    log::warn!("the control socket: {error}");
                    thread::sleep(ERROR_PAUSE);
                }
            }
        }
    }

    /// Answers a connection in a thread of its own, if there are not too many.
    fn start(&mut self, stream: UnixStream) -> io::Result<()> {
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let peer = Peer::of(stream.as_fd())?;
        let role = self.groups.role(&peer, self.own);
        let caller = match role {
            Some(_) if peer.uid == 0 || peer.uid == self.own => Caller::Owner,
            Some(_) => Caller::Member(peer.uid),
            None => Caller::WithoutRole,
        };
        let Some(slot) = Slot::take(&self.connections, caller) else { return self.refuse(stream) };
        stream.set_nonblocking(false)?;
        let (uid, bearer, tokens) = (peer.uid, CurrentBearer::default(), self.tokens.clone());
        let max_request = if role == Some(Role::Admin) { MAX_REQUEST_OF_ADMIN } else { MAX_REQUEST };
        let max_request = Arc::new(AtomicUsize::new(max_request));
        let session = Session {
            peer,
            own_role: role,
            bearer: bearer.clone(),
            tokens: tokens.clone(),
            stream: stream.try_clone()?,
            stop: self.stop.clone(),
        };
        let service = (self.service)(session);
        let service = Box::new(RoleGuard::new(service, (role, uid), tokens, bearer, max_request.clone()));
        let reader = LimitedReader::new(stream.try_clone()?, max_request, self.stop.clone())?;
        thread::Builder::new().name("control-call".to_owned()).spawn(move || {
            answer(service, reader, stream);
            drop(slot);
        })?;
        Ok(())
    }

    /// Tells the client that there are too many connections. It stays open for a while: a client that sends its request to a
    /// closed connection gets an error of the connection, and never reads why.
    fn refuse(&mut self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let message = "too many connections at the same time: try again later";
        let reply = serde_json::json!({
            "error": "io.ostiary.Door.Refused", "parameters": { "message": message },
        });
        (&stream).write_all(format!("{reply}\0").as_bytes())?;
        if self.refused.len() == MAX_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back((Instant::now(), stream));
        Ok(())
    }
}

/// Answers all requests of a connection.
fn answer(service: Service, reader: LimitedReader, mut stream: UnixStream) {
    let service = VarlinkService::new("Ostiary", "ostiary", env!("CARGO_PKG_VERSION"), "", vec![service]);
    if let Err(error) = service.handle(&mut BufReader::new(reader), &mut stream, None) {
        log::debug!("a control connection ended: {error}");
    }
}

/// A connection that counts among those of its user until it is dropped.
struct Slot {
    connections: Connections,
    caller: Caller,
}

impl Slot {
    /// `None` if there are too many connections.
    fn take(connections: &Connections, caller: Caller) -> Option<Self> {
        let mut counts = connections.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = counts.get(&caller).copied().unwrap_or(0);
        // Others together never take all, so that an admin can always connect.
        let of_members: usize =
            counts.iter().filter(|(user, _)| matches!(user, Caller::Member(_))).map(|(_, count)| count).sum();
        let is_free = match caller {
            Caller::Owner => counts.values().sum::<usize>() < MAX_CONNECTIONS,
            Caller::Member(_) => of_user < MAX_CONNECTIONS_OF_USER && of_members < MAX_CONNECTIONS_OF_MEMBERS,
            Caller::WithoutRole => of_user < MAX_CONNECTIONS_WITHOUT_ROLE,
        };
        if !is_free {
            return None;
        }
        counts.insert(caller, of_user + 1);
        drop(counts);
        Some(Self { connections: connections.clone(), caller })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
        }
        counts.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests;
