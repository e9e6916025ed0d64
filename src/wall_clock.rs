//! The system's wall clock, and what it is compared with: what [`WallTime`] judges.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ostiary_access::{ClockFault, Synchronization, WallTime};
use ostiary_config::ClockTrust;
use ostiary_core::clock::{is_synchronized, program_made};

/// Stands for no event.
const NONE: i64 = i64::MIN;

/// The wall clock with the time of the newest event. Shared by threads, which neither wait for each other nor for a
/// disk.
#[derive(Debug)]
pub struct WallClock {
    made: Timestamp,
    /// Microseconds since 1970.
    newest_event: AtomicI64,
}

impl WallClock {
    /// A clock that is compared with the newest event of the record, if there is one.
    pub fn new(newest_event: Option<Timestamp>) -> Self {
        let clock = Self { made: program_made(), newest_event: AtomicI64::new(NONE) };
        clock.set_newest_event(newest_event);
        clock
    }

    /// The time of an event that happens now. Later readings are compared with it.
    pub fn stamp(&self) -> Timestamp {
        let now = Timestamp::now();
        self.newest_event.fetch_max(now.as_microsecond(), Ordering::AcqRel);
        now
    }

    /// Compares later readings with this event, even where a newer one was known.
    pub fn set_newest_event(&self, event: Option<Timestamp>) {
        let event = event.map_or(NONE, Timestamp::as_microsecond);
        self.newest_event.store(event, Ordering::Release);
    }

    /// What the clock says now, with all that `trust` asks for.
    pub fn read(&self, trust: ClockTrust) -> WallTime {
        let newest_event = Timestamp::from_microsecond(self.newest_event.load(Ordering::Acquire)).ok();
        let synchronization = match trust {
            ClockTrust::Plausible => Synchronization::NotAsked,
            ClockTrust::Synchronized => synchronization(),
        };
        WallTime { now: Timestamp::now(), zone: zone(), made: self.made, newest_event, synchronization }
    }
}

/// What the kernel says about the clock.
pub fn synchronization() -> Synchronization {
    match is_synchronized() {
        Ok(true) => Synchronization::Yes,
        Ok(false) => Synchronization::No,
        Err(why) => Synchronization::Unknown(why.to_string()),
    }
}

/// The zone of the local time, from `TZ` or `/etc/localtime`.
///
/// # Errors
/// Where there is none, or none of that name. UTC does not stand in for it.
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
