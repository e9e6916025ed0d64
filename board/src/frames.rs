//! Raw video frames of people before the door, made from the bundled portraits.

use std::path::Path;

use anyhow::Context;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Width of a frame, pixels. This is the smallest timing of the virtual camera.
pub const WIDTH: u32 = 640;
/// Height of a frame, pixels.
pub const HEIGHT: u32 = 480;
/// Number of frames of a scene with a person. The person moves a little from frame to frame.
const FRAMES: u32 = 16;

/// What the camera sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Nobody.
    Empty,
    /// A person who is not enrolled.
    Stranger,
    /// The enrolled person, in the photo that is used for enrollment.
    Enrolled,
    /// The enrolled person, in another photo.
    EnrolledOtherPhoto,
}

/// Pixel formats that both the virtual camera and the daemon support. The virtual camera has no MJPG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    Yuyv,
    Nv12,
    Grey,
}

impl PixelFormat {
    /// Its name in V4L2 and in the configuration.
    pub fn code(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
            Self::Grey => "GREY",
        }
    }
}

impl Scene {
    /// File name in `crates/self-test/portraits`, and the face in it: x, y and width, pixels.
    fn portrait(self) -> Option<(&'static str, [u32; 3])> {
        match self {
            Self::Empty => None,
            Self::Stranger => Some(("biden.jpg", [431, 168, 280])),
            Self::Enrolled => Some(("obama.jpg", [377, 94, 235])),
            Self::EnrolledOtherPhoto => Some(("obama2.jpg", [184, 238, 283])),
        }
    }

    /// Name, for files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Stranger => "stranger",
            Self::Enrolled => "enrolled",
            Self::EnrolledOtherPhoto => "enrolled-other-photo",
        }
    }

    /// The bytes of all frames, one after another, as a camera delivers them.
    pub fn raw(self, format: PixelFormat) -> anyhow::Result<Vec<u8>> {
        let mut raw = Vec::new();
        for picture in self.pictures()? {
            match format {
                PixelFormat::Yuyv => yuyv(&picture, &mut raw),
                PixelFormat::Nv12 => nv12(&picture, &mut raw),
                PixelFormat::Grey => raw.extend(picture.pixels().map(|pixel| yuv(pixel)[0])),
            }
        }
        Ok(raw)
    }

    fn pictures(self) -> anyhow::Result<Vec<RgbImage>> {
        let background = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([120, 124, 128]));
        // One pixel differs, so that no two frames are equal.
        let mark = |picture: &mut RgbImage, frame: u32| picture.put_pixel(0, 0, Rgb([frame as u8 * 8; 3]));
        let Some((file, [x, y, face])) = self.portrait() else {
            let frame = |frame| {
                let mut picture = background.clone();
                mark(&mut picture, frame);
                picture
            };
            return Ok((0..FRAMES).map(frame).collect());
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/self-test/portraits").join(file);
        let photo = image::open(&path).with_context(|| path.display().to_string())?.to_rgb8();
        // A square of twice the face's width around the face, scaled so that the face has a third of the frame's width.
        let (left, top) = (x.saturating_sub(face / 2), y.saturating_sub(face / 3));
        let part = imageops::crop_imm(&photo, left, top, face * 2, face * 2).to_image();
        let side = 440;
        let person = imageops::resize(&part, side * part.width() / (face * 2), side, FilterType::Triangle);
        let offset = |frame: u32| {
            let turn = std::f64::consts::TAU * f64::from(frame) / f64::from(FRAMES);
            (
                (100.0 + 8.0 * turn.sin()).round() as i64,
                (20.0 + 4.0 * (2.0 * turn + 0.5).cos()).round() as i64,
            )
        };
        Ok((0..FRAMES)
            .map(|frame| {
                let mut picture = background.clone();
                let (x, y) = offset(frame);
                imageops::replace(&mut picture, &person, x, y);
                mark(&mut picture, frame);
                picture
            })
            .collect())
    }
}

/// Converts RGB to BT.601 YUV in the limited range, which cameras use.
fn yuv(&Rgb([r, g, b]): &Rgb<u8>) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f32::from);
    let level = |offset: f32, r_part: f32, g_part: f32, b_part: f32| {
        (offset + (r_part * r + g_part * g + b_part * b) / 255.0).round().clamp(0.0, 255.0) as u8
    };
    [
        level(16.0, 65.481, 128.553, 24.966),
        level(128.0, -37.797, -74.203, 112.0),
        level(128.0, 112.0, -93.786, -18.214),
    ]
}

fn yuyv(picture: &RgbImage, raw: &mut Vec<u8>) {
    for row in picture.rows() {
        let pixels: Vec<_> = row.map(yuv).collect();
        for pair in pixels.chunks_exact(2) {
            let ([y0, u, v], [y1, _, _]) = (pair[0], pair[1]);
            raw.extend([y0, u, y1, v]);
        }
    }
}

fn nv12(picture: &RgbImage, raw: &mut Vec<u8>) {
    raw.extend(picture.pixels().map(|pixel| yuv(pixel)[0]));
    for y in (0..picture.height()).step_by(2) {
        for x in (0..picture.width()).step_by(2) {
            let [_, u, v] = yuv(picture.get_pixel(x, y));
            raw.extend([u, v]);
        }
    }
}
