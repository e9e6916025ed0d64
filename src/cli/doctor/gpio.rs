//! The lines of relay, lamps and buzzer, which are looked at and not taken, and those of button and contact, which are
//! also read where they are free.

use ostiary_config::{GpioBackend, Relay, Signals};
use ostiary_devices::{ChipState, GpioError, Input, InputState, LineState, chips, inspect, inspect_inputs};

use super::Door;
use super::finding::{Finding, Status};
use super::host::{Holder, Host};

pub fn check_relay(door: &Door) -> Vec<Finding> {
    let relay = &door.config().relay;
    if relay.line.is_none() {
        return vec![Finding::warning(
            "no relay: no door opens",
            "set relay.line to the GPIO line that the relay hangs on",
        )];
    }
    look(&door.host, relay, &Signals::default())
}

pub fn check_signals(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let found = look(&door.host, &Relay { line: None, ..config.relay.clone() }, &config.signals);
    if found.is_empty() { vec![Finding::ok("none: no lamp and no buzzer is set")] } else { found }
}

pub fn check_inputs(door: &Door) -> Vec<Finding> {
    let config = door.config();
    if config.inputs.is_empty() {
        return vec![Finding::ok("none: no exit button and no door contact is set")];
    }
    let inputs = inspect_inputs(&config.inputs, &config.relay).into_iter();
    inputs.map(|input| judge_input(input, &|| holders(&door.host), &chips)).collect()
}

fn look(host: &Host, relay: &Relay, signals: &Signals) -> Vec<Finding> {
    let lines = inspect(relay, signals).into_iter();
    lines.map(|line| judge(line, relay.backend, &|| holders(host), &chips)).collect()
}

/// The processes that hold GPIO lines, of whatever chip: the kernel tells no more.
fn holders(host: &Host) -> Vec<Holder> {
    host.holders(|open| open.to_string_lossy().starts_with("anon_inode:gpio"))
}

fn judge(
    line: Result<LineState, GpioError>,
    backend: GpioBackend,
    holders: &dyn Fn() -> Vec<Holder>,
    chips: &dyn Fn() -> Vec<ChipState>,
) -> Finding {
    let LineState { what, chip, line, name, consumer } = match line {
        Ok(state) => state,
        Err(GpioError::ChipMissing { what, chip, key }) => {
            return no_chip(&format!("{what}: there is no GPIO chip {}", chip.display()), key, &chips());
        }
        Err(GpioError::NotAChip { what, chip, key }) => {
            return no_chip(&format!("{what}: {} is not a GPIO chip", chip.display()), key, &chips());
        }
        Err(error) => return Finding::of_error(Status::Fault, &error, "run `gpioinfo` to see the lines"),
    };
    let name = if name.is_empty() { name } else { format!(" ({name})") };
    let line = format!("{what}: line {line}{name} of {}", chip.display());
    match consumer.as_deref() {
        None if backend == GpioBackend::Rppal => {
            Finding::ok(format!("{line} is there (rppal cannot tell whether it is free)"))
        }
        None => Finding::ok(format!("{line} is there and free")),
        Some(user) if user.starts_with("ostiary") => {
            Finding::ok(format!("{line} is held by the running daemon"))
        }
        Some(user) => {
            let user = if user.is_empty() { "somebody who gave no name" } else { user };
            let holders: Vec<String> = holders().iter().map(ToString::to_string).collect();
            let mend = match holders.as_slice() {
                // A driver of the kernel, or a process of another user.
                [] => "if a program has it, `sudo ostiary doctor` says which; if a driver has it, turn that off \
                       (on a Raspberry Pi in /boot/firmware/config.txt), or use another line and set it"
                    .to_owned(),
                holders => format!(
                    "stop it (GPIO lines are held by {}), or use another line and set it",
                    holders.join(" and ")
                ),
            };
            Finding::fault(format!("{line} is in use by {user}"), mend)
        }
    }
}

fn judge_input(
    input: Result<InputState, GpioError>,
    holders: &dyn Fn() -> Vec<Holder>,
    chips: &dyn Fn() -> Vec<ChipState>,
) -> Finding {
    let (line, level) = match input {
        Ok(InputState { input, line, active }) => (Ok(line), active.map(|active| (input, active))),
        Err(error) => (Err(error), None),
    };
    let finding = judge(line, GpioBackend::Gpiocdev, holders, chips);
    let says = |says: &str| format!("{}, and says that {says}", finding.found);
    match level {
        None => finding,
        Some((Input::Exit, false)) => Finding::ok(says("the button is not pressed")),
        Some((Input::Exit, true)) => Finding::warning(
            says("the button is pressed"),
            "let go of it; if nobody presses it, turn inputs.exit_active round, or check inputs.exit_bias and the wires",
        ),
        Some((Input::Contact, false)) => Finding::ok(says("the door is closed")),
        Some((Input::Contact, true)) => Finding::warning(
            says("the door is open"),
            "close it; if it is closed, turn inputs.contact_active round, or check inputs.contact_bias and the wires",
        ),
    }
}

/// Names the chips that there are, for the key that names none of them.
fn no_chip(found: &str, key: &str, chips: &[ChipState]) -> Finding {
    let shown: Vec<String> = chips
        .iter()
        .map(|chip| format!("{} ({}, {} lines)", chip.path.display(), chip.label, chip.lines))
        .collect();
    Finding::fault(
        found,
        match shown.as_slice() {
            [] => format!("there is no GPIO chip to set {key} to: check /dev/gpiochip* and who may open it"),
            shown => format!("set {key} to one of {}", shown.join(", ")),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(consumer: Option<&str>) -> Finding {
        let state = LineState {
            what: "relay",
            chip: "/dev/gpiochip0".into(),
            line: 17,
            name: "GPIO17".into(),
            consumer: consumer.map(str::to_owned),
        };
        judge(
            Ok(state),
            GpioBackend::Gpiocdev,
            &|| vec![Holder { pid: 812, name: "gpioset".into() }],
            &Vec::new,
        )
    }

    #[test]
    fn a_line_that_the_daemon_holds_is_good_and_one_that_others_hold_is_not() {
        assert_eq!(held_by(None), Finding::ok("relay: line 17 (GPIO17) of /dev/gpiochip0 is there and free"));
        assert_eq!(held_by(Some("ostiary relay")).status, Status::Ok);
        for other in ["", "spi0 CS1"] {
            let finding = held_by(Some(other));
            assert_eq!(finding.status, Status::Fault);
            assert!(finding.found.contains("in use by") && finding.found.contains(other), "{finding}");
            assert!(finding.mend.unwrap().contains("held by process 812 (gpioset)"));
        }
    }

    #[test]
    fn a_wrong_chip_is_told_with_those_that_are_there() {
        let wrong = |chips: Vec<ChipState>| {
            let (chip, key) = ("/dev/gpiochip4".into(), "relay.chip");
            let error = GpioError::ChipMissing { what: "relay", chip, key };
            judge(Err(error), GpioBackend::Gpiocdev, &Vec::new, &|| chips.clone()).to_string()
        };
        let pi = ChipState { path: "/dev/gpiochip0".into(), label: "pinctrl-rp1".into(), lines: 54 };
        assert_eq!(
            wrong(vec![pi]),
            "relay: there is no GPIO chip /dev/gpiochip4; set relay.chip to one of /dev/gpiochip0 (pinctrl-rp1, 54 \
             lines)"
        );
        assert!(wrong(Vec::new()).contains("no GPIO chip to set relay.chip to"));
    }

    #[test]
    fn an_input_tells_its_level_where_it_is_free() {
        let finding = |input: Input, consumer: Option<&str>, active| {
            let line = LineState {
                what: input.what(),
                chip: "/dev/gpiochip0".into(),
                line: 23,
                name: String::new(),
                consumer: consumer.map(str::to_owned),
            };
            judge_input(Ok(InputState { input, line, active }), &Vec::new, &Vec::new)
        };
        let free = "exit button: line 23 of /dev/gpiochip0 is there and free, and says that the button is not pressed";
        assert_eq!(finding(Input::Exit, None, Some(false)), Finding::ok(free));
        let pressed = finding(Input::Exit, None, Some(true));
        assert_eq!(pressed.status, Status::Warning);
        assert!(pressed.mend.unwrap().contains("inputs.exit_active"));
        assert!(finding(Input::Contact, None, Some(false)).found.ends_with("the door is closed"));
        let open = finding(Input::Contact, None, Some(true));
        assert!(
            open.found.ends_with("the door is open") && open.mend.unwrap().contains("inputs.contact_active")
        );
        let held = finding(Input::Contact, Some("ostiary door contact"), None);
        assert!(held.found.ends_with("is held by the running daemon"), "{held}");
        assert_eq!(finding(Input::Exit, Some("gpio-keys"), None).status, Status::Fault);
    }

    #[test]
    fn processes_with_lines_are_found() {
        let (folder, host) = super::super::host::tree(&[("/proc/812/comm", "gpioset\n")]);
        let fd = folder.path().join("proc/812/fd");
        std::fs::create_dir(&fd).unwrap();
        std::os::unix::fs::symlink("anon_inode:gpio-line", fd.join("4")).unwrap();
        assert_eq!(holders(&host), [Holder { pid: 812, name: "gpioset".into() }]);
    }
}
