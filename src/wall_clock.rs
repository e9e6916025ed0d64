//! Reads the system's wall clock, and the times with which [`ClockReading`] compares it.

mod synchronization;
mod timedated;

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ostiary_access::{ClockFault, ClockReading, Synchronization};
use ostiary_config::ClockTrust;
use ostiary_core::clock::build_time;
use synchronization::Monitor;
pub use synchronization::ask as ask_synchronization;

/// Stands for no event.
const NONE: i64 = i64::MIN;

/// The wall clock with the time of the newest event. Shared by threads, which neither wait for each other nor for a
/// disk.
#[derive(Debug)]
pub struct WallClock {
    made: Timestamp,
    /// Microseconds since 1970.
    newest_event: AtomicI64,
    synchronization: Monitor,
}

impl WallClock {
    /// A clock that is compared with the newest event of the record, if there is one.
    pub fn new(newest_event: Option<Timestamp>) -> Self {
        let clock = Self {
            made: build_time(),
            newest_event: AtomicI64::new(NONE),
            synchronization: Monitor::new(ask_synchronization),
        };
        clock.set_newest_event(newest_event);
        clock
    }

    /// The time of an event that happens now. Later readings are compared with it.
    pub fn stamp(&self) -> Timestamp {
        let now = Timestamp::now();
        self.newest_event.fetch_max(now.as_microsecond(), Ordering::AcqRel);
        now
    }

    /// Compares later readings with this event, even if a newer one was known.
    pub fn set_newest_event(&self, event: Option<Timestamp>) {
        let event = event.map_or(NONE, Timestamp::as_microsecond);
        self.newest_event.store(event, Ordering::Release);
    }

    /// Asks in the background whether the clock is synchronized, if the latest answer is old. Returns whether an answer is
    /// there. To be called every second while the answer matters.
    pub fn refresh_synchronization(&self) -> bool {
        self.synchronization.refresh()
    }

    /// What the clock says now, with all that `trust` asks for. It is synchronized only if the latest answer says so and
    /// is recent; see [`Self::refresh_synchronization`].
    pub fn read(&self, trust: ClockTrust) -> ClockReading {
        self.with(match trust {
            ClockTrust::Plausible => Synchronization::NotAsked,
            ClockTrust::Synchronized => {
                let none = || Synchronization::Unknown("no answer yet".to_owned());
                self.synchronization.latest().unwrap_or_else(none)
            }
        })
    }

    /// What the clock says now, with this answer to whether it is synchronized.
    pub fn with(&self, synchronization: Synchronization) -> ClockReading {
        let newest_event = Timestamp::from_microsecond(self.newest_event.load(Ordering::Acquire)).ok();
        ClockReading { now: Timestamp::now(), zone: zone(), made: self.made, newest_event, synchronization }
    }
}

/// The zone of the local time, from `TZ` or `/etc/localtime`.
///
/// # Errors
/// There is no zone, or none of that name. UTC is not used in its place.
pub fn zone() -> Result<TimeZone, ClockFault> {
    let place = || match std::env::var_os("TZ") {
        Some(zone) => format!("TZ={}", zone.to_string_lossy()),
        None => "/etc/localtime".to_owned(),
    };
    match TimeZone::try_system() {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        Ok(_) => Err(ClockFault::ZoneUnknown { place: place(), why: "it names no zone".to_owned() }),
        Err(why) => Err(ClockFault::ZoneUnknown { place: place(), why: why.to_string() }),
    }
}
