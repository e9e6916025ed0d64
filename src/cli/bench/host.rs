//! The computer that is measured: its processor and memory.

use std::fs;
use std::thread::available_parallelism;

/// The name of the board or of the processor.
pub fn cpu_name() -> String {
    let board = fs::read_to_string("/proc/device-tree/model").ok();
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    parse_cpu_name(board.as_deref(), &info).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The name of a board from the device tree, or of a PC's processor from `/proc/cpuinfo`.
fn parse_cpu_name(board: Option<&str>, info: &str) -> Option<String> {
    let from_cpuinfo = || {
        let field = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.to_owned());
        info.lines().find_map(field)
    };
    let board = board.map(|board| board.trim_end_matches('\0').to_owned());
    [board, from_cpuinfo()]
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
}
