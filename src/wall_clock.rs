//! Reads the system's wall clock, and the times with which [`ClockReading`] compares it.

mod synchronization;
mod timedated;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

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
    /// Whether the record could not be read, so that there may be newer events.
    is_record_unknown: AtomicBool,
    synchronization: Monitor,
}

impl WallClock {
    /// A clock that is compared with the newest event of the record, if there is one.
    pub fn new(newest_event: Option<Timestamp>) -> Self {
        let clock = Self {
            made: build_time(),
            newest_event: AtomicI64::new(NONE),
            is_record_unknown: AtomicBool::new(false),
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

    /// The record cannot be read: until [`Self::add_record`] the clock is not plausible.
    pub fn set_record_unknown(&self) {
        self.is_record_unknown.store(true, Ordering::Release);
    }

    /// The record can be read again: its newest event counts beside those since the start.
    pub fn add_record(&self, newest_event: Option<Timestamp>) {
        if let Some(event) = newest_event {
            self.newest_event.fetch_max(event.as_microsecond(), Ordering::AcqRel);
        }
        self.is_record_unknown.store(false, Ordering::Release);
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

    /// The time now, which needs no zone.
    ///
    /// # Errors
    /// Why the clock cannot be right.
    pub fn plausible_time(&self) -> Result<Timestamp, ClockFault> {
        let reading = ClockReading { zone: Ok(TimeZone::UTC), ..self.read(ClockTrust::Plausible) };
        reading.local().map(|_| reading.now)
    }

    /// What the clock says now, with this answer to whether it is synchronized.
    pub fn with(&self, synchronization: Synchronization) -> ClockReading {
        let newest_event = match self.is_record_unknown.load(Ordering::Acquire) {
            true => Err(ClockFault::NewestEventUnknown),
            false => Ok(Timestamp::from_microsecond(self.newest_event.load(Ordering::Acquire)).ok()),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_read_later_is_compared_from_then_on() {
        let clock = WallClock::new(None);
        clock.set_record_unknown();
        let now = clock.stamp();
        assert_eq!(clock.read(ClockTrust::Plausible).newest_event, Err(ClockFault::NewestEventUnknown));
        assert_eq!(clock.plausible_time(), Err(ClockFault::NewestEventUnknown));
        clock.add_record(Some(Timestamp::UNIX_EPOCH));
        let newest = |clock: &WallClock| clock.read(ClockTrust::Plausible).newest_event.unwrap().unwrap();
        assert_eq!(newest(&clock).as_microsecond(), now.as_microsecond(), "an older record changes nothing");
        assert!(clock.plausible_time().unwrap() >= now);
        let later = now + jiff::SignedDuration::from_hours(1);
        clock.add_record(Some(later));
        assert_eq!(newest(&clock).as_microsecond(), later.as_microsecond());
        assert!(matches!(clock.plausible_time(), Err(ClockFault::BeforeEvent { .. })));
    }
}
