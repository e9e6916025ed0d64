//! The lines of relay, lamps and buzzer, which are looked at and not taken.

use super::Door;
use super::finding::{Finding, Status};
use crate::act::gpio::{GpioError, LineState, inspect};
use crate::config::{GpioBackend, Relay, Signals};

pub fn check_relay(door: &Door) -> Vec<Finding> {
    let relay = &door.config().relay;
    if relay.line.is_none() {
        return vec![Finding::warning(
            "no relay: no door opens",
            "set relay.line to the GPIO line that the relay hangs on",
        )];
    }
    look(relay, &Signals::default())
}

pub fn check_signals(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let found = look(&Relay { line: None, ..config.relay.clone() }, &config.signals);
    if found.is_empty() { vec![Finding::ok("none: no lamp and no buzzer is set")] } else { found }
}

fn look(relay: &Relay, signals: &Signals) -> Vec<Finding> {
    inspect(relay, signals).into_iter().map(|line| judge(line, relay.backend)).collect()
}

fn judge(line: Result<LineState, GpioError>, backend: GpioBackend) -> Finding {
    let LineState { what, chip, line, name, consumer } = match line {
        Ok(state) => state,
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
            Finding::fault(
                format!("{line} is in use by {user}"),
                "stop that, or hang the output on another line and set it",
            )
        }
    }
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
        judge(Ok(state), GpioBackend::Gpiocdev)
    }

    #[test]
    fn a_line_that_the_daemon_holds_is_good_and_one_that_others_hold_is_not() {
        assert_eq!(held_by(None), Finding::ok("relay: line 17 (GPIO17) of /dev/gpiochip0 is there and free"));
        assert_eq!(held_by(Some("ostiary relay")).status, Status::Ok);
        for other in ["", "spi0 CS1"] {
            let finding = held_by(Some(other));
            assert_eq!(finding.status, Status::Fault);
            assert!(finding.found.contains("in use by") && finding.found.contains(other), "{finding}");
        }
    }
}
