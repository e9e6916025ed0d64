//! Finds out whether the picture has changed since nobody was found in it.
//!
//! A full detection costs about fifty times as much as a comparison of small grey pictures (docs/design/frame-rate.md). Most of
//! the day nobody is before the door, and the picture stays the same. So while there are no tracks, a full detection runs only if the picture
//! differs from the one in which the last full detection found nobody. The reference is that picture and not the frame before,
//! so that slow changes add up.

#![expect(
    clippy::indexing_slicing,
    reason = "`fit` gives the buffers a sum for each cell, and a cell is inside the frame"
)]

use std::time::Duration;

use ostiary_core::Frame;

/// The smallest change of the mean of a block that counts, grey levels of 255. Noise of 10 levels in each color of a pixel, as of
/// a camera in the dark, changes the mean of a block of 40x40 pixels by 0.4 levels (standard deviation).
const MIN_CHANGE: usize = 3;
/// After a change every frame is searched for this time, so that a face that was missed in the first frame is found.
const SEARCH_AFTER_CHANGE: Duration = Duration::from_secs(2);
/// A picture that does not change is searched after this time too.
const MAX_WAIT: Duration = Duration::from_secs(3);
/// One pixel of each square of this side is read.
const STEP: usize = 2;
/// Bytes of one pixel.
const PIXEL: usize = 3;
/// The sum of the weights of red, green and blue in a sample.
const WEIGHTS: usize = 4;
/// Number of cells in a block.
const BLOCK: usize = 4;

/// Compares each frame with the one in which a full detection ran last. Does not allocate after the first frame of a size.
///
/// The picture is divided into square cells of half the side of the smallest face. What is compared is the mean of each block of
/// 2x2 cells, wherever it begins, so that every face covers most of a block.
pub struct ChangeDetector {
    /// Side of a cell in pixels, even.
    cell: usize,
    /// Width and height of the frames, pixels.
    size: (u32, u32),
    /// Number of cells in a row, and of rows.
    columns: usize,
    rows: usize,
    /// Sums of the samples of each cell, row by row, in the current frame.
    sums: Vec<u32>,
    /// The same in the latest frame with a full detection.
    reference: Vec<u32>,
    /// Time of the latest full detection that this detector asked for.
    searched_at: Option<Duration>,
    /// Time of the latest change, or of the latest frame with a face.
    changed_at: Option<Duration>,
}

impl ChangeDetector {
    /// A detector of changes as large as a face whose side is `min_face` pixels.
    pub fn new(min_face: u32) -> Self {
        let half = min_face as usize / 2;
        Self {
            cell: half.max(2 * STEP).next_multiple_of(STEP),
            size: (0, 0),
            columns: 0,
            rows: 0,
            sums: Vec::new(),
            reference: Vec::new(),
            searched_at: None,
            changed_at: None,
        }
    }

    /// Whether a full detection has to run on this frame. If so, the frame is the new reference.
    pub fn needs_search(&mut self, frame: &Frame) -> bool {
        self.fit(frame);
        self.measure(frame);
        if self.has_changed() {
            self.changed_at = Some(frame.time);
        }
        let was_searched = is_within(MAX_WAIT, self.searched_at, frame.time);
        let needs_search = self.is_searching(frame.time) || !was_searched;
        if needs_search {
            self.searched_at = Some(frame.time);
            std::mem::swap(&mut self.sums, &mut self.reference);
        }
        needs_search
    }

    /// Records that somebody is in view at `now`: the frames of the next two seconds are searched even if they do not change, so that
    /// a face that was lost is found again.
    pub fn face_in_view(&mut self, now: Duration) {
        self.changed_at = Some(now);
    }

    /// Whether every frame is searched at `now`, because something has changed a short time ago.
    pub fn is_searching(&self, now: Duration) -> bool {
        is_within(SEARCH_AFTER_CHANGE, self.changed_at, now)
    }

    /// Fits the buffers to the size of the frame. The first frame of a size is searched, and nearly always a change.
    fn fit(&mut self, frame: &Frame) {
        let size = (frame.width(), frame.height());
        if self.size == size {
            return;
        }
        self.size = size;
        self.columns = size.0 as usize / self.cell;
        self.rows = size.1 as usize / self.cell;
        self.searched_at = None;
        for sums in [&mut self.sums, &mut self.reference] {
            sums.clear();
            sums.resize(self.columns * self.rows, 0);
        }
    }

    /// Sums the samples of each cell, red + 2 green + blue. Pixels at the right and lower border that fill no cell are left out: a
    /// face of which only they are in the picture is not found either.
    fn measure(&mut self, frame: &Frame) {
        let row_bytes = frame.width() as usize * PIXEL;
        for row in 0..self.rows {
            let sums = &mut self.sums[row * self.columns..][..self.columns];
            sums.fill(0);
            for y in (row * self.cell..(row + 1) * self.cell).step_by(STEP) {
                let pixels = &frame.rgb()[y * row_bytes..][..row_bytes];
                for (sum, pixels) in sums.iter_mut().zip(pixels.chunks_exact(self.cell * PIXEL)) {
                    for pixel in pixels.chunks_exact(STEP * PIXEL) {
                        *sum += u32::from(pixel[0]) + 2 * u32::from(pixel[1]) + u32::from(pixel[2]);
                    }
                }
            }
        }
    }

    /// Whether the mean of a block differs from the reference. A picture without a block always does.
    fn has_changed(&self) -> bool {
        let samples = (self.cell / STEP).pow(2) * BLOCK;
        let limit = (MIN_CHANGE * WEIGHTS * samples) as u64;
        let change = |cell: usize| i64::from(self.sums[cell]) - i64::from(self.reference[cell]);
        let block_change = |cell: usize| {
            let below = cell + self.columns;
            change(cell) + change(cell + 1) + change(below) + change(below + 1)
        };
        if self.rows < 2 || self.columns < 2 {
            return true;
        }
        (0..self.rows - 1).any(|row| {
            (0..self.columns - 1)
                .any(|column| block_change(row * self.columns + column).unsigned_abs() >= limit)
        })
    }
}

/// Whether less than `limit` has passed `since` then; of a time that went back nothing is known.
fn is_within(limit: Duration, since: Option<Duration>, now: Duration) -> bool {
    since.and_then(|since| now.checked_sub(since)).is_some_and(|elapsed| elapsed < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: u32 = 320;
    const HEIGHT: u32 = 240;

    fn grey(level: u8) -> Frame {
        Frame::from_rgb(WIDTH, HEIGHT, vec![level; (WIDTH * HEIGHT * 3) as usize]).unwrap()
    }

    /// A frame with a square of another level.
    fn with_square(level: u8, x: u32, y: u32, side: u32) -> Frame {
        let mut frame = grey(100);
        for row in y..y + side {
            let at = ((row * WIDTH + x) * 3) as usize;
            frame.rgb_mut()[at..at + side as usize * 3].fill(level);
        }
        frame
    }

    fn noisy(seed: u64) -> Frame {
        let mut state = seed;
        let mut random = || {
            // A linear congruential generator (Knuth, MMIX); its upper bits are random enough.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i32 % 17 - 8
        };
        let mut frame = grey(100);
        for value in frame.rgb_mut() {
            // The sum of four numbers from -8 to 8 has a standard deviation of 10.
            *value = (100 + random() + random() + random() + random()) as u8;
        }
        frame
    }

    fn needs_search(changes: &mut ChangeDetector, frame: &Frame, ms: u64) -> bool {
        let mut frame = frame.clone();
        frame.time = Duration::from_millis(ms);
        changes.needs_search(&frame)
    }

    /// A detector that has seen this frame for two seconds, the first of which are searched; the next frame is at 2000 ms.
    fn settled(frame: &Frame) -> ChangeDetector {
        let mut changes = ChangeDetector::new(40);
        for step in 0..20 {
            assert!(needs_search(&mut changes, frame, 100 * step), "{step}");
        }
        changes
    }

    #[test]
    fn a_picture_that_does_not_change_is_searched_every_three_seconds() {
        let mut changes = settled(&grey(100));
        let searched = (20..120).filter(|step| needs_search(&mut changes, &grey(100), 100 * step));
        assert_eq!(Vec::from_iter(searched), [49, 79, 109]);
    }

    #[test]
    fn a_change_as_large_as_the_smallest_face_is_searched_at_once_wherever_it_is() {
        for (x, y) in [(0, 0), (10, 10), (137, 91), (280, 200), (275, 195)] {
            for level in [90, 110] {
                let mut changes = settled(&grey(100));
                assert!(!needs_search(&mut changes, &grey(100), 2000));
                let face = with_square(level, x, y, 40);
                assert!(needs_search(&mut changes, &face, 2100), "{level} at {x}, {y}");
            }
        }
    }

    #[test]
    fn after_a_change_each_frame_is_searched_for_two_seconds() {
        let mut changes = settled(&grey(100));
        let face = with_square(60, 100, 100, 60);
        let searched = (20..60).filter(|step| needs_search(&mut changes, &face, 100 * step));
        assert_eq!(Vec::from_iter(searched), Vec::from_iter(20..40));
        assert!(changes.is_searching(Duration::from_millis(3900)));
        assert!(!changes.is_searching(Duration::from_millis(4000)));
    }

    #[test]
    fn a_face_that_is_lost_is_searched_in_the_same_picture() {
        let mut changes = settled(&grey(100));
        assert!(!needs_search(&mut changes, &grey(100), 2000));
        changes.face_in_view(Duration::from_millis(2000));
        assert!(needs_search(&mut changes, &grey(100), 2100));
        assert!(!needs_search(&mut changes, &grey(100), 4100));
    }

    #[test]
    fn slow_changes_add_up() {
        let mut changes = settled(&grey(100));
        assert!(!needs_search(&mut changes, &grey(101), 2000));
        assert!(!needs_search(&mut changes, &grey(102), 2100));
        assert!(needs_search(&mut changes, &grey(103), 2200));
    }

    #[test]
    fn noise_of_a_camera_in_the_dark_is_no_change() {
        let mut changes = settled(&noisy(0));
        let searched = (20..49).filter(|step| needs_search(&mut changes, &noisy(*step), 100 * step));
        assert_eq!(searched.count(), 0);
    }

    #[test]
    fn a_new_size_and_a_time_that_goes_back_are_searched() {
        let mut changes = settled(&grey(100));
        assert!(!needs_search(&mut changes, &grey(100), 2000));
        assert!(needs_search(&mut changes, &grey(100), 0), "time went back");
        let small = Frame::from_rgb(64, 64, vec![100; 64 * 64 * 3]).unwrap();
        assert!(needs_search(&mut changes, &small, 100), "another size");
        assert!(!needs_search(&mut changes, &small, 2100));
    }

    #[test]
    fn a_picture_without_a_block_is_always_searched() {
        let mut changes = ChangeDetector::new(4096);
        for step in 0..50 {
            assert!(needs_search(&mut changes, &grey(100), 100 * step));
        }
        for (width, height) in [(0, 0), (1, 1), (7, 300)] {
            let frame = Frame::from_rgb(width, height, vec![0; (width * height * 3) as usize]).unwrap();
            assert!(needs_search(&mut ChangeDetector::new(20), &frame, 0));
        }
    }
}
