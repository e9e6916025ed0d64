//! Checks the watchdogs: systemd's for the daemon, and the hardware watchdog of the board.

use super::CheckContext;
use super::finding::Finding;
use super::host::Host;
use super::service::ServiceUnit;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    vec![check_unit(context.unit.as_ref()), check_board(&context.host)]
}

/// systemd's watchdog, which the daemon notifies while it processes frames and decisions.
fn check_unit(unit: Option<&ServiceUnit>) -> Finding {
    match unit.filter(|unit| unit.is_installed()) {
        None => Finding::ok("the daemon has no watchdog: no unit runs it"),
        Some(unit) => match unit.watchdog() {
            Some(time) => Finding::ok(format!("systemd restarts the daemon if it hangs for {time}")),
            None => Finding::warning(
                "the daemon is not restarted if it hangs: the unit has no WatchdogSec",
                "remove the override of the unit: `systemctl revert ostiary`",
            ),
        },
    }
}

/// The hardware watchdog of the board, which systemd notifies if `RuntimeWatchdogSec` is set.
fn check_board(host: &Host) -> Finding {
    const FOLDER: &str = "/sys/class/watchdog";
    let Some(name) = host.list_names(FOLDER, "watchdog").into_iter().next() else {
        return Finding::ok("this computer has no hardware watchdog");
    };
    let read = |file: &str| host.read_text(format!("{FOLDER}/{name}/{file}")).unwrap_or_default();
    let identity = read("identity");
    match read("state").as_str() {
        "active" => Finding::ok(format!("{name} ({identity}) restarts the board if it hangs")),
        "inactive" => Finding::warning(
            format!("{name} ({identity}) is not used: the board is not restarted if it hangs"),
            "set RuntimeWatchdogSec=15s in /etc/systemd/system.conf and restart the board",
        ),
        _ => Finding::ok(format!("{name} ({identity}) does not report whether it is used")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::super::host::host_with_files;
    use super::*;

    #[test]
    fn the_state_of_the_hardware_watchdog_is_reported() {
        let board = |state: &str| {
            let (_folder, host) = host_with_files(&[
                ("/sys/class/watchdog/watchdog0/identity", "Broadcom BCM2835 Watchdog timer\n"),
                ("/sys/class/watchdog/watchdog0/state", state),
            ]);
            check_board(&host)
        };
        assert_eq!(
            board("active\n"),
            Finding::ok("watchdog0 (Broadcom BCM2835 Watchdog timer) restarts the board if it hangs")
        );
        let unused = board("inactive\n");
        assert_eq!(unused.status, Status::Warning);
        assert!(unused.fix.is_some_and(|fix| fix.contains("RuntimeWatchdogSec=15s")));
        assert_eq!(board("").status, Status::Ok);
        assert_eq!(check_board(&host_with_files(&[]).1).status, Status::Ok);
    }
}
