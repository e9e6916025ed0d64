//! Checks whether visits of strangers come near to being let in, by the record.

use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ostiary_access::CLEAR_EXCESS;
use ostiary_events::{EventFilter, EventStore};
use ostiary_report::{Collector, Nearest, Report, sentence};

use super::CheckContext;
use super::finding::Finding;

/// How far back visits count: what the door sees changes with its people, camera and light.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let since = Timestamp::now().checked_sub(RECENT).unwrap_or(Timestamp::MIN);
    let filter = EventFilter { since: Some(since), ..EventFilter::default() };
    let mut collector = Collector::new(TimeZone::UTC);
    let read = EventStore::open_read_only(&context.config().events.path).and_then(|store| {
        store.decisions(&filter, |event| {
            collector.add(&event);
            ControlFlow::Continue(())
        })
    });
    match read {
        Ok(()) => vec![evaluate(&collector.finish())],
        // The check of the events reports why.
        Err(_) => vec![Finding::ok("there is no record of visits that can be read")],
    }
}

fn evaluate(report: &Report) -> Finding {
    match &report.strangers.nearest {
        Some(Nearest { event, excess }) if *excess > -CLEAR_EXCESS => Finding::warning(
            format!(
                "a visit that was refused as a stranger's came near to being let in; {}",
                sentence(report)
            ),
            format!(
                "see `ostiary explain {event}`; if it was a stranger, set a smaller door.fpir (try it with `ostiary replay`), \
                 or enroll more photos of the person"
            ),
        ),
        _ => Finding::ok(sentence(report)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn a_stranger_near_the_threshold_is_a_warning() {
        let status = |excess| {
            let mut report = Collector::new(TimeZone::UTC).finish();
            report.strangers.nearest = Some(Nearest { event: 7, excess });
            let finding = evaluate(&report);
            (finding.status, finding.to_string().contains("explain 7"))
        };
        assert_eq!(status(-0.2), (Status::Ok, false));
        assert_eq!(status(-0.01), (Status::Warning, true));
    }
}
