//! The memory of tensors, which every step needs anew.

/// Has the allocator keep what tensors leave, for those of the next step. glibc maps each block above a threshold of its own
/// (32 MiB at most, mallopt(3)) by itself, and gives it back to the kernel when it is free, so that a batch's activations would
/// be cleared and paged in again at every step. `scripts/bench-training` times it beside PyTorch, which does not do this.
pub fn keep() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers and sets the allocator's own parameters, at any time and from any thread. An allocator
    // that knows neither of them returns 0 and goes on as before, which is slower and no fault.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_large_block_is_not_mapped_by_itself() {
        keep();
        // SAFETY: mallinfo2 takes nothing and returns the allocator's counts.
        let mapped = || unsafe { libc::mallinfo2() }.hblks;
        let before = mapped();
        // Larger ones only the main thread, which trains, has room for without a map: others' arenas end at 64 MiB.
        let block = vec![1u8; 48 << 20];
        assert!(mapped() <= before, "{} blocks of {} bytes", mapped() - before, block.len());
    }
}
