//! The limits of presentation attack detection in the file of the sets.

use std::path::PathBuf;

use serde::Deserialize;

use super::counts::{Counts, Kind, Room, Unit};

/// The sets to measure, below the data folder, and the limits of their errors in percent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Pictures of live faces: a folder for each person.
    pub live: PathBuf,
    /// Pictures of photos that are held before a camera: a folder for each person.
    pub attack: PathBuf,
    /// Pictures of live faces for which there is no limit.
    pub others: Vec<PathBuf>,
    /// Greatest APCER of single pictures.
    pub max_apcer: f64,
    /// Greatest BPCER of single pictures.
    pub max_bpcer: f64,
    /// Greatest APCER of medians.
    pub max_median_apcer: f64,
    /// Greatest BPCER of medians.
    pub max_median_bpcer: f64,
}

impl Limits {
    /// The limit that these counts miss. Only all pictures of `live` and `attack` as they are, and their medians, have limits.
    pub fn missed_by(&self, counts: &Counts) -> Option<String> {
        if counts.set != counts.kind.to_string() || counts.room != Room::Any {
            return None;
        }
        let most = match (counts.kind, counts.unit) {
            (Kind::Attack, Unit::Picture) => self.max_apcer,
            (Kind::Live, Unit::Picture) => self.max_bpcer,
            (Kind::Attack, Unit::Median) => self.max_median_apcer,
            (Kind::Live, Unit::Median) => self.max_median_bpcer,
        };
        let Counts { set, precision, unit, total, .. } = counts;
        let (rate, found) = (counts.kind.rate_name(), counts.error.rate());
        // NaN, of no scores, is above any limit.
        let is_within = found <= most;
        (!is_within).then(|| {
            format!(
                "{set}, {precision}, {total} scores of one {unit}: {rate} {found:.2} %; the limit is {most} %"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Precision;

    use super::super::counts::Share;
    use super::*;

    const LIMITS: Limits = Limits {
        live: PathBuf::new(),
        attack: PathBuf::new(),
        others: Vec::new(),
        max_apcer: 1.0,
        max_bpcer: 5.0,
        max_median_apcer: 0.0,
        max_median_bpcer: 2.0,
    };

    fn counts(kind: Kind, unit: Unit, errors: usize, total: usize) -> Counts {
        Counts {
            set: kind.to_string(),
            kind,
            precision: Precision::Int8,
            unit,
            room: Room::Any,
            total,
            spoof: 0,
            unclear: 0,
            pass: 0,
            error: Share::new(errors, total),
            lowest: None,
            highest: None,
        }
    }

    #[test]
    fn a_rate_above_its_limit_is_missed_by_name() {
        for (kind, unit, most) in [
            (Kind::Attack, Unit::Picture, 1),
            (Kind::Live, Unit::Picture, 5),
            (Kind::Attack, Unit::Median, 0),
            (Kind::Live, Unit::Median, 2),
        ] {
            assert_eq!(LIMITS.missed_by(&counts(kind, unit, most, 100)), None);
            let missed = LIMITS.missed_by(&counts(kind, unit, most + 1, 100)).unwrap();
            let expected = format!(
                "{kind}, int8, 100 scores of one {unit}: {} {:.2} %; the limit is {most} %",
                kind.rate_name(),
                (most + 1) as f64
            );
            assert_eq!(missed, expected);
        }
    }

    #[test]
    fn no_scores_miss_every_limit_and_other_sets_have_none() {
        assert!(LIMITS.missed_by(&counts(Kind::Attack, Unit::Median, 0, 0)).is_some());
        let photos = counts(Kind::Attack, Unit::Median, 9, 10);
        assert_eq!(LIMITS.missed_by(&Counts { room: Room::Enough, ..photos.clone() }), None);
        assert_eq!(LIMITS.missed_by(&Counts { set: "simulated print".to_owned(), ..photos }), None);
    }
}
