//! Collects the visits of a report from the decisions of the record.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ostiary_access::{CLAIM_RANGE, DenialReason, Reason};
use ostiary_core::{PersonId, TrackId};
use ostiary_events::{Denial, Event, EventKind, Evidence};

use super::{Nearest, PersonRates, Report, Week};

/// A refused visit whose nearest person is let in within this time was most likely that person's.
const SECOND_TRY: SignedDuration = SignedDuration::from_mins(2);
/// Decisions whose tracks began within this time of each other, with the same number, are of one visit.
const SAME_BEGINNING: SignedDuration = SignedDuration::from_millis(1500);

/// Collects visits. All decisions of one track are one visit, and the last one, or a grant, counts.
///
/// A visit that was refused as unknown or ambiguous is a stranger's, unless it came near to the threshold of the most similar
/// person ([`CLAIM_RANGE`]), and that person is let in within two minutes: then it was most likely that person's, and the door did
/// not recognize the person. A stranger who was let in cannot be told from the person whose face was taken for the stranger's.
///
/// Repeated denials that were summed are one visit, that of the most similar face: how many people they were is not known, and
/// several tries of one person are no independent trials.
pub struct Collector {
    zone: TimeZone,
    report: Report,
    latest: Option<Visit>,
    /// Refused visits that may still turn out to be a person's, oldest first.
    undecided: Vec<Visit>,
    people: BTreeMap<String, (u64, u64)>,
    weeks: BTreeMap<Date, WeekValues>,
    strangers: u64,
}

/// The decisions of one track so far.
#[derive(Debug, Clone)]
struct Visit {
    event: u64,
    time: Timestamp,
    track: TrackId,
    began: Timestamp,
    reason: Reason,
    name: Option<String>,
    /// The person that it came near to.
    nearest: Option<PersonId>,
    excess: Option<f32>,
}

#[derive(Debug, Default)]
struct WeekValues {
    granted: Vec<f32>,
    strangers: Vec<f32>,
}

impl Collector {
    /// A collector of weeks in this time zone.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            report: Report {
                times: None,
                visits: 0,
                repeated: 0,
                granted: 0,
                denied: BTreeMap::new(),
                excess: Default::default(),
                strangers: Default::default(),
                people: Vec::new(),
                weeks: Vec::new(),
                other_fpir: Vec::new(),
            },
            latest: None,
            undecided: Vec::new(),
            people: BTreeMap::new(),
            weeks: BTreeMap::new(),
            strangers: 0,
        }
    }

    /// Adds the next decision of the record; other events are passed over.
    pub fn add(&mut self, event: &Event) {
        let Some((reason, evidence)) = event.kind.face() else { return };
        self.report.repeated += u64::from(event.kind.further_denials());
        let visit = Visit::new(event, reason, evidence);
        match &mut self.latest {
            Some(latest) if latest.is_continued_by(&visit) => {
                if latest.reason != Reason::Granted {
                    *latest = visit;
                }
            }
            _ => {
                if let Some(ended) = self.latest.replace(visit) {
                    self.end(ended);
                }
            }
        }
    }

    /// The report of all visits that were added.
    pub fn finish(mut self) -> Report {
        if let Some(ended) = self.latest.take() {
            self.end(ended);
        }
        for stranger in std::mem::take(&mut self.undecided) {
            self.add_stranger(&stranger);
        }
        self.report.strangers.set_visits(self.strangers);
        let people = self.people.into_iter();
        self.report.people =
            people.map(|(name, (visits, refused))| PersonRates::new(name, visits, refused)).collect();
        self.report.weeks = self.weeks.into_iter().map(|(begins, values)| values.week(begins)).collect();
        self.report
    }

    fn end(&mut self, visit: Visit) {
        let report = &mut self.report;
        report.visits += 1;
        let [first, last] = report.times.unwrap_or([visit.time; 2]);
        report.times = Some([first.min(visit.time), last.max(visit.time)]);
        let earlier =
            self.undecided.iter().take_while(|other| visit.time.duration_since(other.time) > SECOND_TRY);
        let strangers = self.undecided.drain(..earlier.count()).collect::<Vec<_>>();
        strangers.iter().for_each(|stranger| self.add_stranger(stranger));
        match visit.reason {
            Reason::Granted => self.add_grant(visit),
            Reason::Denied(DenialReason::Unknown | DenialReason::Ambiguous) => {
                *self.report.denied.entry(visit.reason.to_string()).or_default() += 1;
                self.undecided.push(visit);
            }
            Reason::Denied(_) | Reason::RequestToExit | Reason::Command => {
                *self.report.denied.entry(visit.reason.to_string()).or_default() += 1;
            }
        }
    }

    fn add_grant(&mut self, visit: Visit) {
        self.report.granted += 1;
        let own = |other: &Visit| visit.nearest.is_some() && other.nearest == visit.nearest;
        let before = self.undecided.len();
        self.undecided.retain(|other| !own(other));
        let refused = (before - self.undecided.len()) as u64;
        let name = visit.name.unwrap_or_else(|| "(removed)".to_owned());
        let (visits, all_refused) = self.people.entry(name).or_default();
        *visits += 1 + refused;
        *all_refused += refused;
        if let Some(excess) = visit.excess {
            self.report.excess.granted.add(excess);
            self.weeks.entry(week(visit.time, &self.zone)).or_default().granted.push(excess);
        }
    }

    fn add_stranger(&mut self, visit: &Visit) {
        self.strangers += 1;
        let Some(excess) = visit.excess else { return };
        self.report.excess.strangers.add(excess);
        self.weeks.entry(week(visit.time, &self.zone)).or_default().strangers.push(excess);
        let nearest = &mut self.report.strangers.nearest;
        if nearest.as_ref().is_none_or(|nearest| excess > nearest.excess) {
            *nearest = Some(Nearest { event: visit.event, excess });
        }
    }
}

impl Visit {
    fn new(event: &Event, reason: Reason, evidence: &Evidence) -> Self {
        let best = evidence.visit.as_ref().and_then(|visit| visit.record.last()?.candidate());
        let excess = match (evidence.similarity, evidence.threshold) {
            (Some(similarity), Some(threshold)) => Some(similarity.0 - threshold.0),
            _ => None,
        };
        let time = match &event.kind {
            // The last one: a second try follows it.
            EventKind::Denied(Denial::Repeated { until, .. }) => *until,
            _ => event.time,
        };
        Self {
            event: event.id,
            time,
            track: evidence.track,
            began: event.time.checked_sub(evidence.latency).unwrap_or(event.time),
            reason,
            name: event.kind.person().map(ToOwned::to_owned),
            nearest: best.filter(|best| best.is_within(CLAIM_RANGE)).map(|best| best.person),
            excess: excess.filter(|excess| excess.is_finite()),
        }
    }

    fn is_continued_by(&self, next: &Self) -> bool {
        next.track == self.track && next.began.duration_since(self.began).abs() <= SAME_BEGINNING
    }
}

impl WeekValues {
    fn week(mut self, begins: Date) -> Week {
        self.granted.sort_by(f32::total_cmp);
        Week {
            begins,
            granted: self.granted.len() as u64,
            granted_median: self.granted.get(self.granted.len() / 2).copied(),
            strangers: self.strangers.len() as u64,
            strangers_highest: self.strangers.iter().copied().max_by(f32::total_cmp),
        }
    }
}

/// The Monday of the week of a time.
fn week(time: Timestamp, zone: &TimeZone) -> Date {
    let date = time.to_zoned_datetime(zone.clone()).date();
    let since_monday = Weekday::Monday.until(date.weekday());
    date.checked_sub(Duration::from_secs(u64::from(since_monday.unsigned_abs()) * 86_400)).unwrap_or(date)
}
