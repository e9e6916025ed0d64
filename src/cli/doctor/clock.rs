//! The clock that opening hours and the times of events go by.

use jiff::{Timestamp, ZonedDateTime};

use super::Door;
use super::finding::Finding;
use crate::clock::program_made;

const SET: &str = "turn on time synchronisation (`timedatectl set-ntp true`) and check the network";

pub fn check(door: &Door) -> Vec<Finding> {
    vec![judge(&ZonedDateTime::now(), program_made(), is_synchronised(), !door.config().hours.is_empty())]
}

fn judge(now: &ZonedDateTime, built: Timestamp, synchronised: bool, has_hours: bool) -> Finding {
    let shown = now.strftime("%Y-%m-%d %H:%M %Z");
    if now.timestamp() < built {
        let found =
            format!("{shown} cannot be right: the program was made on {}", built.strftime("%Y-%m-%d"));
        return if has_hours { Finding::fault(found, SET) } else { Finding::warning(found, SET) };
    }
    match (synchronised, has_hours) {
        (true, _) => Finding::ok(format!("{shown}, synchronised")),
        (false, true) => Finding::warning(format!("{shown}, not synchronised, and hours are set by it"), SET),
        (false, false) => Finding::ok(format!("{shown}, not synchronised, and no hours are set by it")),
    }
}

/// Whether the kernel takes its clock for right within 16 s, which is what `timedatectl` goes by.
fn is_synchronised() -> bool {
    // SAFETY: `timex` is plain data, for which all zeros are valid; with `modes` 0 the call changes nothing and
    // only writes the one that it is given.
    let (state, answer) = unsafe {
        let mut answer: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut answer), answer)
    };
    state >= 0 && answer.maxerror < 16_000_000
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_hangs_on_it() {
        let at = |text: &str| text.parse::<ZonedDateTime>().unwrap();
        let built = "2026-11-01T00:00:00Z".parse().unwrap();
        let judge = |now, synchronised, has_hours| judge(now, built, synchronised, has_hours);
        let (now, never_set) = (at("2031-05-04T12:00[Europe/Berlin]"), at("1970-01-01T00:03[UTC]"));
        assert_eq!(judge(&now, true, true), Finding::ok("2031-05-04 12:00 CEST, synchronised"));
        assert_eq!(judge(&now, false, true).status, Status::Warning);
        assert_eq!(judge(&now, false, false).status, Status::Ok);
        assert_eq!(judge(&never_set, true, true).status, Status::Fault);
        assert_eq!(judge(&never_set, true, false).status, Status::Warning);
        let before = judge(&at("2026-10-31T12:00[UTC]"), true, true);
        assert!(before.found.ends_with("cannot be right: the program was made on 2026-11-01"), "{before}");
    }
}
