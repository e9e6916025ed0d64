//! Checks the clock, which opening hours and the times of events use.

use ostiary_access::{ClockReading, Synchronization};
use ostiary_config::ClockTrust;
use ostiary_events::EventStore;

use super::CheckContext;
use super::finding::{Finding, Status};
use crate::wall_clock::{WallClock, ask_synchronization};

/// How to synchronize the clock.
const SYNCHRONIZE_FIX: &str =
    "turn on time synchronization (`timedatectl set-ntp true`) and check the network";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    // If the events cannot be read, their own check reports it.
    let newest = EventStore::open_read_only(&config.events.path).and_then(|store| store.newest_time());
    let clock = WallClock::new(newest.ok().and_then(|newest| newest.time));
    let has_hours = !config.hours.is_empty();
    let synchronization = ask_synchronization();
    // Without hours the clock need not be synchronized, even if `clock.trust` requires it.
    let time = match config.clock.trust {
        ClockTrust::Synchronized if has_hours => clock.with(synchronization.clone()),
        _ => clock.with(Synchronization::NotAsked),
    };
    vec![evaluate(&time, &synchronization, has_hours)]
}

fn evaluate(time: &ClockReading, synchronization: &Synchronization, has_hours: bool) -> Finding {
    let zone = match time.local().and(time.zone.clone()) {
        Ok(zone) => zone,
        Err(fault) => {
            let status = if has_hours { Status::Fault } else { Status::Warning };
            let effect = if has_hours { ": people with hours are refused" } else { "" };
            return Finding { status, found: format!("{fault}{effect}"), fix: Some(fault.fix().to_owned()) };
        }
    };
    let shown = time.now.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let found = match synchronization {
        Synchronization::Yes => return Finding::ok(format!("{shown}, synchronized")),
        Synchronization::Unknown(why) => format!("{shown}, not known to be synchronized ({why})"),
        Synchronization::No | Synchronization::NotAsked => format!("{shown}, not synchronized"),
    };
    match has_hours {
        true => Finding::warning(format!("{found}, and opening hours depend on it"), SYNCHRONIZE_FIX),
        false => Finding::ok(format!("{found}, and no opening hours depend on it")),
    }
}

#[cfg(test)]
mod tests {
    use Synchronization::{No, NotAsked, Unknown, Yes};
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_wrong_clock_is_a_fault_only_with_hours() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let clock = |now: &str, asked: &Synchronization| ClockReading {
            now: at(now),
            zone: Ok(TimeZone::get("Europe/Berlin").unwrap()),
            made: at("2026-11-01T00:00:00Z"),
            newest_event: Ok(Some(at("2031-05-04T09:00:00Z"))),
            synchronization: asked.clone(),
        };
        let evaluate = |now, is, has_hours| evaluate(&clock(now, &NotAsked), is, has_hours);
        let now = "2031-05-04T10:00:00Z";
        assert_eq!(evaluate(now, &Yes, true), Finding::ok("2031-05-04 12:00 CEST, synchronized"));
        assert_eq!(evaluate(now, &No, true).status, Status::Warning);
        assert_eq!(evaluate(now, &No, false).status, Status::Ok);
        let no_bus = Unknown("no bus".into());
        let unknown = evaluate(now, &no_bus, true);
        assert_eq!(unknown.status, Status::Warning);
        assert!(unknown.found.contains("(no bus)"), "{unknown}");
        for wrong in ["1970-01-01T00:03:00Z", "2026-10-31T12:00:00Z", "2030-05-04T10:00:00Z"] {
            assert_eq!(evaluate(wrong, &Yes, true).status, Status::Fault, "{wrong}");
            assert_eq!(evaluate(wrong, &Yes, false).status, Status::Warning, "{wrong}");
        }
        let back = evaluate("2030-05-04T10:00:00Z", &Yes, true);
        assert!(back.to_string().contains("run `ostiary clock accept`"), "{back}");
        let must = super::evaluate(&clock(now, &No), &No, true);
        assert_eq!(must.status, Status::Fault);
        assert!(must.found.contains("clock.trust"), "{must}");
    }
}
