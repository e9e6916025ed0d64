//! A connection of one user.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Peer, Role};

/// A connection of one user.
#[derive(Debug)]
pub struct Session {
    /// The user.
    pub peer: Peer,
    /// What the user may do; `None` for nothing.
    pub role: Option<Role>,
    pub(crate) stream: UnixStream,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Session {
    /// Whether the client is there and the server does not end. A call that gives more than one reply asks this while it has
    /// nothing to send.
    pub fn is_open(&self) -> bool {
        let ended = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut state = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let is_ended = match poll(&mut state, Some(&now)) {
            Ok(1..) => state.iter().any(|state| state.revents().intersects(ended)),
            _ => false,
        };
        !is_ended && !self.stop.load(Ordering::Relaxed)
    }
}
