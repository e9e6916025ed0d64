//! Who is at the other end of a Unix socket, as the kernel states it.

use std::ffi::c_int;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most groups of one user that are read.
const MAX_GROUPS: usize = 65_536;

/// The user at the other end of a connection, when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The user id.
    pub uid: u32,
    /// The id of the primary group.
    pub gid: u32,
    /// The ids of the other groups.
    pub groups: Vec<u32>,
}

impl Peer {
    /// The user at the other end of this Unix socket.
    ///
    /// # Errors
    /// It is no connected Unix socket.
    pub fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
        let (length, missing) = option(socket, libc::SO_PEERCRED, std::slice::from_mut(&mut credentials))?;
        if length != size_of::<libc::ucred>() || missing {
            return Err(io::Error::other("the kernel states no user"));
        }
        // A kernel without the option, before 4.13, leaves the primary group only.
        let groups = supplementary_groups(socket).unwrap_or_default();
        Ok(Self { uid: credentials.uid, gid: credentials.gid, groups })
    }
}

fn supplementary_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups = vec![u32::MAX; 64];
    loop {
        let (length, is_short) = option(socket, libc::SO_PEERGROUPS, &mut groups)?;
        let count = length / size_of::<u32>();
        if !is_short {
            groups.truncate(count);
            return Ok(groups);
        }
        if count > MAX_GROUPS || count <= groups.len() {
            return Err(io::Error::other("too many groups"));
        }
        groups.resize(count, u32::MAX);
    }
}

/// Reads a socket option into `values`, which are plain integers. Returns its length in bytes, and whether it did not fit.
fn option<T: Copy>(socket: BorrowedFd<'_>, name: c_int, values: &mut [T]) -> io::Result<(usize, bool)> {
    let mut length = libc::socklen_t::try_from(size_of_val(values)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the call. The kernel writes at most `length` bytes to `values`, whose size that is,
    // and every pattern of bytes is a value of the integers in it. It writes the length to `length`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        return Ok((length as usize, false));
    }
    match io::Error::last_os_error() {
        // The kernel has written the length that is needed.
        error if error.raw_os_error() == Some(libc::ERANGE) => Ok((length as usize, true)),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use rustix::process::{getgid, getgroups, getuid};

    use super::*;

    #[test]
    fn the_peer_of_a_pair_is_this_process() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(socket.as_fd()).unwrap();
        assert_eq!((peer.uid, peer.gid), (getuid().as_raw(), getgid().as_raw()));
        let mut own: Vec<u32> = getgroups().unwrap().into_iter().map(|group| group.as_raw()).collect();
        let mut groups = peer.groups;
        own.sort_unstable();
        groups.sort_unstable();
        assert_eq!(groups, own);
    }

    #[test]
    fn a_descriptor_that_is_no_socket_has_no_peer() {
        let file = tempfile::tempfile().unwrap();
        assert!(Peer::of(file.as_fd()).is_err());
    }
}
