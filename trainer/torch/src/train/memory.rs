//! Settings of the memory allocator for training, in which every step needs the same memory again.

/// Makes the allocator keep freed memory for the tensors of the next step. By default glibc maps each block above a threshold (at
/// most 32 MiB, mallopt(3)) separately, and returns it to the kernel when it is freed. The kernel would then have to clear and map
/// the activations of a batch at every step. `scripts/bench-training` compares with PyTorch, which does not do this.
#[expect(unsafe_code, reason = "the C library has no safe interface to its allocator")]
pub fn retain_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two numbers and sets parameters of the allocator, at any time and from any thread. An allocator without
    // these parameters returns 0 and changes nothing, which is only slower.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "the C library has no safe interface to its allocator")]
    fn a_large_block_is_not_mapped_separately() {
        retain_freed_memory();
        // SAFETY: mallinfo2 takes nothing and returns counts of the allocator.
        let mapped = || unsafe { libc::mallinfo2() }.hblks;
        let before = mapped();
        // Larger blocks are only possible in the main thread, which trains: arenas of other threads have at most 64 MiB.
        let block = vec![1u8; 48 << 20];
        assert!(mapped() <= before, "{} blocks of {} bytes", mapped() - before, block.len());
    }
}
