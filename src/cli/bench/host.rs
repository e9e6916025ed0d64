//! The computer that is measured: its processor, its memory, and what slows it down.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::available_parallelism;
use std::{fmt, fs};

use serde::Serialize;

use crate::board_temperature::BoardTemperature;
use crate::kernel_path::KernelPath;

/// What times on a board depend on. The names in JSON are stable.
#[derive(Debug, Serialize)]
pub struct Board {
    /// The version of this program.
    version: &'static str,
    /// The name of the board or of the processor.
    name: String,
    cores: usize,
    /// The architecture that the program was built for.
    architecture: &'static str,
    /// The number of the first core's kind (`CPU part` of /proc/cpuinfo): 0xd03 Cortex-A53, 0xd08 A72, 0xd0b A76.
    cpu_part: Option<String>,
    /// The instructions that the kernel says the processor has.
    features: Option<String>,
    /// The version of the kernel.
    kernel: Option<String>,
    /// The instruction set whose kernels run the quantized networks, and why.
    kernels: String,
    kernels_reason: String,
    before: BoardState,
    /// The state after the measurement.
    pub after: Option<BoardState>,
}

/// What changes while a board works. A field is null, or empty, if the board does not report it.
#[derive(Debug, Default, Serialize)]
pub struct BoardState {
    temperature_c: Option<f64>,
    governor: Option<String>,
    frequency_mhz: Option<u64>,
    max_frequency_mhz: Option<u64>,
    /// Raspberry Pi's bits of the firmware: under-voltage (1), capped (2), throttled (4), and each since the start (in the upper half).
    throttled: Option<String>,
    /// The coolers and limiters of the kernel that are active, by name.
    cooling: BTreeMap<String, u32>,
}

impl Board {
    /// Reads the description of the host whose file tree is `root`.
    pub fn read(root: &Path) -> Self {
        let info = text(root, "proc/cpuinfo").unwrap_or_default();
        let kernels = KernelPath::new(&info);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            name: cpu_name(),
            cores: core_count(),
            architecture: std::env::consts::ARCH,
            cpu_part: cpuinfo_field(&info, "CPU part"),
            features: cpuinfo_field(&info, "Features").or_else(|| cpuinfo_field(&info, "flags")),
            kernel: text(root, "proc/sys/kernel/osrelease"),
            kernels: kernels.isa().to_string(),
            kernels_reason: [kernels.to_string()]
                .into_iter()
                .chain(kernels.remarks())
                .collect::<Vec<_>>()
                .join("; "),
            before: BoardState::read(root),
            after: None,
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cores, version, kernel, kernels_reason, before, .. } = self;
        let kernel = kernel.as_deref().unwrap_or("unknown");
        write!(
            f,
            "{name}, {cores} cores, Linux {kernel}, ostiary {version}\n{kernels_reason}\nbefore: {before}"
        )
    }
}

impl BoardState {
    /// Reads the state of the host whose file tree is `root`.
    pub fn read(root: &Path) -> Self {
        let frequency = |file: &str| {
            let khz: u64 =
                text(root, &format!("sys/devices/system/cpu/cpu0/cpufreq/{file}"))?.parse().ok()?;
            Some(khz / 1000)
        };
        Self {
            temperature_c: BoardTemperature::read(root).map(|temperature| temperature.degrees),
            governor: text(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            frequency_mhz: frequency("scaling_cur_freq"),
            max_frequency_mhz: frequency("cpuinfo_max_freq"),
            throttled: text(root, "sys/devices/platform/soc/soc:firmware/get_throttled"),
            cooling: active_coolers(root),
        }
    }
}

/// `48.2 degrees, governor ondemand, 1800 of 1800 MHz`.
impl fmt::Display for BoardState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { temperature_c, governor, frequency_mhz, max_frequency_mhz, throttled, cooling } = self;
        let number = |value: &Option<u64>| value.map_or("?".to_owned(), |value| value.to_string());
        match temperature_c {
            Some(degrees) => write!(f, "{degrees:.1} degrees")?,
            None => f.write_str("unknown temperature")?,
        }
        write!(f, ", governor {}", governor.as_deref().unwrap_or("unknown"))?;
        write!(f, ", {} of {} MHz", number(frequency_mhz), number(max_frequency_mhz))?;
        if let Some(throttled) = throttled {
            write!(f, ", throttled {throttled}")?;
        }
        for (name, state) in cooling {
            write!(f, ", {name} at {state}")?;
        }
        Ok(())
    }
}

/// The coolers and limiters of the kernel that are active. Several with one name count as one, with the highest state.
fn active_coolers(root: &Path) -> BTreeMap<String, u32> {
    let mut coolers = BTreeMap::new();
    for device in fs::read_dir(root.join("sys/class/thermal")).into_iter().flatten().flatten() {
        let state = || {
            let name = text(&device.path(), "type")?;
            Some((name, text(&device.path(), "cur_state")?.parse::<u32>().ok()?))
        };
        if let Some((name, state @ 1..)) = state() {
            let highest = coolers.entry(name).or_default();
            *highest = state.max(*highest);
        }
    }
    coolers
}

/// A file of one line or more, without surrounding space; `None` if it cannot be read or is empty.
fn text(root: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(root.join(file)).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The first value of a field of `/proc/cpuinfo`.
fn cpuinfo_field(info: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (field, value) = line.split_once(':')?;
        (field.trim() == name).then(|| value.trim().to_owned())
    };
    info.lines().find_map(value)
}

/// The name of the board or of the processor.
pub fn cpu_name() -> String {
    let board = fs::read_to_string("/proc/device-tree/model").ok();
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    parse_cpu_name(board.as_deref(), &info).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The name of a board from the device tree, or of a PC's processor from `/proc/cpuinfo`.
fn parse_cpu_name(board: Option<&str>, info: &str) -> Option<String> {
    let board = board.map(|board| board.trim_end_matches('\0').to_owned());
    [board, cpuinfo_field(info, "model name")]
        .into_iter()
        .flatten()
        .map(|name| name.trim().to_owned())
        .find(|name| !name.is_empty())
}

/// The number of cores that this process may use.
pub fn core_count() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The peak resident memory of this process (`VmHWM`), in MiB; 0 if the kernel does not report it.
pub fn peak_rss_mb() -> f64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|status| parse_peak_rss_mb(&status)).unwrap_or(0.0)
}

fn parse_peak_rss_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_board_or_processor_is_read() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2.40GHz\n\nprocessor\t: 1\n";
        assert_eq!(parse_cpu_name(None, info).as_deref(), Some("Some CPU @ 2.40GHz"));
        assert_eq!(
            parse_cpu_name(Some("Raspberry Pi 4 Model B Rev 1.4\0"), info).unwrap(),
            "Raspberry Pi 4 Model B Rev 1.4"
        );
        assert_eq!(parse_cpu_name(Some("\0"), ""), None);
        assert!(!cpu_name().is_empty() && core_count() > 0);
    }

    #[test]
    fn the_peak_memory_is_read() {
        assert_eq!(parse_peak_rss_mb("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 5 kB\n"), Some(2.0));
        assert_eq!(parse_peak_rss_mb("VmHWM:\t lots\n"), None);
        assert!(peak_rss_mb() > 1.0);
    }

    #[test]
    fn what_slows_a_board_down_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(
            BoardState::read(folder.path()).to_string(),
            "unknown temperature, governor unknown, ? of ? MHz"
        );
        file("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        file("sys/class/thermal/thermal_zone0/temp", "81200\n");
        for (number, state) in [(0, "0"), (1, "2"), (2, "1")] {
            file(&format!("sys/class/thermal/cooling_device{number}/type"), "cpufreq\n");
            file(&format!("sys/class/thermal/cooling_device{number}/cur_state"), state);
        }
        let cpu = "sys/devices/system/cpu/cpu0/cpufreq";
        file(&format!("{cpu}/scaling_governor"), "ondemand\n");
        file(&format!("{cpu}/scaling_cur_freq"), "1500000\n");
        file(&format!("{cpu}/cpuinfo_max_freq"), "1800000\n");
        file("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n");
        file(
            "proc/cpuinfo",
            "processor\t: 0\nFeatures\t: fp asimd\nCPU part\t: 0xd08\n\nCPU part\t: 0xd03\n",
        );
        let text = "81.2 degrees, governor ondemand, 1500 of 1800 MHz, throttled 50005, cpufreq at 2";
        assert_eq!(BoardState::read(folder.path()).to_string(), text);
        let board = Board::read(folder.path());
        assert_eq!((board.cpu_part.as_deref(), board.features.as_deref()), (Some("0xd08"), Some("fp asimd")));
        assert!(board.kernels_reason.contains(&format!("int8 kernels: {}", board.kernels)), "{board}");
    }
}
