//! How the allocator keeps memory that was freed.

use libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, c_int, mallopt};

/// From this size on, memory that is freed goes back to the system at once, bytes.
const LARGE: c_int = 256 * 1024;

/// Gives freed memory back to the system. By default glibc keeps the 12 MB of a derived key, once it was freed for the first time, and
/// has an arena for each thread.
pub fn return_freed() {
    for (option, value) in [(M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE), (M_ARENA_MAX, 2)] {
        // SAFETY: sets numbers of the allocator, and is called before there are other threads. A value that is refused changes nothing.
        unsafe { mallopt(option, value) };
    }
}
