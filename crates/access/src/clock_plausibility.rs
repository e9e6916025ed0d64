//! Whether the wall clock can be right. Pure: what the clock says is given from outside.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far the clock may be behind the newest event: time synchronization may set it back a little.
const STEP: SignedDuration = SignedDuration::from_secs(60);

/// What the wall clock says at one moment, and what it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockReading {
    /// The time that the clock shows.
    pub now: Timestamp,
    /// The zone of the local time, or why there is none.
    pub zone: Result<TimeZone, ClockFault>,
    /// When the program was made.
    pub made: Timestamp,
    /// The newest event of the record, `None` if there is none; or why it is not known.
    pub newest_event: Result<Option<Timestamp>, ClockFault>,
    /// Whether the clock is synchronized.
    pub synchronization: Synchronization,
}

/// What is known of the clock's synchronization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synchronization {
    /// The clock need not be synchronized.
    NotAsked,
    /// The clock is synchronized.
    Yes,
    /// The clock is not synchronized.
    No,
    /// The system does not say, and why.
    Unknown(String),
}

/// Why hours cannot be checked by the clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// The system's time zone cannot be read.
    #[error("the local time zone is unknown ({place}: {why})")]
    ZoneUnknown {
        /// Where it was looked for.
        place: String,
        /// The error.
        why: String,
    },
    /// The clock shows a time before the build of the program.
    #[error("the clock says {now}, before this program was made on {made}")]
    BeforeProgram {
        /// The clock's time, local.
        now: String,
        /// The date of the build.
        made: String,
    },
    /// The clock shows a time before the newest event.
    #[error("the clock says {now}, before the newest event, which was recorded at {event}")]
    BeforeEvent {
        /// The clock's time, local.
        now: String,
        /// The time of the event, local.
        event: String,
    },
    /// The event store cannot be read, so that the time of the newest event is not known.
    #[error("the event store cannot be read, so that the clock cannot be compared with the newest event")]
    NewestEventUnknown,
    /// The clock is not synchronized, and `clock.trust` requires it.
    #[error("the clock says {now} and is not synchronized, which clock.trust = \"synchronized\" asks for")]
    NotSynchronized {
        /// The clock's time, local.
        now: String,
    },
    /// `clock.trust` requires synchronization, and the system does not report it.
    #[error(
        "whether the clock is synchronized, which clock.trust = \"synchronized\" asks for, is not known: {why}"
    )]
    SynchronizationUnknown {
        /// Why it is not known.
        why: String,
    },
}

impl ClockReading {
    /// The local time.
    ///
    /// # Errors
    /// Why the clock cannot be right, or is not known to be as far as it was asked for.
    pub fn local(&self) -> Result<DateTime, ClockFault> {
        let zone = self.zone.clone()?;
        let shown =
            |time: Timestamp| time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
        let now = || shown(self.now);
        if self.now < self.made {
            let made = self.made.strftime("%Y-%m-%d").to_string();
            return Err(ClockFault::BeforeProgram { now: now(), made });
        }
        if let Some(event) = self.newest_event.clone()?.filter(|event| is_behind(self.now, *event)) {
            return Err(ClockFault::BeforeEvent { now: now(), event: shown(event) });
        }
        match &self.synchronization {
            Synchronization::NotAsked | Synchronization::Yes => {}
            Synchronization::No => return Err(ClockFault::NotSynchronized { now: now() }),
            Synchronization::Unknown(why) => {
                return Err(ClockFault::SynchronizationUnknown { why: why.clone() });
            }
        }
        Ok(zone.to_datetime(self.now))
    }
}

/// Whether a clock that says `now` is further behind an event than time synchronization explains.
pub fn is_behind(now: Timestamp, event: Timestamp) -> bool {
    event.duration_since(now) > STEP
}

impl ClockFault {
    /// How to fix it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::ZoneUnknown { .. } => "set the zone with `timedatectl set-timezone`, or correct TZ",
            Self::BeforeProgram { .. } => {
                "turn on time synchronization (`timedatectl set-ntp true`) and check the network, or set the clock"
            }
            Self::NotSynchronized { .. } => {
                "turn on time synchronization (`timedatectl set-ntp true`) and check the network"
            }
            Self::BeforeEvent { .. } => {
                "set the clock; if it is right and the event was recorded at a wrong time, run `ostiary clock accept`"
            }
            Self::NewestEventUnknown => "free the disk, and check events.path and who may write the file",
            Self::SynchronizationUnknown { .. } => {
                "run `timedatectl` and fix what it complains of (it needs the package dbus), or set clock.trust = \"plausible\""
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A clock that can be right.
    fn sound() -> ClockReading {
        ClockReading {
            now: at("2031-05-05T10:00:00Z"),
            zone: TimeZone::get("Europe/Berlin").map_err(|_| unreachable!()),
            made: at("2026-11-24T12:00:00Z"),
            newest_event: Ok(Some(at("2031-05-05T09:59:00Z"))),
            synchronization: Synchronization::NotAsked,
        }
    }

    #[test]
    fn a_clock_that_can_be_right_gives_the_local_time() {
        assert_eq!(sound().local(), Ok(date(2031, 5, 5).at(12, 0, 0, 0)));
        let first = ClockReading { newest_event: Ok(None), ..sound() };
        assert_eq!(first.local(), sound().local());
    }

    #[test]
    fn a_clock_before_the_program_was_never_set() {
        for now in ["1970-01-05T10:00:00Z", "2025-11-28T10:00:00Z", "2026-11-24T11:59:59Z"] {
            let clock = ClockReading { now: at(now), newest_event: Ok(None), ..sound() };
            let fault = clock.local().unwrap_err();
            assert!(matches!(fault, ClockFault::BeforeProgram { .. }), "{fault}");
        }
        let fault = ClockReading { now: at("1970-01-05T10:00:00Z"), ..sound() }.local().unwrap_err();
        let said = "the clock says 1970-01-05 11:00 CET, before this program was made on 2026-11-24";
        assert_eq!(fault.to_string(), said);
    }

    #[test]
    fn a_clock_before_the_newest_event_went_back() {
        let back = |now: &str| ClockReading { now: at(now), ..sound() }.local();
        assert!(back("2031-05-05T09:58:30Z").is_ok(), "time synchronization may set it back a little");
        for now in ["2031-05-05T09:57:59Z", "2030-05-05T10:00:00Z"] {
            let fault = back(now).unwrap_err();
            assert!(matches!(fault, ClockFault::BeforeEvent { .. }), "{fault}");
            assert!(fault.fix().contains("ostiary clock accept"), "{}", fault.fix());
        }
    }

    #[test]
    fn a_clock_that_cannot_be_compared_with_the_newest_event_is_not_plausible() {
        let unknown = ClockReading { newest_event: Err(ClockFault::NewestEventUnknown), ..sound() };
        assert_eq!(unknown.local(), Err(ClockFault::NewestEventUnknown));
    }

    #[test]
    fn a_clock_that_must_be_synchronized_is_refused_where_it_is_not_known_to_be() {
        let with = |synchronization| ClockReading { synchronization, ..sound() }.local();
        assert!(with(Synchronization::Yes).is_ok());
        assert!(matches!(with(Synchronization::No), Err(ClockFault::NotSynchronized { .. })));
        let unknown = with(Synchronization::Unknown("not permitted".into()));
        assert!(matches!(unknown, Err(ClockFault::SynchronizationUnknown { .. })));
    }

    #[test]
    fn no_zone_is_not_utc() {
        let fault = ClockFault::ZoneUnknown { place: "TZ=Nowhere".into(), why: "no such zone".into() };
        let lost = ClockReading { zone: Err(fault.clone()), ..sound() };
        assert_eq!(lost.local(), Err(fault));
    }
}
