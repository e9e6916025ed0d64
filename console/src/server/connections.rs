//! Counts the connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_limit::network;

/// The most connections at one time.
const MAX: usize = 64;
/// The most of one address. A browser opens about six.
const MAX_OF_ADDRESS: usize = 24;

/// The connections at this moment.
#[derive(Default, Clone)]
pub struct Connections(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    of_address: HashMap<u64, usize>,
}

/// A connection, until it is dropped.
pub struct Connection {
    counts: Connections,
    network: u64,
}

impl Connections {
    /// A connection of this address; `None` if there are too many. A reverse proxy has the connections of many people.
    pub fn take(&self, address: IpAddr, is_proxy: bool) -> Option<Connection> {
        let network = network(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = counts.of_address.get(&network).copied().unwrap_or_default();
        if counts.all >= MAX || (of_address >= MAX_OF_ADDRESS && !is_proxy) {
            return None;
        }
        counts.all += 1;
        counts.of_address.insert(network, of_address + 1);
        Some(Connection { counts: self.clone(), network })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.of_address.get_mut(&self.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.of_address.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_connections() {
        let connections = Connections::default();
        let take = |address: &str, is_proxy| connections.take(address.parse().unwrap(), is_proxy);
        let first: Vec<_> = (0..100).filter_map(|_| take("192.0.2.1", false)).collect();
        assert_eq!(first.len(), 24);
        let proxy: Vec<_> = (0..100).filter_map(|_| take("127.0.0.1", true)).collect();
        assert_eq!(proxy.len(), 40);
        assert!(take("192.0.2.2", false).is_none());
        drop(first);
        assert!(take("192.0.2.1", false).is_some());
        drop(proxy);
        let counts = connections.0.lock().unwrap();
        assert!(counts.all == 0 && counts.of_address.is_empty());
    }
}
