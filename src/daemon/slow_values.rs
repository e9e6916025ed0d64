//! What clients of the broker are shown that changes slowly, outside of the door: the temperature of the board, and the newest stored
//! bundle of models, which `ostiary models pull` stores.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ostiary_config as config;
use ostiary_core::clock::build_time;
use ostiary_models::{BundleOrigin, ModelStore};
use ostiary_mqtt::ModelVersions;

use crate::board_temperature::BoardTemperature;

/// The interval at which the values are read. They are published at most as often.
const INTERVAL: Duration = Duration::from_secs(60);
/// A smaller change of the temperature is not published, in degrees Celsius.
const LEAST_CHANGE: f64 = 1.0;

/// The values as they were read last.
#[derive(Debug)]
pub struct SlowValues {
    read: Instant,
    /// Degrees Celsius, as they were published.
    temperature: Option<f64>,
    in_use: BundleOrigin,
    latest: BundleOrigin,
}

impl SlowValues {
    /// Reads the values for the first time. `in_use` is where the models in use come from.
    pub fn new(models: &config::Models, in_use: BundleOrigin) -> Self {
        let mut values = Self { read: Instant::now(), temperature: None, in_use, latest: in_use };
        values.read(models, board_temperature());
        values
    }

    /// Reads the values again if that is due. Returns whether what is published changed.
    pub fn update(&mut self, models: &config::Models) -> bool {
        self.read.elapsed() >= INTERVAL && self.read(models, board_temperature())
    }

    /// Other models are in use.
    pub fn set_models(&mut self, models: &config::Models, in_use: BundleOrigin) {
        self.in_use = in_use;
        self.latest = latest(models, in_use);
    }

    fn read(&mut self, models: &config::Models, temperature: Option<f64>) -> bool {
        self.read = Instant::now();
        let latest = latest(models, self.in_use);
        let is_new = latest != self.latest;
        self.latest = latest;
        let is_same = match (self.temperature, temperature) {
            (Some(published), Some(now)) => (published - now).abs() < LEAST_CHANGE,
            (published, now) => published == now,
        };
        if !is_same {
            self.temperature = temperature;
        }
        is_new || !is_same
    }

    /// The temperature in whole degrees Celsius; `None` without a sensor.
    pub fn temperature(&self) -> Option<i32> {
        // Within the plausible range of a sensor.
        self.temperature.map(|degrees| degrees.round() as i32)
    }

    /// The models in use, and those that may replace them.
    pub fn model_versions(&self) -> ModelVersions {
        ModelVersions { installed: self.in_use.to_string(), latest: self.latest.to_string() }
    }
}

fn board_temperature() -> Option<f64> {
    BoardTemperature::read(Path::new("/")).map(|read| read.degrees)
}

/// The newest models that may be activated. A store that cannot be read offers none, as commands about it report.
fn latest(models: &config::Models, in_use: BundleOrigin) -> BundleOrigin {
    let update = ModelStore::open(models).and_then(|store| {
        // Without keys there is no store.
        store.newest_update(in_use, Timestamp::now(), build_time())
    });
    update.ok().flatten().unwrap_or(in_use)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_by_a_degree_is_published() {
        let models = config::Models::default();
        let mut values = SlowValues::new(&models, BundleOrigin::Program);
        values.read(&models, Some(41.4));
        assert_eq!(values.temperature(), Some(41));
        let mut read = |degrees| (values.read(&models, degrees), values.temperature());
        assert_eq!(read(Some(42.3)), (false, Some(41)));
        assert_eq!(read(Some(40.5)), (false, Some(41)), "slow changes do not add up unseen");
        assert_eq!(read(Some(42.5)), (true, Some(43)));
        assert_eq!(read(None), (true, None));
        assert_eq!(read(None), (false, None));
        assert!(!values.update(&models), "it is not due");
    }

    #[test]
    fn models_without_an_update_are_the_latest() {
        let models = config::Models::default();
        let values = SlowValues::new(&models, BundleOrigin::Store(7));
        let versions = values.model_versions();
        assert_eq!((versions.installed.as_str(), versions.latest.as_str()), ("bundle 7", "bundle 7"));
    }
}
