//! Non-maximum suppression: of several boxes on the same face, only the most probable one remains.

use super::{BBox, Detection, Proposal};

/// How the overlap of two boxes is measured: the area of the intersection, divided by another area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// By the area of their union (IoU).
    Union,
    /// By the area of the smaller box: also removes a box inside another one.
    Smaller,
}

/// A box with a score.
pub trait Scored {
    fn bbox(&self) -> &BBox;
    fn score(&self) -> f32;
}

impl Scored for Proposal {
    fn bbox(&self) -> &BBox {
        &self.window
    }

    fn score(&self) -> f32 {
        self.score
    }
}

impl Scored for Detection {
    fn bbox(&self) -> &BBox {
        &self.bbox
    }

    fn score(&self) -> f32 {
        self.score
    }
}

/// Sorts the boxes by descending score and removes each that overlaps a more probable one by more than `max_overlap`.
pub fn suppress<T: Scored>(boxes: &mut Vec<T>, max_overlap: f32, overlap: Overlap) {
    boxes.sort_unstable_by(|a, b| b.score().total_cmp(&a.score()));
    let mut kept = 0;
    for index in 0..boxes.len() {
        let (before, rest) = boxes.split_at(index);
        let is_separate = |better: &T| measure(better.bbox(), rest[0].bbox(), overlap) <= max_overlap;
        if before[..kept].iter().all(is_separate) {
            boxes.swap(kept, index);
            kept += 1;
        }
    }
    boxes.truncate(kept);
}

fn measure(a: &BBox, b: &BBox, overlap: Overlap) -> f32 {
    match overlap {
        Overlap::Union => a.iou(b),
        Overlap::Smaller => {
            let smaller = a.area().min(b.area());
            if smaller > 0.0 { a.intersection(b) / smaller } else { 0.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proposal(bbox: [f32; 4], score: f32) -> Proposal {
        Proposal { window: bbox.into(), regressed: bbox.into(), score }
    }

    fn boxes() -> impl Strategy<Value = Vec<Proposal>> {
        let one = (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0, 0f32..1.0)
            .prop_map(|(x, y, width, height, score)| proposal([x, y, width, height], score));
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn kept_boxes_do_not_overlap_and_cover_the_removed_ones(all in boxes(), limit in 0.1f32..0.9) {
            let mut kept = all.clone();
            suppress(&mut kept, limit, Overlap::Union);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(all.contains(a));
                for b in &kept[i + 1..] {
                    prop_assert!(a.window.iou(&b.window) <= limit);
                    prop_assert!(a.score >= b.score);
                }
            }
            for removed in all.iter().filter(|c| !kept.contains(c)) {
                prop_assert!(kept.iter().any(|k| k.score >= removed.score && k.window.iou(&removed.window) > limit));
            }
        }
    }

    #[test]
    fn a_box_inside_another_is_removed_only_by_the_smaller_area() {
        let outer = proposal([0.0, 0.0, 100.0, 100.0], 0.9);
        let inner = proposal([40.0, 40.0, 20.0, 20.0], 0.8);
        let mut boxes = vec![inner, outer];
        suppress(&mut boxes, 0.7, Overlap::Union);
        assert_eq!(boxes, [outer, inner]);
        suppress(&mut boxes, 0.7, Overlap::Smaller);
        assert_eq!(boxes, [outer]);
    }
}
