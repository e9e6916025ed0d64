//! The bundled portraits with their landmarks.

use ostiary_core::{Landmarks, Point};

/// The names of the bundled portraits without `.jpg`, with their landmarks, pixels, which `ostiary detect` found.
pub const PORTRAITS: [(&str, [[f32; 2]; 5]); 5] = [
    ("biden", [[535.1, 323.3], [655.3, 350.3], [595.0, 406.4], [516.3, 464.4], [626.1, 486.1]]),
    ("hopper", [[219.5, 191.3], [309.3, 186.8], [267.7, 238.8], [232.9, 277.5], [306.4, 273.6]]),
    ("obama", [[444.6, 213.4], [550.3, 213.3], [495.2, 275.9], [436.9, 320.2], [553.7, 317.1]]),
    ("obama2", [[249.7, 367.9], [374.1, 378.8], [286.2, 448.6], [244.3, 522.4], [355.3, 525.4]]),
    ("obama3", [[737.2, 383.2], [859.0, 397.5], [809.0, 440.8], [736.5, 509.7], [846.9, 524.7]]),
];

/// A photo of a face, gray.
pub struct Photo {
    width: usize,
    height: usize,
    gray: Vec<u8>,
    /// Pixels.
    pub landmarks: Landmarks,
}

impl Photo {
    /// A photo of this size, with its gray values row by row and the landmarks of its face, pixels.
    pub fn new((width, height): (usize, usize), gray: Vec<u8>, landmarks: [[f32; 2]; 5]) -> Self {
        assert_eq!(gray.len(), width * height);
        Self { width, height, gray, landmarks: landmarks.map(Point::from) }
    }

    /// Gray at a position, by bilinear interpolation; the border goes on.
    pub fn gray(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.clamp(0.0, self.width as f32 - 1.01), y.clamp(0.0, self.height as f32 - 1.01));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = (x - left as f32, y - top as f32);
        let row = |y: usize| {
            let pixels = &self.gray[y * self.width + left..][..2];
            f32::from(pixels[0]) * (1.0 - right) + f32::from(pixels[1]) * right
        };
        row(top) * (1.0 - bottom) + row(top + 1) * bottom
    }

    /// The middle of eyes and corners of the mouth, and the distance of the eyes, pixels.
    pub fn middle_and_scale(&self) -> (Point, f32) {
        let [a, b, _, c, d] = self.landmarks;
        let middle = Point { x: (a.x + b.x + c.x + d.x) / 4.0, y: (a.y + b.y + c.y + d.y) / 4.0 };
        (middle, Point::distance(a, b))
    }
}
