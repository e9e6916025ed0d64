//! The user who has the other end of a TCP connection within this host.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// The kernel's table of the TCP sockets of this host, IPv4. It needs no rights, and no socket of another family.
const TABLE: &str = "/proc/net/tcp";
/// The kernel's number of the state of an open connection. A socket in another state has no owner, and is shown as root's.
const ESTABLISHED: &str = "01";
/// The kernel gives the table in pieces, between which other sockets come and go, so that an entry can be missed.
const ATTEMPTS: u32 = 5;
/// The time between two attempts.
const INTERVAL: Duration = Duration::from_millis(2);

/// The user who has opened the other end of this connection; `None` if that end is closed or on another host.
///
/// # Errors
/// The table of sockets cannot be read.
pub fn owner(connection: &TcpStream) -> io::Result<Option<u32>> {
    let (Ok(SocketAddr::V4(own)), Ok(SocketAddr::V4(peer))) =
        (connection.local_addr(), connection.peer_addr())
    else {
        return Ok(None);
    };
    for _ in 0..ATTEMPTS {
        let table =
            File::open(TABLE).map_err(|error| io::Error::new(error.kind(), format!("{TABLE}: {error}")))?;
        if let Some(uid) = find(BufReader::new(table), peer, own)? {
            return Ok(Some(uid));
        }
        std::thread::sleep(INTERVAL);
    }
    Ok(None)
}

/// The user of the open connection from `local` to `remote`, in the table.
fn find(table: impl BufRead, local: SocketAddrV4, remote: SocketAddrV4) -> io::Result<Option<u32>> {
    let (local, remote) = (in_table(local), in_table(remote));
    for line in table.lines() {
        let line = line?;
        // Number, local and remote address, state, queues, timer, retransmissions, user.
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next() == Some(&local)
            && fields.next() == Some(&remote)
            && fields.next() == Some(ESTABLISHED)
        {
            return Ok(fields.nth(3).and_then(|uid| uid.parse().ok()));
        }
    }
    Ok(None)
}

/// An address as the table has it: hexadecimal, the bytes of the IP address in the order of this processor.
fn in_table(address: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_owner_is_that_of_an_open_connection_only() {
        let local: SocketAddrV4 = "127.0.0.1:40000".parse().unwrap();
        let remote: SocketAddrV4 = "127.0.0.1:18554".parse().unwrap();
        let (from, to) = (in_table(local), in_table(remote));
        let table = |state: &str| {
            format!(
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                 0: {to} 00000000:0000 0A 00000000:00000000 00:00000000 00000000   111        0 1 1 0 100 0 0 10 0\n   \
                 1: {to} {from} 01 00000000:00000000 00:00000000 00000000   111        0 2 1 0 20 4 30 10 -1\n   \
                 2: {from} {to} {state} 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1\n"
            )
        };
        assert_eq!(find(table("01").as_bytes(), local, remote).unwrap(), Some(1000));
        assert_eq!(find(table("06").as_bytes(), local, remote).unwrap(), None, "it was closed");
        assert_eq!(find(table("01").as_bytes(), remote, "127.0.0.1:9".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn the_owner_of_a_connection_of_this_process_is_its_user() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let program = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(owner(&accepted).unwrap(), Some(rustix::process::geteuid().as_raw()));
        drop(program);
        assert_eq!(owner(&accepted).unwrap(), None);
    }
}
