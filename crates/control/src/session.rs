//! A connection of one user.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::tokens::{Bearer, Tokens};
use crate::{Peer, Role};

/// Whose token came with the call that a connection answers; `None` if none came.
#[derive(Debug, Clone, Default)]
pub struct CurrentBearer(Arc<Mutex<Option<Bearer>>>);

impl CurrentBearer {
    pub fn set(&self, bearer: Option<Bearer>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bearer;
    }

    pub fn get(&self) -> Option<Bearer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A connection of one user.
pub struct Session {
    /// The user.
    pub peer: Peer,
    /// What the user may do without a token; `None` for nothing.
    pub(crate) own_role: Option<Role>,
    pub(crate) bearer: CurrentBearer,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) stream: UnixStream,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Session {
    /// Whose token came with the call that is answered; `None` if none came.
    pub fn bearer(&self) -> Option<Bearer> {
        self.bearer.get()
    }

    /// The role of the call that is answered: that of its token, or else the user's own.
    pub fn role(&self) -> Option<Role> {
        self.bearer().map_or(self.own_role, |bearer| Some(bearer.role))
    }

    /// The tokens of the door.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether the client is there, its token is valid, and the server does not end. A call that gives more than one reply asks this while it has
    /// nothing to send.
    pub fn is_open(&self) -> bool {
        let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut state = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let is_ended = match poll(&mut state, Some(&now)) {
            Ok(1..) => state.iter().any(|state| state.revents().intersects(ended)),
            _ => false,
        };
        let is_valid = self.bearer().is_none_or(|bearer| self.tokens.recheck(&bearer).is_ok());
        !is_ended && is_valid && !self.stop.load(Ordering::Relaxed)
    }
}
