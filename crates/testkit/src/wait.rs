//! Waits for an effect of another process or thread.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// The time after which a wait has failed. It is much longer than any step takes.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until a condition holds. `what` names it in the panic after [`TIMEOUT`].
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "timeout while waiting for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A TCP port of 127.0.0.1 that nothing uses now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
