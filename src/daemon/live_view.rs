//! The newest frame with its faces, for those who watch: the live view and the enrollment before the door's camera. The vision
//! thread copies a frame only while somebody watches, and never waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_core::{Frame, MAX_FACES};
use ostiary_pipeline::TrackedFace;

/// The longest wait for a frame, before a watcher is told that there is none.
const FRAME_WAIT: Duration = Duration::from_secs(1);

/// The newest frame for those who watch.
#[derive(Default)]
pub struct LiveView {
    /// How many watch.
    watchers: AtomicUsize,
    newest: Mutex<LiveFrame>,
    changed: Condvar,
}

/// A frame with its faces.
#[derive(Default)]
pub struct LiveFrame {
    /// Counts the frames; 0 for none yet.
    pub number: u64,
    /// The frame.
    pub frame: Frame,
    /// The tracked faces in it.
    pub faces: heapless::Vec<TrackedFace, MAX_FACES>,
}

impl LiveView {
    /// Takes a frame, if somebody watches and nobody reads the one before at this moment.
    pub fn put(&self, frame: &Frame, faces: &[TrackedFace]) {
        if self.watchers.load(Ordering::Acquire) == 0 {
            return;
        }
        let Ok(mut newest) = self.newest.try_lock() else { return };
        newest.number += 1;
        newest.frame.reshape(frame.width(), frame.height());
        newest.frame.rgb_mut().copy_from_slice(frame.rgb());
        newest.frame.time = frame.time;
        newest.faces.clear();
        // There is room: there are at most `MAX_FACES`.
        let _ = newest.faces.extend_from_slice(faces);
        drop(newest);
        self.changed.notify_all();
    }

    /// Begins to watch.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        self.watchers.fetch_add(1, Ordering::AcqRel);
        // The frame there is old: it was taken when somebody else watched.
        let seen = self.newest.lock().unwrap_or_else(PoisonError::into_inner).number;
        Watcher { view: self.clone(), seen }
    }
}

/// Somebody who watches, until it is dropped.
pub struct Watcher {
    view: Arc<LiveView>,
    /// The number of the frame that was seen last.
    seen: u64,
}

impl Watcher {
    /// Waits for a frame that was not seen yet, and copies it to `to`. False if there was none within a second.
    pub fn next(&mut self, to: &mut LiveFrame) -> bool {
        let newest = self.view.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.seen;
        let waited = self.view.changed.wait_timeout_while(newest, FRAME_WAIT, |newest| newest.number <= seen);
        let (newest, result) = waited.unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            return false;
        }
        self.seen = newest.number;
        to.number = newest.number;
        to.frame.clone_from(&newest.frame);
        to.faces.clone_from(&newest.faces);
        true
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.view.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The door's camera, as a source of frames beside the door.
pub struct DoorCamera {
    watcher: Watcher,
    newest: LiveFrame,
}

impl DoorCamera {
    /// The camera whose frames this view has.
    pub fn new(view: &Arc<LiveView>) -> Self {
        Self { watcher: view.watch(), newest: LiveFrame::default() }
    }
}

impl FrameSource for DoorCamera {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        if !self.watcher.next(&mut self.newest) {
            return Err(CaptureError::Stalled { name: self.describe(), seconds: FRAME_WAIT.as_secs_f64() });
        }
        std::mem::swap(frame, &mut self.newest.frame);
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn frozen_after(&self) -> Option<Duration> {
        // The capture thread drops the frames of a camera that is frozen.
        None
    }

    fn describe(&self) -> String {
        "the door's camera".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(time: u64) -> Frame {
        let mut frame = Frame::from_rgb(2, 1, vec![time as u8; 6]).unwrap();
        frame.time = Duration::from_millis(time);
        frame
    }

    #[test]
    fn without_a_watcher_nothing_is_copied() {
        let view = Arc::new(LiveView::default());
        view.put(&frame(1), &[]);
        assert_eq!(view.newest.lock().unwrap().frame.width(), 0);
        drop(view.watch());
        view.put(&frame(2), &[]);
        assert_eq!(view.newest.lock().unwrap().frame.width(), 0);
    }

    #[test]
    fn each_watcher_gets_the_newest_frame_once() {
        let view = Arc::new(LiveView::default());
        let (mut one, mut other) = (view.watch(), view.watch());
        let mut got = LiveFrame::default();
        view.put(&frame(1), &[]);
        assert!(one.next(&mut got));
        view.put(&frame(2), &[]);
        assert!(one.next(&mut got) && other.next(&mut got));
        assert_eq!((got.frame.time, got.frame.rgb()[0]), (Duration::from_millis(2), 2));
        assert!(!one.next(&mut got), "no frame comes twice");
    }

    #[test]
    fn who_begins_to_watch_gets_no_old_frame() {
        let view = Arc::new(LiveView::default());
        let first = view.watch();
        view.put(&frame(1), &[]);
        drop(first);
        assert!(!view.watch().next(&mut LiveFrame::default()));
    }

    #[test]
    fn the_vision_thread_does_not_wait_for_a_watcher_that_reads() {
        let view = Arc::new(LiveView::default());
        let _watcher = view.watch();
        let reading = view.newest.lock().unwrap();
        view.put(&frame(1), &[]);
        assert_eq!(reading.number, 0);
    }

    #[test]
    fn the_door_camera_gives_frames_and_says_when_there_are_none() {
        let view = Arc::new(LiveView::default());
        let mut camera = DoorCamera::new(&view);
        let mut got = Frame::default();
        assert!(camera.next(&mut got).unwrap_err().is_transient());
        view.put(&frame(5), &[]);
        assert_eq!(camera.next(&mut got).unwrap(), Next::Frame);
        assert_eq!(got.time, Duration::from_millis(5));
    }
}
