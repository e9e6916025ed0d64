//! The main thread's look at the wall clock: says once that it cannot be right, and once that it is again.

use std::sync::{Arc, Mutex, TryLockError};

use ostiary_access::ClockFault;
use ostiary_config::{ClockTrust, Config};
use ostiary_events::EventStore;

use crate::wall_clock::WallClock;

/// What was last said about the clock.
pub struct ClockMonitor {
    store: Arc<Mutex<EventStore>>,
    /// How often an earlier time was accepted, as far as it is known here.
    accepted: u64,
    /// Whether the clock was last said to be wrong.
    is_wrong: bool,
}

impl ClockMonitor {
    /// A watch that has said nothing yet.
    pub fn new(store: Arc<Mutex<EventStore>>, accepted: u64) -> Self {
        Self { store, accepted, is_wrong: false }
    }

    /// Looks at the clock, where any hours go by it.
    pub fn check(&mut self, wall: &WallClock, config: &Config) {
        if config.hours.is_empty() {
            self.is_wrong = false;
            return;
        }
        let trust = config.clock.trust;
        if trust == ClockTrust::Synchronized && !wall.refresh_synchronization() {
            // Nothing can be said before the first answer. People with hours are refused until then.
            return;
        }
        let mut local = wall.read(trust).local();
        if matches!(local, Err(ClockFault::BeforeEvent { .. })) && self.take_accepted(wall) {
            local = wall.read(trust).local();
        }
        match local {
            Ok(_) if std::mem::take(&mut self.is_wrong) => {
                log::info!("the clock can be right again: people with hours are let in by it");
            }
            Err(fault) if !std::mem::replace(&mut self.is_wrong, true) => {
                log::warn!("{fault}: people with hours are refused meanwhile; {}", fault.fix());
            }
            _ => {}
        }
    }

    /// Takes over the time that `ostiary clock accept` left in the store, if it did. A store that is in use is asked
    /// the next time: this thread waits for no disk.
    fn take_accepted(&mut self, wall: &WallClock) -> bool {
        let store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // What cannot be read is said by the thread that writes.
        let Ok(newest) = store.newest_time() else { return false };
        if newest.accepted == self.accepted {
            return false;
        }
        self.accepted = newest.accepted;
        wall.set_newest_event(newest.time);
        true
    }
}
