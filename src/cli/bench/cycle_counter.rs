//! The processor's cycle counter, as far as the kernel allows it.
#![expect(unsafe_code, reason = "no library in use has a safe function for perf_event_open")]

use std::fs::File;
use std::io::Read;

/// The cycles that one thread has spent in this program, without the kernel.
pub struct CycleCounter(File);

impl CycleCounter {
    /// Counts the cycles of the calling thread. `None` if the kernel does not allow it: see
    /// `/proc/sys/kernel/perf_event_paranoid`, or if the processor has no counter.
    #[cfg(target_os = "linux")]
    pub fn of_this_thread() -> Option<Self> {
        use std::os::fd::FromRawFd;

        // `struct perf_event_attr` of linux/perf_event.h in its first version, of 64 bytes. A hardware event (0) of the kind "cycles" (0).
        #[repr(C)]
        struct Attributes {
            kind: u32,
            size: u32,
            event: u64,
            period: u64,
            sample_type: u64,
            read_format: u64,
            flags: u64,
            wake_up: u32,
            breakpoint: u32,
            address: u64,
        }
        const SIZE: u32 = 64;
        const _: () = assert!(size_of::<Attributes>() == SIZE as usize);
        const EXCLUDE_KERNEL: u64 = 1 << 5;
        const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
        const CLOSE_ON_EXEC: u64 = 1 << 3;
        let attributes = Attributes {
            kind: 0,
            size: SIZE,
            event: 0,
            period: 0,
            sample_type: 0,
            read_format: 0,
            flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
            wake_up: 0,
            breakpoint: 0,
            address: 0,
        };
        let (this_thread, any_processor, no_group): (libc::pid_t, i32, i32) = (0, -1, -1);
        // SAFETY: the kernel reads `size` bytes of the attributes, which live until the call returns, and writes at most to `size`.
        let descriptor = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                this_thread,
                any_processor,
                no_group,
                CLOSE_ON_EXEC,
            )
        };
        let descriptor = i32::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0)?;
        // SAFETY: the kernel has just returned this descriptor, so nothing else owns it.
        Some(Self(unsafe { File::from_raw_fd(descriptor) })).filter(|counter| counter.read().is_some())
    }

    /// The cycles so far.
    pub fn read(&self) -> Option<u64> {
        let mut count = [0; size_of::<u64>()];
        (&self.0).read_exact(&mut count).ok()?;
        Some(u64::from_ne_bytes(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_increase_if_they_are_counted() {
        let Some(counter) = CycleCounter::of_this_thread() else { return };
        let start = counter.read().unwrap();
        let sum: u64 = (0..std::hint::black_box(100_000)).map(std::hint::black_box).sum();
        assert!(sum > 0 && counter.read().unwrap() > start);
    }
}
