//! Counts allocations. A test that uses it sets [`Allocator::system`](tracking_allocator::Allocator::system) as its global allocator.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker};

/// Number of allocations while they are counted.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counter;

impl AllocationTracker for Counter {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {}
}

/// The number of allocations of an action, with its result. To be called once in a process.
pub fn allocations<T>(action: impl FnOnce() -> T) -> (usize, T) {
    AllocationRegistry::set_global_tracker(Counter).expect("allocations are counted once in a process");
    AllocationRegistry::enable_tracking();
    drop(black_box(Box::new(1)));
    let result = action();
    AllocationRegistry::disable_tracking();
    let count = ALLOCATIONS.load(Ordering::Relaxed);
    assert!(count > 0, "the box was not counted: the global allocator is another one");
    (count - 1, result)
}
