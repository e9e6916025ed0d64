//! The temperature of the board: the hottest of the kernel's thermal zones.

use std::fs;
use std::path::Path;

/// Sensors that always report the same value: PMIC-Die of the Jetson Nano.
const CONSTANT_SENSORS: [&str; 1] = ["PMIC-Die"];
/// The plausible temperatures, in degrees Celsius. Sensors outside of this range are ignored.
const PLAUSIBLE_RANGE: std::ops::Range<f64> = -40.0..150.0;

/// What a sensor of the board reports.
#[derive(Debug, PartialEq)]
pub struct BoardTemperature {
    /// Degrees Celsius.
    pub degrees: f64,
    /// The sensor's name.
    pub sensor: String,
}

impl BoardTemperature {
    /// Reads the hottest sensor of the host whose file tree is `root`; `None` if it has none.
    pub fn read(root: &Path) -> Option<Self> {
        let zones = fs::read_dir(root.join("sys/class/thermal")).ok()?.flatten();
        zones
            .filter(|zone| zone.file_name().to_string_lossy().starts_with("thermal_zone"))
            .filter_map(|zone| Self::read_zone(&zone.path()))
            .max_by(|one, other| one.degrees.total_cmp(&other.degrees))
    }

    fn read_zone(zone: &Path) -> Option<Self> {
        let read = |file| Some(fs::read_to_string(zone.join(file)).ok()?.trim().to_owned());
        let sensor = read("type")?;
        let degrees = read("temp")?.parse::<f64>().ok()? / 1000.0;
        let is_plausible = PLAUSIBLE_RANGE.contains(&degrees) && !CONSTANT_SENSORS.contains(&sensor.as_str());
        is_plausible.then_some(Self { degrees, sensor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_plausible_sensor_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let zone = |number: u32, name: &str, millidegrees: &str| {
            let zone = folder.path().join(format!("sys/class/thermal/thermal_zone{number}"));
            fs::create_dir_all(&zone).unwrap();
            fs::write(zone.join("type"), name).unwrap();
            fs::write(zone.join("temp"), millidegrees).unwrap();
        };
        assert_eq!(BoardTemperature::read(folder.path()), None);
        fs::create_dir_all(folder.path().join("sys/class/thermal/cooling_device0")).unwrap();
        zone(1, "PMIC-Die\n", "100000\n");
        zone(2, "AO-therm\n", "-256000\n");
        zone(3, "broken\n", "hot\n");
        assert_eq!(BoardTemperature::read(folder.path()), None);
        zone(0, "CPU-therm\n", "41500\n");
        zone(4, "GPU-therm\n", "40000\n");
        let hottest = BoardTemperature { degrees: 41.5, sensor: "CPU-therm".into() };
        assert_eq!(BoardTemperature::read(folder.path()), Some(hottest));
    }
}
