//! The machine that is measured on.

use std::fs;
use std::thread::available_parallelism;

/// The board's or the processor's name.
pub fn cpu() -> String {
    let board = fs::read_to_string("/proc/device-tree/model").ok();
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    name(board.as_deref(), &info).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Boards name themselves in the device tree, where a PC's processor does so in `cpuinfo`.
fn name(board: Option<&str>, info: &str) -> Option<String> {
    let of_info = || {
        let field = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.to_owned());
        info.lines().find_map(field)
    };
    let board = board.map(|board| board.trim_end_matches('\0').to_owned());
    [board, of_info()].into_iter().flatten().map(|name| name.trim().to_owned()).find(|name| !name.is_empty())
}

/// Cores that this process may use.
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The most memory that this process held so far (`VmHWM`), MiB; 0 where the kernel does not tell.
pub fn peak_rss_mb() -> f64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|status| peak(&status)).unwrap_or(0.0)
}

fn peak(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_and_processors_are_named() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2.40GHz\n\nprocessor\t: 1\n";
        assert_eq!(name(None, info).as_deref(), Some("Some CPU @ 2.40GHz"));
        assert_eq!(
            name(Some("Raspberry Pi 4 Model B Rev 1.4\0"), info).unwrap(),
            "Raspberry Pi 4 Model B Rev 1.4"
        );
        assert_eq!(name(Some("\0"), ""), None);
        assert!(!cpu().is_empty() && cores() > 0);
    }

    #[test]
    fn the_peak_is_read() {
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 5 kB\n"), Some(2.0));
        assert_eq!(peak("VmHWM:\t lots\n"), None);
        assert!(peak_rss_mb() > 1.0);
    }
}
