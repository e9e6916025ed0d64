//! What a door measured on itself: its visits, their similarities, and the rates that these support.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ostiary_core::clopper_pearson;
use serde::{Deserialize, Serialize};

use super::Histogram;

/// Confidence that a rate is below the upper bound of its one-sided interval.
const CONFIDENCE: f64 = 0.95;

/// What a door measured on itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The time of the first and of the last visit; `None` without visits.
    pub times: Option<[Timestamp; 2]>,
    /// Number of visits.
    pub visits: u64,
    /// Number of further denials that were summed with one of these visits. They are not counted as visits, and not replayed.
    pub repeated: u64,
    /// Number of visits that ended with a grant.
    pub granted: u64,
    /// Number of other visits, by the last reason.
    pub denied: BTreeMap<String, u64>,
    /// By how much similarities exceeded their thresholds.
    pub excess: Excess,
    /// The visits of strangers.
    pub strangers: Strangers,
    /// The people, by name.
    pub people: Vec<PersonRates>,
    /// The weeks, oldest first.
    pub weeks: Vec<Week>,
    /// What other values of `door.fpir` would have done; empty if the models have no calibration.
    pub other_fpir: Vec<OtherFpir>,
}

/// Histograms of the similarity of visits minus its threshold. 0 is the threshold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Excess {
    /// Visits of people who were let in.
    pub granted: Histogram,
    /// Visits of strangers.
    pub strangers: Histogram,
}

/// What the visits of strangers show.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Strangers {
    /// Number of visits.
    pub visits: u64,
    /// The highest similarity minus its threshold, with the id of its event.
    pub nearest: Option<Nearest>,
    /// The upper end of the one-sided 95 % interval of the share of strangers' visits that are let in, if no stranger is among
    /// the grants: the FPIR that these visits support. 1 without visits.
    pub supported_fpir: f64,
    /// Number of further visits, none let in, until a tenth of that is supported; `None` without visits.
    pub visits_until_tenth: Option<u64>,
}

/// The visit of a stranger that came nearest to being let in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// The event's id.
    pub event: u64,
    /// Similarity minus threshold.
    pub excess: f32,
}

/// What the visits of a person show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonRates {
    /// The name.
    pub name: String,
    /// Number of visits: those that were let in, and those that were refused shortly before.
    pub visits: u64,
    /// Number of visits in which the person was not recognized.
    pub refused: u64,
    /// The share of these, which estimates the person's FNIR, with its exact 95 % interval.
    pub fnir: f64,
    /// The interval.
    pub interval: [f64; 2],
}

/// One week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Week {
    /// The Monday it begins with.
    pub begins: jiff::civil::Date,
    /// Number of visits that were let in.
    pub granted: u64,
    /// The median of their similarities minus the thresholds; `None` without such visits.
    pub granted_median: Option<f32>,
    /// Number of visits of strangers.
    pub strangers: u64,
    /// The highest of their similarities minus the thresholds; `None` without such visits.
    pub strangers_highest: Option<f32>,
}

/// What another `door.fpir` would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherFpir {
    /// The rate.
    pub fpir: f64,
    /// Whether its thresholds come from the fit of the tail.
    pub is_extrapolated: bool,
    /// Number of decisions that would have been grants and were none.
    pub more_granted: u64,
    /// Number of grants that would have been none.
    pub fewer_granted: u64,
}

impl Strangers {
    /// Sets what a number of visits supports, none of which was let in.
    pub(super) fn set_visits(&mut self, visits: u64) {
        self.visits = visits;
        self.supported_fpir = upper_bound(visits);
        self.visits_until_tenth = (visits > 0).then(|| {
            let needed = (1.0 - CONFIDENCE).ln() / (1.0 - self.supported_fpir / 10.0).ln();
            (needed.ceil() as u64).saturating_sub(visits)
        });
    }
}

impl PersonRates {
    pub(super) fn new(name: String, visits: u64, refused: u64) -> Self {
        let interval = clopper_pearson(refused as usize, visits as usize);
        Self { name, visits, refused, fnir: refused as f64 / visits.max(1) as f64, interval }
    }
}

/// What the visits of strangers show, in words.
pub fn sentence(report: &Report) -> String {
    let Strangers { visits, nearest, supported_fpir, visits_until_tenth } = &report.strangers;
    let Some(more) = visits_until_tenth else {
        return "No visit of a stranger was recorded: nothing is known of the share that would be let in."
            .to_owned();
    };
    let nearest = nearest.as_ref().map(|Nearest { event, excess }| {
        format!(" The highest similarity was {excess:+.2} from its threshold (event {event}).")
    });
    format!(
        "Visits of strangers that were refused: {visits}. If no stranger is among the {}, this door lets in at most {:.2} % of \
         strangers' visits, with a confidence of 95 %. If none of {more} more is let in, a tenth of that.{}",
        grants(report.granted),
        100.0 * supported_fpir,
        nearest.unwrap_or_default()
    )
}

fn grants(number: u64) -> String {
    format!("{number} grant{}", if number == 1 { "" } else { "s" })
}

/// What of the record was not replayed with other values of `door.fpir`; `None` if all was.
pub fn not_replayed(report: &Report) -> Option<String> {
    (report.repeated > 0).then(|| {
        format!(
            "Further denials that were summed with a visit, and are not decided again: {}.",
            report.repeated
        )
    })
}

/// The upper end of the one-sided interval of a rate of which no case was seen in a number of trials. For many trials about 3 /
/// trials.
fn upper_bound(trials: u64) -> f64 {
    if trials == 0 { 1.0 } else { 1.0 - (1.0 - CONFIDENCE).powf(1.0 / trials as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_visits_supports_about_three_divided_by_it() {
        let mut strangers = Strangers::default();
        strangers.set_visits(300);
        assert!((strangers.supported_fpir - 0.00994).abs() < 1e-5, "{}", strangers.supported_fpir);
        let more = strangers.visits_until_tenth.unwrap();
        assert!(upper_bound(300 + more) <= strangers.supported_fpir / 10.0);
        assert!(upper_bound(300 + more - 1) > strangers.supported_fpir / 10.0);
        strangers.set_visits(0);
        assert_eq!((strangers.supported_fpir, strangers.visits_until_tenth), (1.0, None));
    }
}
