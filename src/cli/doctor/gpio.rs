//! Checks the GPIO lines. The lines of relay, lamps and buzzer are not opened. The lines of exit button and door contact
//! are read if they are free.

use ostiary_config::{GpioBackend, Relay, Signals};
use ostiary_devices::{
    ChipState, DoorInput, GpioError, InputLevels, InputState, LineState, chips, inspect, inspect_inputs,
};

use super::CheckContext;
use super::door_answer::DoorAnswer;
use super::finding::{Finding, Status};
use super::host::{Holder, Host};

pub fn check_relay(context: &CheckContext) -> Vec<Finding> {
    let relay = &context.config().relay;
    if relay.line.is_none() {
        return vec![Finding::warning(
            "no relay: no door opens",
            "set relay.line to the GPIO line of the relay",
        )];
    }
    check_outputs(&context.host, relay, &Signals::default())
}

pub fn check_signals(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    let findings =
        check_outputs(&context.host, &Relay { line: None, ..config.relay.clone() }, &config.signals);
    if findings.is_empty() { vec![Finding::ok("none: no lamp and no buzzer is set")] } else { findings }
}

pub fn check_inputs(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    if config.inputs.is_empty() {
        return vec![Finding::ok("none: no exit button and no door contact is set")];
    }
    // The levels of lines that the running door holds.
    let levels = match (&context.door, &context.daemon) {
        (DoorAnswer::State(state), Some(_)) => {
            InputLevels { exit: state.exit_pressed, contact: state.door_open }
        }
        _ => InputLevels::default(),
    };
    let inputs = inspect_inputs(&config.inputs, &config.relay).into_iter();
    inputs.map(|input| evaluate_input(input, levels, &|| line_holders(&context.host), &chips)).collect()
}

/// A finding for each output line that is configured.
fn check_outputs(host: &Host, relay: &Relay, signals: &Signals) -> Vec<Finding> {
    let lines = inspect(relay, signals).into_iter();
    lines.map(|line| evaluate_line(line, relay.backend, &|| line_holders(host), &chips)).collect()
}

/// The processes that hold GPIO lines of any chip. The kernel does not report which lines.
fn line_holders(host: &Host) -> Vec<Holder> {
    host.holders(|open| open.to_string_lossy().starts_with("anon_inode:gpio"))
}

fn evaluate_line(
    line: Result<LineState, GpioError>,
    backend: GpioBackend,
    holders: &dyn Fn() -> Vec<Holder>,
    chips: &dyn Fn() -> Vec<ChipState>,
) -> Finding {
    let LineState { what, chip, line, name, consumer } = match line {
        Ok(state) => state,
        Err(GpioError::ChipMissing { what, chip, key }) => {
            return missing_chip(&format!("{what}: there is no GPIO chip {}", chip.display()), key, &chips());
        }
        Err(GpioError::NotAChip { what, chip, key }) => {
            return missing_chip(&format!("{what}: {} is not a GPIO chip", chip.display()), key, &chips());
        }
        Err(error) => return Finding::from_error(Status::Fault, &error, "run `gpioinfo` to see the lines"),
    };
    let name = if name.is_empty() { name } else { format!(" ({name})") };
    let line = format!("{what}: line {line}{name} of {}", chip.display());
    match consumer.as_deref() {
        None if backend == GpioBackend::Rppal => {
            Finding::ok(format!("{line} exists (rppal does not report whether it is free)"))
        }
        None => Finding::ok(format!("{line} exists and is free")),
        Some(user) if user.starts_with("ostiary") => {
            Finding::ok(format!("{line} is held by the running daemon"))
        }
        Some(user) => {
            let user = if user.is_empty() { "a process without a name" } else { user };
            let holders: Vec<String> = holders().iter().map(ToString::to_string).collect();
            let fix = match holders.as_slice() {
                // A kernel driver, or a process of another user.
                [] => "if a program uses it, `sudo ostiary doctor` names it; if a driver uses it, disable the driver \
                       (on a Raspberry Pi in /boot/firmware/config.txt), or configure another line"
                    .to_owned(),
                holders => format!(
                    "stop it (GPIO lines are held by {}), or configure another line",
                    holders.join(" and ")
                ),
            };
            Finding::fault(format!("{line} is in use by {user}"), fix)
        }
    }
}

fn evaluate_input(
    input: Result<InputState, GpioError>,
    levels: InputLevels,
    holders: &dyn Fn() -> Vec<Holder>,
    chips: &dyn Fn() -> Vec<ChipState>,
) -> Finding {
    let (line, level) = match input {
        Ok(InputState { input, line, active }) => {
            let active = active.or(match input {
                DoorInput::Exit => levels.exit,
                DoorInput::Contact => levels.contact,
            });
            (Ok(line), active.map(|active| (input, active)))
        }
        Err(error) => (Err(error), None),
    };
    let finding = evaluate_line(line, GpioBackend::Gpiocdev, holders, chips);
    let with_level = |level: &str| format!("{}, and {level}", finding.found);
    match level {
        // Another program has the line.
        _ if finding.status == Status::Fault => finding,
        None => finding,
        Some((DoorInput::Exit, false)) => Finding::ok(with_level("the button is not pressed")),
        Some((DoorInput::Exit, true)) => Finding::warning(
            with_level("the button is pressed"),
            "release it; if nobody presses it, invert inputs.exit_active, or check inputs.exit_bias and the wires",
        ),
        Some((DoorInput::Contact, false)) => Finding::ok(with_level("the door is closed")),
        Some((DoorInput::Contact, true)) => Finding::warning(
            with_level("the door is open"),
            "close it; if it is closed, invert inputs.contact_active, or check inputs.contact_bias and the wires",
        ),
    }
}

/// The finding for a chip that does not exist. It names the chips that do.
fn missing_chip(found: &str, key: &str, chips: &[ChipState]) -> Finding {
    let shown: Vec<String> = chips
        .iter()
        .map(|chip| format!("{} ({}, {} lines)", chip.path.display(), chip.label, chip.lines))
        .collect();
    Finding::fault(
        found,
        match shown.as_slice() {
            [] => format!("there is no GPIO chip for {key}: check /dev/gpiochip* and its permissions"),
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
        evaluate_line(
            Ok(state),
            GpioBackend::Gpiocdev,
            &|| vec![Holder { pid: 812, name: "gpioset".into() }],
            &Vec::new,
        )
    }

    #[test]
    fn a_line_may_be_held_by_the_daemon_only() {
        assert_eq!(
            held_by(None),
            Finding::ok("relay: line 17 (GPIO17) of /dev/gpiochip0 exists and is free")
        );
        assert_eq!(held_by(Some("ostiary relay")).status, Status::Ok);
        for other in ["", "spi0 CS1"] {
            let finding = held_by(Some(other));
            assert_eq!(finding.status, Status::Fault);
            assert!(finding.found.contains("in use by") && finding.found.contains(other), "{finding}");
            assert!(finding.fix.unwrap().contains("held by process 812 (gpioset)"));
        }
    }

    #[test]
    fn a_missing_chip_is_reported_with_the_existing_chips() {
        let wrong = |chips: Vec<ChipState>| {
            let (chip, key) = ("/dev/gpiochip4".into(), "relay.chip");
            let error = GpioError::ChipMissing { what: "relay", chip, key };
            evaluate_line(Err(error), GpioBackend::Gpiocdev, &Vec::new, &|| chips.clone()).to_string()
        };
        let pi = ChipState { path: "/dev/gpiochip0".into(), label: "pinctrl-rp1".into(), lines: 54 };
        assert_eq!(
            wrong(vec![pi]),
            "relay: there is no GPIO chip /dev/gpiochip4; set relay.chip to one of /dev/gpiochip0 (pinctrl-rp1, 54 \
             lines)"
        );
        assert!(wrong(Vec::new()).contains("there is no GPIO chip for relay.chip"));
    }

    #[test]
    fn the_level_of_an_input_is_reported_unless_another_program_has_it() {
        let with = |input: DoorInput, consumer: Option<&str>, active, levels| {
            let line = LineState {
                what: input.what(),
                chip: "/dev/gpiochip0".into(),
                line: 23,
                name: String::new(),
                consumer: consumer.map(str::to_owned),
            };
            evaluate_input(Ok(InputState { input, line, active }), levels, &Vec::new, &Vec::new)
        };
        let finding = |input, consumer, active| with(input, consumer, active, InputLevels::default());
        let free = "exit button: line 23 of /dev/gpiochip0 exists and is free, and the button is not pressed";
        assert_eq!(finding(DoorInput::Exit, None, Some(false)), Finding::ok(free));
        let pressed = finding(DoorInput::Exit, None, Some(true));
        assert_eq!(pressed.status, Status::Warning);
        assert!(pressed.fix.unwrap().contains("inputs.exit_active"));
        assert!(finding(DoorInput::Contact, None, Some(false)).found.ends_with("the door is closed"));
        let open = finding(DoorInput::Contact, None, Some(true));
        assert!(
            open.found.ends_with("the door is open") && open.fix.unwrap().contains("inputs.contact_active")
        );
        let held = finding(DoorInput::Contact, Some("ostiary door contact"), None);
        assert!(held.found.ends_with("is held by the running daemon"), "{held}");
        // The running door tells the levels of its lines.
        let levels = InputLevels { exit: Some(true), contact: Some(false) };
        let held = with(DoorInput::Contact, Some("ostiary door contact"), None, levels);
        assert!(held.found.ends_with("is held by the running daemon, and the door is closed"), "{held}");
        let held = with(DoorInput::Exit, Some("ostiary exit button"), None, levels);
        assert!(
            held.status == Status::Warning && held.found.ends_with("and the button is pressed"),
            "{held}"
        );
        assert_eq!(with(DoorInput::Exit, Some("gpio-keys"), None, levels).status, Status::Fault);
    }

    #[test]
    fn processes_that_hold_lines_are_found() {
        let (folder, host) = super::super::host::host_with_files(&[("/proc/812/comm", "gpioset\n")]);
        let fd = folder.path().join("proc/812/fd");
        std::fs::create_dir(&fd).unwrap();
        std::os::unix::fs::symlink("anon_inode:gpio-line", fd.join("4")).unwrap();
        assert_eq!(line_holders(&host), [Holder { pid: 812, name: "gpioset".into() }]);
    }
}
