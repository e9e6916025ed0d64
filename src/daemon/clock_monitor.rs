//! The main thread's check of the wall clock: reports once that it is not plausible, and once that it is again.

use std::sync::{Arc, Mutex, TryLockError};

use ostiary_access::ClockFault;
use ostiary_config::{ClockTrust, Config};
use ostiary_events::ReopeningStore;

use crate::wall_clock::WallClock;

/// The last reported state of the clock.
pub struct ClockMonitor {
    store: Arc<Mutex<ReopeningStore>>,
    /// The number of accepted earlier times, as last read from the store.
    accepted: u64,
    /// Whether the clock was reported as not plausible.
    is_wrong: bool,
}

impl ClockMonitor {
    /// A monitor that has reported nothing. `accepted` is the number of accepted earlier times in the store, 0 if it is not
    /// known.
    pub fn new(store: Arc<Mutex<ReopeningStore>>, accepted: u64) -> Self {
        Self { store, accepted, is_wrong: false }
    }

    /// Checks the clock, if there are opening hours.
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

    /// Applies the time that `ostiary clock accept` wrote to the store, and returns whether there was one. If the store is in
    /// use, a later call reads it: this thread does not wait for the disk.
    fn take_accepted(&mut self, wall: &WallClock) -> bool {
        let store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // The store thread reports errors of the store.
        let Ok(Some(newest)) = store.newest_time() else { return false };
        // A smaller number is that of a new file, in the place of a damaged one whose number could not be read.
        if newest.accepted <= self.accepted {
            return false;
        }
        self.accepted = newest.accepted;
        wall.set_newest_event(newest.time);
        true
    }
}
