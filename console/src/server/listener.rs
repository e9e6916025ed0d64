//! Opens the port.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ostiary_config::Console;
use tokio::net::TcpListener;

/// The console cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {why}{}", hint(why))]
pub struct ListenError {
    address: SocketAddr,
    why: io::Error,
}

fn hint(why: &io::Error) -> &'static str {
    match why.kind() {
        ErrorKind::AddrInUse => {
            ": another program listens there, for example the console of another door; set console.listen to another port"
        }
        ErrorKind::PermissionDenied => {
            ": ports below 1024 are for root; set console.listen to a higher one, with a reverse proxy before it"
        }
        ErrorKind::AddrNotAvailable => ": this board does not have this address; correct console.listen",
        _ => "",
    }
}

/// Listens on this address, or on all: those of IPv4 too, and only those on a board without IPv6.
///
/// # Errors
/// The port is taken, or the address is not one of this board.
pub async fn listen(address: Option<SocketAddr>) -> Result<TcpListener, ListenError> {
    let bind = async |address: SocketAddr| {
        TcpListener::bind(address).await.map_err(|why| ListenError { address, why })
    };
    if let Some(address) = address {
        return bind(address).await;
    }
    match bind((Ipv6Addr::UNSPECIFIED, Console::PORT).into()).await {
        Err(error) if !matches!(error.why.kind(), ErrorKind::AddrInUse) => {
            bind((Ipv4Addr::UNSPECIFIED, Console::PORT).into()).await
        }
        listening => listening,
    }
}
