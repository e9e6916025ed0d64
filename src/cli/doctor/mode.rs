//! Checks the mode of the door: a lockdown, or a hold.

use jiff::Timestamp;

use super::CheckContext;
use super::finding::Finding;
use crate::daemon::mode_file::{self, ModeOnDisk};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let mode = mode_file::read(&mode_file::path_beside(&context.config().events.path));
    vec![evaluate(&mode, context.daemon.is_some(), Timestamp::now())]
}

fn evaluate(mode: &ModeOnDisk, is_running: bool, now: Timestamp) -> Finding {
    let fix = mode.fix();
    match mode {
        ModeOnDisk::HeldOpen(saved) if is_running && saved.until().is_some_and(|until| until > now) => {
            let until = saved.until().unwrap_or(now);
            Finding::warning(format!("the door is held open until {until:.0}, {saved}"), fix)
        }
        // A hold ends with its time, and with the daemon.
        ModeOnDisk::Normal | ModeOnDisk::HeldOpen(_) => Finding::ok("normal"),
        ModeOnDisk::LockedDown(saved) => {
            Finding::warning(format!("the door is locked down {saved}: faces do not open it"), fix)
        }
        ModeOnDisk::Unknown { why, .. } => Finding::fault(
            format!(
                "{why}; it is not known whether a command has locked the door down, so that it is locked down from the next start \
                 on: faces do not open it, the exit button does"
            ),
            fix,
        ),
    }
}

#[cfg(test)]
mod tests {
    use ostiary_access::ModeName;
    use ostiary_events::User;

    use super::*;
    use crate::cli::doctor::finding::Status;
    use crate::daemon::mode_file::SavedMode;

    fn saved(mode: ModeName, until: Option<i64>) -> SavedMode {
        let until = until.map(|second| Timestamp::from_second(second).unwrap());
        SavedMode::new(mode, Timestamp::UNIX_EPOCH, until, Some(&User::Process { uid: 1000, sudo_uid: None }))
    }

    #[test]
    fn a_lockdown_and_a_running_hold_are_warnings_and_a_damaged_file_is_a_fault() {
        let now = Timestamp::from_second(50).unwrap();
        let held = |until| ModeOnDisk::HeldOpen(saved(ModeName::HeldOpen, Some(until)));
        let finding = evaluate(&held(51), true, now);
        assert_eq!(finding.status, Status::Warning);
        assert_eq!(
            finding.found,
            "the door is held open until 1970-01-01T00:00:51Z, since 1970-01-01T00:00:00Z, by a command of user 1000"
        );
        for (mode, is_running) in [(held(50), true), (held(51), false), (ModeOnDisk::Normal, true)] {
            assert_eq!(evaluate(&mode, is_running, now), Finding::ok("normal"), "{mode:?}");
        }
        for is_running in [true, false] {
            let mode = ModeOnDisk::LockedDown(saved(ModeName::LockedDown, None));
            let finding = evaluate(&mode, is_running, now);
            assert_eq!(finding.status, Status::Warning);
            assert!(finding.found.contains("locked down since 1970"), "{finding}");
        }
        let mode = ModeOnDisk::Unknown { why: "mode.json is damaged: x".into(), fix: "replace it" };
        let finding = evaluate(&mode, true, now);
        assert_eq!(finding.status, Status::Fault);
        assert!(finding.found.starts_with("mode.json is damaged: x; it is not known"), "{finding}");
        assert!(finding.to_string().contains("replace it"), "{finding}");
    }
}
