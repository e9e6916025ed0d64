//! Pastes the face of one picture over the face of another.

use ostiary_core::{BBox, Frame};

/// Half axes of the pasted ellipse, in widths and heights of the face's box.
const HALF_AXES: [f32; 2] = [0.48, 0.5];
/// Where the pasted face begins and ends to fade, in half axes from the center of the ellipse.
const FADE: [f32; 2] = [0.9, 1.1];

/// A copy of `scene` in which the face at `to` is replaced by the face at `from` of `source`: an ellipse with a soft edge,
/// resized to the box `to`.
pub fn paste_face(source: &Frame, from: &BBox, scene: &Frame, to: &BBox) -> Frame {
    let mut pasted = scene.clone();
    let center = to.center();
    let [horizontal, vertical] = [HALF_AXES[0] * to.width, HALF_AXES[1] * to.height];
    let width = scene.width().max(1) as usize;
    for (index, pixel) in pasted.rgb_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = ((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
        let distance = ((x - center.x) / horizontal).hypot((y - center.y) / vertical);
        let [begin, end] = FADE;
        let share = ((end - distance) / (end - begin)).clamp(0.0, 1.0);
        if share > 0.0 {
            let across = from.x + (x - to.x) / to.width * from.width;
            let down = from.y + (y - to.y) / to.height * from.height;
            let face = color_at(source, across, down);
            for (channel, face) in pixel.iter_mut().zip(face) {
                *channel = (f32::from(*channel) * (1.0 - share) + face * share).round() as u8;
            }
        }
    }
    pasted
}

/// The color of a picture at a position, pixels, by bilinear interpolation between the centers of pixels. The pixels at the
/// border continue beyond it; black for an empty picture.
pub fn color_at(picture: &Frame, x: f32, y: f32) -> [f32; 3] {
    let along = |position: f32, size: u32| {
        let last = size.saturating_sub(1) as f32;
        let position = (position - 0.5).clamp(0.0, last);
        let first = position.floor();
        (first as usize, (first + 1.0).min(last) as usize, position - first)
    };
    let (left, right, across) = along(x, picture.width());
    let (above, below, down) = along(y, picture.height());
    let pixels = picture.rgb().as_chunks::<3>().0;
    let pixel = |row: usize, column: usize| {
        pixels.get(row * picture.width() as usize + column).copied().unwrap_or_default().map(f32::from)
    };
    let mix = |a: [f32; 3], b: [f32; 3], share: f32| {
        let mut mixed = a;
        mixed.iter_mut().zip(b).for_each(|(a, b)| *a += (b - *a) * share);
        mixed
    };
    let upper = mix(pixel(above, left), pixel(above, right), across);
    mix(upper, mix(pixel(below, left), pixel(below, right), across), down)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose red is the column, and whose green is the row, times 2.
    fn gradient(width: u32, height: u32) -> Frame {
        let pixels = (0..height).flat_map(|row| (0..width).map(move |column| [column * 2, row * 2, 7]));
        Frame::from_rgb(width, height, pixels.flatten().map(|value| value as u8).collect()).unwrap()
    }

    #[test]
    fn colors_are_interpolated_and_continue_beyond_the_border() {
        let picture = gradient(20, 10);
        assert_eq!(color_at(&picture, 5.5, 3.5), [10.0, 6.0, 7.0]);
        assert_eq!(color_at(&picture, 6.0, 3.75), [11.0, 6.5, 7.0]);
        assert_eq!(color_at(&picture, -40.0, 90.0), [0.0, 18.0, 7.0]);
        assert_eq!(color_at(&Frame::default(), 1.0, 1.0), [0.0; 3]);
    }

    #[test]
    fn the_face_is_resized_into_the_box_and_the_rest_of_the_scene_remains() {
        let scene = Frame::from_rgb(80, 60, vec![200; 80 * 60 * 3]).unwrap();
        let (from, to) = ([10.0, 5.0, 20.0, 30.0].into(), [30.0, 10.0, 10.0, 15.0].into());
        let pasted = paste_face(&gradient(60, 50), &from, &scene, &to);
        let pixel = |x: usize, y: usize| pasted.rgb()[(y * 80 + x) * 3..][..3].to_vec();
        // Half a pixel to the right of the center of the box, which is the center of the face: (20, 20).
        assert_eq!(pixel(35, 17), [41, 39, 7]);
        let [mut inside, mut changed] = [0, 0];
        for y in 0..60 {
            for x in 0..80 {
                let is_in_box = (29..41).contains(&x) && (9..26).contains(&y);
                let is_changed = pixel(x, y) != [200; 3];
                assert!(is_in_box || !is_changed, "{x}, {y}");
                (inside, changed) = (inside + usize::from(is_in_box), changed + usize::from(is_changed));
            }
        }
        assert!(changed > inside / 2 && changed < inside, "{changed} of {inside}: an ellipse");
        // 0.94 half axes from the center: 81 % of the face, 19 % of the scene.
        assert!((40..46).contains(&pixel(30, 17)[2]), "the edge is soft");
    }
}
