//! Pictures of strangers on their way from the vision thread to the store thread: slots of fixed buffers. The vision thread never
//! waits, and neither thread allocates a picture.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ostiary_core::{Frame, TrackId};
use ostiary_vision::FACE_PICTURE_SIDE;

/// The pictures that can wait.
const SLOTS: usize = 4;

/// The slots.
#[derive(Default)]
pub struct SnapshotSlots {
    slots: Mutex<[Slot; SLOTS]>,
    /// The pictures that found no free slot.
    dropped: AtomicU64,
}

/// A slot: free without a track.
#[derive(Default)]
struct Slot {
    track: Option<TrackId>,
    picture: Frame,
}

/// A frame with the room for a picture of a face.
pub fn new_picture() -> Frame {
    let mut picture = Frame::default();
    picture.reshape(FACE_PICTURE_SIDE as u32, FACE_PICTURE_SIDE as u32);
    picture
}

impl SnapshotSlots {
    /// Makes the room for the pictures. To be called before the first one.
    pub fn allocate(&self) {
        for slot in &mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner) {
            if slot.picture.width() == 0 {
                slot.picture = new_picture();
            }
        }
    }

    /// Hands on the picture of a track, and leaves another buffer in its place. If there is no free slot at this moment, the
    /// picture is dropped.
    pub fn put(&self, track: TrackId, picture: &mut Frame) {
        let mut slots = self.slots.try_lock().ok();
        let slot = slots.as_mut().and_then(|slots| slots.iter_mut().find(|slot| slot.track.is_none()));
        match slot {
            Some(slot) => {
                slot.track = Some(track);
                std::mem::swap(&mut slot.picture, picture);
            }
            None => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes a picture by exchanging it with the buffer of the caller, and returns its track; `None` if there is none.
    pub fn take(&self, picture: &mut Frame) -> Option<TrackId> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.iter_mut().find(|slot| slot.track.is_some())?;
        std::mem::swap(&mut slot.picture, picture);
        slot.track.take()
    }

    /// The pictures that were dropped since the last call.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: u8) -> Frame {
        Frame::from_rgb(1, 1, vec![value; 3]).unwrap()
    }

    #[test]
    fn pictures_are_exchanged_for_buffers_and_one_without_a_free_slot_is_dropped_and_counted() {
        let slots = SnapshotSlots::default();
        slots.allocate();
        for track in 0..=SLOTS as u64 {
            let mut buffer = picture(track as u8);
            slots.put(TrackId(track), &mut buffer);
            let is_taken = buffer.width() as usize == FACE_PICTURE_SIDE;
            assert_eq!(is_taken, track < SLOTS as u64, "{track}");
        }
        assert_eq!((slots.take_dropped(), slots.take_dropped()), (1, 0));
        let mut buffer = new_picture();
        let mut taken = Vec::new();
        while let Some(track) = slots.take(&mut buffer) {
            taken.push((track.0, buffer.rgb()[0]));
        }
        assert_eq!(taken, [(0, 0), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn the_vision_thread_does_not_wait_for_the_store_thread() {
        let slots = SnapshotSlots::default();
        let _reading = slots.slots.lock().unwrap();
        slots.put(TrackId(1), &mut picture(1));
        assert_eq!(slots.take_dropped(), 1);
    }
}
