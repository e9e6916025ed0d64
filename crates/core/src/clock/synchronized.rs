//! Whether the kernel counts the system's clock as synchronized.

use std::io;

/// An error that the kernel allows for and that no synchronized clock reaches, microseconds.
const NEVER_SYNCHRONIZED: libc::c_long = 16_000_000;

/// Whether the clock is synchronized, as the kernel says: its greatest possible error is below 16 s. systemd-timesyncd,
/// chrony and ntpd keep that figure up to date. It grows by 0.5 ms a second after they stop, and is 16 s again at once when
/// somebody sets the clock by hand. `timedatectl` uses the same rule.
///
/// The answer takes microseconds.
///
/// # Errors
/// A filter of system calls forbids the question, as `ProtectClock=` of systemd does.
pub fn is_synchronized() -> io::Result<bool> {
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
