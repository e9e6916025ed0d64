//! Limits how often somebody may try, in memory of a fixed size: a table of buckets, in which each address or name has the one that a
//! random hash gives it. Two that share a bucket share the limit.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of buckets.
const BUCKETS: usize = 2048;

/// Buckets of tries, which fill again with time.
pub struct RateLimit {
    buckets: Mutex<Vec<Bucket>>,
    hasher: RandomState,
    most: f32,
    /// The time after which one more try is allowed.
    every: Duration,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f32,
    at: Instant,
}

impl RateLimit {
    /// Allows this number of tries at once, and one more each time that passes.
    pub fn new(most: u16, every: Duration) -> Self {
        let full = Bucket { left: f32::from(most), at: Instant::now() };
        Self {
            buckets: Mutex::new(vec![full; BUCKETS]),
            hasher: RandomState::new(),
            most: f32::from(most),
            every,
        }
    }

    /// Takes one try of somebody; `false` if there is none left.
    pub fn take(&self, who: impl Hash) -> bool {
        self.take_at(who, Instant::now())
    }

    /// Gives all tries back, after a success.
    pub fn reset(&self, who: impl Hash) {
        self.with(who, |bucket| bucket.left = self.most);
    }

    fn take_at(&self, who: impl Hash, now: Instant) -> bool {
        self.with(who, |bucket| {
            let passed = now.saturating_duration_since(bucket.at).div_duration_f32(self.every);
            bucket.left = (bucket.left + passed).min(self.most);
            bucket.at = bucket.at.max(now);
            let is_allowed = bucket.left >= 1.0;
            if is_allowed {
                bucket.left -= 1.0;
            }
            is_allowed
        })
        .unwrap_or(false)
    }

    fn with<T>(&self, who: impl Hash, act: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let at = usize::try_from(self.hasher.hash_one(who) % (BUCKETS as u64)).ok()?;
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at).map(act)
    }
}

/// The part of an address that one person is assumed to have: of IPv6 the first 64 bits, because everybody has that many addresses.
pub fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_back_with_time() {
        let limit = RateLimit::new(3, Duration::from_secs(10));
        let start = Instant::now();
        let taken = (0..5).filter(|_| limit.take_at("Ada", start)).count();
        assert_eq!(taken, 3);
        assert!(!limit.take_at("Ada", start + Duration::from_secs(9)));
        assert!(limit.take_at("Ada", start + Duration::from_secs(15)));
        assert!(!limit.take_at("Ada", start + Duration::from_secs(15)));
        assert!(!limit.take_at("Ada", start), "also with a time that is earlier");
        assert_eq!((0..9).filter(|_| limit.take_at("Ada", start + Duration::from_secs(900))).count(), 3);
        limit.reset("Ada");
        assert!(limit.take("Ada"));
    }

    #[test]
    fn an_address_is_that_of_one_person() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.2"), network("192.0.2.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::2:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:1::1"));
    }
}
