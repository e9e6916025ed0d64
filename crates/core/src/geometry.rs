//! Points, boxes and landmarks in pixels of the frame: x to the right, y down, the origin at the top left corner of the
//! top left pixel.

use serde::{Deserialize, Serialize};

/// A point in pixels. Serialized as `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl From<[f32; 2]> for Point {
    fn from([x, y]: [f32; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f32; 2] {
    fn from(p: Point) -> Self {
        [p.x, p.y]
    }
}

impl Point {
    /// Euclidean distance, pixels.
    pub fn distance(a: Self, b: Self) -> f32 {
        (a.x - b.x).hypot(a.y - b.y)
    }
}

/// An axis-aligned box in pixels; it may extend beyond the frame. Serialized as `[x, y, width, height]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct BBox {
    /// Left side.
    pub x: f32,
    /// Top side.
    pub y: f32,
    /// Extent to the right.
    pub width: f32,
    /// Extent downwards.
    pub height: f32,
}

impl From<[f32; 4]> for BBox {
    fn from([x, y, width, height]: [f32; 4]) -> Self {
        Self { x, y, width, height }
    }
}

impl From<BBox> for [f32; 4] {
    fn from(b: BBox) -> Self {
        [b.x, b.y, b.width, b.height]
    }
}

impl BBox {
    /// The whole frame.
    pub fn of_frame(frame: &super::Frame) -> Self {
        Self { x: 0.0, y: 0.0, width: frame.width() as f32, height: frame.height() as f32 }
    }

    /// Moves the left, top, right and bottom side by fractions of the width or height: bounding-box regression.
    pub fn shifted(&self, [left, top, right, bottom]: [f32; 4]) -> Self {
        Self {
            x: self.x + left * self.width,
            y: self.y + top * self.height,
            width: self.width * (1.0 + right - left),
            height: self.height * (1.0 + bottom - top),
        }
    }

    /// The square with the same center whose side is the longer side of the box.
    pub fn squared(&self) -> Self {
        let side = self.width.max(self.height);
        let center = self.center();
        Self { x: center.x - side / 2.0, y: center.y - side / 2.0, width: side, height: side }
    }

    /// Area in square pixels; 0 if the width or the height is negative.
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Intersection over union (IoU), 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Area of the intersection with another box, square pixels.
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    /// The center.
    pub fn center(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }
}

/// Left eye, right eye, nose, left and right corner of the mouth, as the picture shows them: the "left" eye of an upright
/// face is the one further left in the picture.
pub type Landmarks = [Point; 5];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_box() -> impl Strategy<Value = BBox> {
        (-100f32..100.0, -100f32..100.0, 0.1f32..100.0, 0.1f32..100.0)
            .prop_map(|(x, y, width, height)| BBox { x, y, width, height })
    }

    proptest! {
        #[test]
        fn iou_is_symmetric_and_between_0_and_1(a in any_box(), b in any_box()) {
            prop_assert!((a.iou(&b) - b.iou(&a)).abs() < 1e-5);
            prop_assert!((0.0..=1.001).contains(&a.iou(&b)));
            prop_assert!((a.iou(&a) - 1.0).abs() < 1e-2);
        }

        #[test]
        fn squared_keeps_the_center_and_covers_the_box(a in any_box()) {
            let square = a.squared();
            prop_assert_eq!(square.width, square.height);
            prop_assert!(Point::distance(a.center(), square.center()) < 1e-3);
            prop_assert!(a.intersection(&square) >= a.area() * 0.999);
        }
    }

    #[test]
    fn shifted_moves_the_sides() {
        let moved = BBox::from([10.0, 20.0, 100.0, 200.0]).shifted([0.1, -0.1, 0.2, 0.0]);
        assert_eq!(<[f32; 4]>::from(moved), [20.0, 0.0, 110.0, 220.0]);
    }
}
