//! Checks the temperature, and the throttling by a Raspberry Pi's firmware because of heat or low voltage.

use super::CheckContext;
use super::finding::Finding;
use super::host::Host;
use crate::board_temperature::BoardTemperature;

/// The temperature from which a warning is reported, in degrees Celsius. A Raspberry Pi slows down at 80 to 85 degrees, a
/// Jetson at slightly more.
const MAX_TEMPERATURE: f64 = 80.0;

/// How to fix low voltage.
const VOLTAGE_FIX: &str = "use the power supply of the board's manufacturer and a short, thick cable; use a separate \
                           supply for the lock";
/// How to fix a high temperature.
const COOLING_FIX: &str =
    "cool the board with a heat sink, a fan or shade: a hot board is slow and ages faster";

/// The bits of `get_throttled` (<https://www.raspberrypi.com/documentation/computers/os.html#get_throttled>). The same bits
/// shifted by 16 report what has occurred since boot.
const UNDER_VOLTAGE: u32 = 1 << 0;
const CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const SOFT_LIMIT: u32 = 1 << 3;

pub fn check_temperature(context: &CheckContext) -> Vec<Finding> {
    vec![temperature(&context.host)]
}

/// The hottest of the board's sensors.
fn temperature(host: &Host) -> Finding {
    let Some(BoardTemperature { degrees, sensor }) = BoardTemperature::read(&host.path("/")) else {
        return Finding::ok("this computer has no temperature sensor");
    };
    let found = format!("{degrees:.0} °C ({sensor})");
    if degrees >= MAX_TEMPERATURE { Finding::warning(found, COOLING_FIX) } else { Finding::ok(found) }
}

pub fn check_throttling(context: &CheckContext) -> Vec<Finding> {
    throttling(&context.host)
}

fn throttling(host: &Host) -> Vec<Finding> {
    // From the Raspberry Pi 5 on, the name of the folder contains the address of the bus.
    let platform = "/sys/devices/platform";
    let value = host.list_names(platform, "soc").into_iter().find_map(|soc| {
        let folder = format!("{platform}/{soc}");
        let firmware =
            host.list_names(&folder, "soc").into_iter().find(|name| name.ends_with(":firmware"))?;
        host.read_text(format!("{folder}/{firmware}/get_throttled"))
    });
    let Some(value) = value else {
        return vec![Finding::ok("not a Raspberry Pi, or its firmware does not report throttling")];
    };
    let Ok(bits) = u32::from_str_radix(value.trim_start_matches("0x"), 16) else {
        return vec![Finding::warning(
            format!("the firmware reports {value:?}, which is not a number"),
            "update the firmware: `apt full-upgrade`",
        )];
    };
    let mut findings = Vec::new();
    let (now, ever) = (bits, bits >> 16);
    if now & UNDER_VOLTAGE != 0 {
        let found = "the supply voltage is too low now: the board may stop or damage the data on its disk";
        findings.push(Finding::fault(found, VOLTAGE_FIX));
    } else if ever & UNDER_VOLTAGE != 0 {
        findings.push(Finding::warning("the supply voltage has been too low since boot", VOLTAGE_FIX));
    }
    let slow = CAPPED | THROTTLED | SOFT_LIMIT;
    // Low voltage also causes throttling, and is reported already.
    if now & slow != 0 && now & UNDER_VOLTAGE == 0 {
        findings.push(Finding::warning("the firmware throttles the board now", COOLING_FIX));
    } else if ever & slow != 0 && findings.is_empty() {
        findings.push(Finding::warning("the firmware has throttled the board since boot", COOLING_FIX));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("no throttling and no low voltage since boot"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::super::host::host_with_files;
    use super::*;

    #[test]
    fn the_temperature_is_reported_and_a_high_one_is_a_warning() {
        let (_folder, jetson) = host_with_files(&[
            ("/sys/class/thermal/thermal_zone0/type", "CPU-therm\n"),
            ("/sys/class/thermal/thermal_zone0/temp", "41500\n"),
        ]);
        assert_eq!(temperature(&jetson), Finding::ok("42 °C (CPU-therm)"));
        let (_folder, pi) = host_with_files(&[
            ("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("/sys/class/thermal/thermal_zone0/temp", "84212\n"),
        ]);
        assert_eq!(temperature(&pi), Finding::warning("84 °C (cpu-thermal)", COOLING_FIX));
        assert_eq!(temperature(&host_with_files(&[]).1).status, Status::Ok);
    }

    #[test]
    fn the_throttling_bits_of_a_raspberry_pi_are_reported() {
        let pi = |value: &str, soc: &str| {
            let file = format!("/sys/devices/platform/{soc}/{soc}:firmware/get_throttled");
            let (_folder, host) = host_with_files(&[(&file, value)]);
            throttling(&host)
        };
        let statuses = |value| pi(value, "soc").iter().map(|finding| finding.status).collect::<Vec<_>>();
        assert_eq!(statuses("0\n"), [Status::Ok]);
        assert_eq!(statuses("50000\n"), [Status::Warning]);
        assert_eq!(statuses("50005\n"), [Status::Fault]);
        assert_eq!(statuses("80008\n"), [Status::Warning]);
        assert_eq!(statuses("80000\n"), [Status::Warning]);
        assert!(pi("50005", "soc")[0].found.contains("too low now"));
        assert!(pi("80008", "soc")[0].found.contains("throttles the board now"));
        assert!(pi("10000", "soc@107c000000")[0].found.contains("has been too low since boot"));
        assert_eq!(statuses("what?"), [Status::Warning]);
        assert!(throttling(&host_with_files(&[]).1)[0].found.starts_with("not a Raspberry Pi"));
    }
}
