//! Whether the system's clock is synchronized.

use std::io;

/// An error that the kernel allows for and that no synchronized clock reaches, microseconds.
const NEVER_SYNCHRONIZED: libc::c_long = 16_000_000;

/// Whether the kernel takes its clock for synchronized: its greatest error is below 16 s, which is what `timedatectl`
/// goes by. systemd-timesyncd, chrony and ntpd all keep that figure up to date.
///
/// The kernel is asked, and not `timedated`: it needs no bus, starts no service and answers in microseconds.
///
/// # Errors
/// Where a filter of system calls forbids to ask, as `ProtectClock=` of systemd does.
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
