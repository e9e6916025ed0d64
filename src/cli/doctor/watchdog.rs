//! What restarts a daemon that hangs, and a board that hangs.

use super::Door;
use super::finding::Finding;
use super::host::Host;
use super::service::Unit;

pub fn check(door: &Door) -> Vec<Finding> {
    vec![of_unit(door.unit.as_ref()), of_board(&door.host)]
}

/// systemd's, which the daemon feeds while frames and decisions move.
fn of_unit(unit: Option<&Unit>) -> Finding {
    match unit.filter(|unit| unit.is_installed()) {
        None => Finding::ok("the daemon has none: no unit runs it"),
        Some(unit) => match unit.watchdog() {
            Some(time) => Finding::ok(format!("a daemon that does nothing for {time} is restarted")),
            None => Finding::warning(
                "nothing restarts a daemon that hangs: the unit has no WatchdogSec",
                "remove what overrides it: `systemctl revert ostiary`",
            ),
        },
    }
}

/// The board's, which systemd feeds where it is told to.
fn of_board(host: &Host) -> Finding {
    const FOLDER: &str = "/sys/class/watchdog";
    let Some(name) = host.names(FOLDER, "watchdog").into_iter().next() else {
        return Finding::ok("this machine has no watchdog of its own");
    };
    let of = |file: &str| host.text(format!("{FOLDER}/{name}/{file}")).unwrap_or_default();
    let identity = of("identity");
    match of("state").as_str() {
        "active" => Finding::ok(format!("{name} ({identity}) restarts a board that hangs")),
        "inactive" => Finding::warning(
            format!("{name} ({identity}) is there and not used: a board that hangs stays so"),
            "set RuntimeWatchdogSec=15s in /etc/systemd/system.conf and start the board again",
        ),
        _ => Finding::ok(format!("{name} ({identity}) does not say whether it is used")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::super::host::tree;
    use super::*;

    #[test]
    fn a_board_says_whether_its_watchdog_is_used() {
        let board = |state: &str| {
            let (_folder, host) = tree(&[
                ("/sys/class/watchdog/watchdog0/identity", "Broadcom BCM2835 Watchdog timer\n"),
                ("/sys/class/watchdog/watchdog0/state", state),
            ]);
            of_board(&host)
        };
        assert_eq!(
            board("active\n"),
            Finding::ok("watchdog0 (Broadcom BCM2835 Watchdog timer) restarts a board that hangs")
        );
        let unused = board("inactive\n");
        assert_eq!(unused.status, Status::Warning);
        assert!(unused.mend.is_some_and(|mend| mend.contains("RuntimeWatchdogSec=15s")));
        assert_eq!(board("").status, Status::Ok);
        assert_eq!(of_board(&tree(&[]).1).status, Status::Ok);
    }
}
