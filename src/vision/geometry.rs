//! Points, boxes and landmarks, all in pixels of the frame: x to the right, y down, the origin at the
//! top-left pixel's top-left corner.

use serde::{Deserialize, Serialize};

/// A point in pixels. Serialised as `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
pub struct Point {
    pub x: f32,
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

/// A box in pixels; may reach outside the frame. Serialised as `[x, y, width, height]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct BBox {
    pub x: f32,
    pub y: f32,
    pub width: f32,
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
    /// Square pixels; 0 for a box without extent.
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let inside = self.intersection(other);
        let union = self.area() + other.area() - inside;
        if union > 0.0 { inside / union } else { 0.0 }
    }

    /// Area shared with another box, square pixels.
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    /// The middle.
    pub fn center(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }
}

/// Left eye, right eye, nose, left and right corner of the mouth, as seen in the picture (the "left" eye is
/// the one further left in an upright face).
pub type Landmarks = [Point; 5];
