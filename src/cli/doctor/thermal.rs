//! Heat, and what a Raspberry Pi's firmware does about heat and a weak power supply.

use super::Door;
use super::finding::Finding;
use super::host::Host;

/// Boards slow down from here on: a Raspberry Pi at 80 to 85 degrees, a Jetson a little later.
const HOT: f64 = 80.0;
/// Sensors that always say the same: the Jetson Nano's PMIC-Die.
const CONSTANT: [&str; 1] = ["PMIC-Die"];
/// Beyond these a sensor is not there, whatever it says.
const CREDIBLE: std::ops::Range<f64> = -40.0..150.0;

const SUPPLY: &str = "use the supply that the board's maker sells, and a short, thick cable; feed the lock from a supply \
                      of its own";
const COOL: &str = "give the board a heat sink, air or shade: a hot board decides late, and ages";

/// What the firmware says, bit for bit
/// (<https://www.raspberrypi.com/documentation/computers/os.html#get_throttled>); 16 bits higher, what was since boot.
const UNDER_VOLTAGE: u32 = 1 << 0;
const CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const SOFT_LIMIT: u32 = 1 << 3;

pub fn check_temperature(door: &Door) -> Vec<Finding> {
    vec![temperature(&door.host)]
}

/// The hottest of the board's sensors.
fn temperature(host: &Host) -> Finding {
    const ZONES: &str = "/sys/class/thermal";
    let hottest = host
        .names(ZONES, "thermal_zone")
        .into_iter()
        .filter_map(|zone| {
            let name = host.text(format!("{ZONES}/{zone}/type"))?;
            let degrees = host.text(format!("{ZONES}/{zone}/temp"))?.parse::<f64>().ok()? / 1000.0;
            (CREDIBLE.contains(&degrees) && !CONSTANT.contains(&name.as_str())).then_some((degrees, name))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match hottest {
        None => Finding::ok("this machine tells no temperature"),
        Some((degrees, name)) if degrees >= HOT => {
            Finding::warning(format!("{degrees:.0} °C ({name})"), COOL)
        }
        Some((degrees, name)) => Finding::ok(format!("{degrees:.0} °C ({name})")),
    }
}

pub fn check_throttling(door: &Door) -> Vec<Finding> {
    throttling(&door.host)
}

fn throttling(host: &Host) -> Vec<Finding> {
    // The folder's name holds the bus's address from the Pi 5 on.
    let platform = "/sys/devices/platform";
    let told = host.names(platform, "soc").into_iter().find_map(|soc| {
        let folder = format!("{platform}/{soc}");
        let firmware = host.names(&folder, "soc").into_iter().find(|name| name.ends_with(":firmware"))?;
        host.text(format!("{folder}/{firmware}/get_throttled"))
    });
    let Some(told) = told else {
        return vec![Finding::ok("not a Raspberry Pi, or its firmware does not say")];
    };
    let Ok(bits) = u32::from_str_radix(told.trim_start_matches("0x"), 16) else {
        return vec![Finding::warning(
            format!("the firmware says {told:?}, which is no number"),
            "update the firmware: `apt full-upgrade`",
        )];
    };
    let mut findings = Vec::new();
    let (now, ever) = (bits, bits >> 16);
    if now & UNDER_VOLTAGE != 0 {
        let found = "the supply's voltage is too low now: the board may stop, or spoil its disk";
        findings.push(Finding::fault(found, SUPPLY));
    } else if ever & UNDER_VOLTAGE != 0 {
        findings.push(Finding::warning("the supply's voltage was too low since boot", SUPPLY));
    }
    let slow = CAPPED | THROTTLED | SOFT_LIMIT;
    // A weak supply slows the board as well, and is told already.
    if now & slow != 0 && now & UNDER_VOLTAGE == 0 {
        findings.push(Finding::warning("the firmware slows the board down now", COOL));
    } else if ever & slow != 0 && findings.is_empty() {
        findings.push(Finding::warning("the firmware slowed the board down since boot", COOL));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("not slowed down, and the supply held, since boot"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::super::host::tree;
    use super::*;

    #[test]
    fn the_hottest_sensor_that_can_be_believed_is_told() {
        let (_folder, jetson) = tree(&[
            ("/sys/class/thermal/thermal_zone0/type", "CPU-therm\n"),
            ("/sys/class/thermal/thermal_zone0/temp", "41500\n"),
            ("/sys/class/thermal/thermal_zone1/type", "PMIC-Die\n"),
            ("/sys/class/thermal/thermal_zone1/temp", "100000\n"),
            ("/sys/class/thermal/thermal_zone2/type", "AO-therm\n"),
            ("/sys/class/thermal/thermal_zone2/temp", "-256000\n"),
            ("/sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
        ]);
        assert_eq!(temperature(&jetson), Finding::ok("42 °C (CPU-therm)"));
        let (_folder, pi) = tree(&[
            ("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("/sys/class/thermal/thermal_zone0/temp", "84212\n"),
        ]);
        assert_eq!(temperature(&pi), Finding::warning("84 °C (cpu-thermal)", COOL));
        assert_eq!(temperature(&tree(&[]).1).status, Status::Ok);
    }

    #[test]
    fn what_a_pis_firmware_says_is_told_in_words() {
        let pi = |said: &str, soc: &str| {
            let file = format!("/sys/devices/platform/{soc}/{soc}:firmware/get_throttled");
            let (_folder, host) = tree(&[(&file, said)]);
            throttling(&host)
        };
        let statuses = |said| pi(said, "soc").iter().map(|finding| finding.status).collect::<Vec<_>>();
        assert_eq!(statuses("0\n"), [Status::Ok]);
        assert_eq!(statuses("50000\n"), [Status::Warning]);
        assert_eq!(statuses("50005\n"), [Status::Fault]);
        assert_eq!(statuses("80008\n"), [Status::Warning]);
        assert_eq!(statuses("80000\n"), [Status::Warning]);
        assert!(pi("50005", "soc")[0].found.contains("too low now"));
        assert!(pi("80008", "soc")[0].found.contains("slows the board down now"));
        assert!(pi("10000", "soc@107c000000")[0].found.contains("too low since boot"));
        assert_eq!(statuses("what?"), [Status::Warning]);
        assert!(throttling(&tree(&[]).1)[0].found.starts_with("not a Raspberry Pi"));
    }
}
