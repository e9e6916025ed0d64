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
