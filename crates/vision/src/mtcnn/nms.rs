//! Non-maximum suppression: of boxes that show the same face, the most probable stays.

use super::{BBox, Candidate, Detection};

/// What two boxes' shared area is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Their union.
    Union,
    /// The smaller of the two: also drops a box inside another.
    Smaller,
}

/// Something with a box and a score.
pub trait Scored {
    fn bbox(&self) -> &BBox;
    fn score(&self) -> f32;
}

impl Scored for Candidate {
    fn bbox(&self) -> &BBox {
        &self.bbox
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

/// Sorts by falling score and drops every box that overlaps a more probable one by more than `limit`.
pub fn suppress<T: Scored>(boxes: &mut Vec<T>, limit: f32, overlap: Overlap) {
    boxes.sort_unstable_by(|a, b| b.score().total_cmp(&a.score()));
    let mut kept = 0;
    for index in 0..boxes.len() {
        let (before, rest) = boxes.split_at(index);
        if before[..kept].iter().all(|better| share(better.bbox(), rest[0].bbox(), overlap) <= limit) {
            boxes.swap(kept, index);
            kept += 1;
        }
    }
    boxes.truncate(kept);
}

fn share(a: &BBox, b: &BBox, overlap: Overlap) -> f32 {
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

    fn candidate(bbox: [f32; 4], score: f32) -> Candidate {
        Candidate { bbox: bbox.into(), moved: bbox.into(), score }
    }

    fn boxes() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0, 0f32..1.0)
            .prop_map(|(x, y, width, height, score)| candidate([x, y, width, height], score));
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn what_stays_does_not_overlap_and_covers_what_goes(all in boxes(), limit in 0.1f32..0.9) {
            let mut kept = all.clone();
            suppress(&mut kept, limit, Overlap::Union);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(all.contains(a));
                for b in &kept[i + 1..] {
                    prop_assert!(a.bbox.iou(&b.bbox) <= limit);
                    prop_assert!(a.score >= b.score);
                }
            }
            for gone in all.iter().filter(|c| !kept.contains(c)) {
                prop_assert!(kept.iter().any(|k| k.score >= gone.score && k.bbox.iou(&gone.bbox) > limit));
            }
        }
    }

    #[test]
    fn a_box_inside_another_goes_only_when_measured_by_the_smaller() {
        let outer = candidate([0.0, 0.0, 100.0, 100.0], 0.9);
        let inner = candidate([40.0, 40.0, 20.0, 20.0], 0.8);
        let mut boxes = vec![inner, outer];
        suppress(&mut boxes, 0.7, Overlap::Union);
        assert_eq!(boxes, [outer, inner]);
        suppress(&mut boxes, 0.7, Overlap::Smaller);
        assert_eq!(boxes, [outer]);
    }
}
