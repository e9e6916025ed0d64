//! Measures a door from the decisions of its record: the visits, and what other rates would have done.

use jiff::tz::TimeZone;
use ostiary_access::Reason;
use ostiary_config::Config;
use ostiary_core::ModelRole;
use ostiary_events::Event;
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;
use ostiary_report::{Collector, OtherFpir, Report};

use crate::replay::{Changes, Present, Replay, Replayed};
use crate::wall_clock;

/// The values of `door.fpir` that are tried, as parts of the present one.
const PARTS: [f64; 4] = [2.0, 0.5, 0.2, 0.1];

/// Makes a report from decisions, oldest first.
pub struct Measurement {
    collector: Collector,
    others: Vec<OtherRate>,
}

impl Measurement {
    /// A measurement with the models of a configuration.
    pub fn new(config: &Config) -> Self {
        let collector = Collector::new(wall_clock::zone().unwrap_or(TimeZone::UTC));
        Self { collector, others: other_rates(config) }
    }

    /// Adds the next decision of the record; other events are passed over.
    pub fn add(&mut self, event: &Event) {
        self.collector.add(event);
        self.others.iter_mut().for_each(|other| other.add(event));
    }

    /// The report of all decisions that were added.
    pub fn finish(self) -> Report {
        let other_fpir = self.others.into_iter().map(|other| other.found).collect();
        Report { other_fpir, ..self.collector.finish() }
    }
}

/// A replay with another `door.fpir`.
struct OtherRate {
    replay: Replay,
    found: OtherFpir,
}

impl OtherRate {
    fn add(&mut self, event: &Event) {
        let (Some(Replayed::Decided(replayed)), Some((recorded, _))) =
            (self.replay.next(event), event.kind.face())
        else {
            return;
        };
        match (recorded == Reason::Granted, replayed == Some(Reason::Granted)) {
            (false, true) => self.found.more_granted += 1,
            (true, false) => self.found.fewer_granted += 1,
            _ => {}
        }
    }
}

/// Replays with other rates that the calibration supports; none without a calibration.
fn other_rates(config: &Config) -> Vec<OtherRate> {
    let Ok(bundle) = Bundle::find(&config.models, config.engine.precision) else { return Vec::new() };
    let Ok(entry) = bundle.entry(ModelRole::Embedder) else { return Vec::new() };
    let Some(fpir) = Thresholds::nearest(entry, config.door.fpir).0.fpir() else { return Vec::new() };
    let rate = |part: f64| {
        let fpir = fpir * part;
        let thresholds = Thresholds::new(entry, Some(fpir)).ok()?;
        let is_extrapolated = thresholds.threshold(1, 1).is_extrapolated;
        let present = Present::of_thresholds(entry.id(), thresholds);
        let found = OtherFpir { fpir, is_extrapolated, more_granted: 0, fewer_granted: 0 };
        Some(OtherRate { replay: Replay::new(Changes::of_fpir(fpir), present), found })
    };
    PARTS.into_iter().filter_map(rate).collect()
}
