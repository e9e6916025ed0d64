//! Whether the system's clock is synchronized.

use std::io;
use std::path::Path;

/// systemd-timesyncd makes this file when it has set the clock for the first time since the start of the system.
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// An error that the kernel allows for and that no synchronized clock reaches, microseconds.
const NEVER_SYNCHRONIZED: libc::c_long = 16_000_000;

/// Whether the clock was synchronized: by systemd-timesyncd since the start of the system, or as the kernel says, whose
/// greatest error is then below 16 s, as `timedatectl` has it. chrony and ntpd keep the kernel's figure up to date too.
///
/// The file comes first, because a hardened unit may forbid to ask the kernel. Both answer in microseconds.
///
/// # Errors
/// There is no such file, and a filter of system calls forbids to ask the kernel, as `ProtectClock=` of systemd does.
pub fn is_synchronized() -> io::Result<bool> {
    if Path::new(TIMESYNCD).exists() {
        return Ok(true);
    }
    // SAFETY: `timex` is plain data, for which all zeros are valid; with `modes` 0 the call changes nothing and
    // only writes the one that it is given.
    let (state, answer) = unsafe {
        let mut answer: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut answer), answer)
    };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer.maxerror < NEVER_SYNCHRONIZED)
}
