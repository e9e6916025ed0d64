//! Picture files: JPEG, PNG and WebP, with the orientation in their EXIF data.

use std::path::Path;

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat};
use ostiary_pictures::decode_picture;

use super::Target;
use super::files::repository_file;

pub const TARGET: Target = Target {
    name: "picture",
    about: "picture files: JPEG, PNG and WebP, with their EXIF",
    run,
    seeds,
    dictionary: JPEG_DICTIONARY,
    max_len: 32 << 10,
};

/// JPEG markers, and the start of EXIF data in both byte orders.
pub const JPEG_DICTIONARY: &[&[u8]] = &[
    b"\xff\xd8",
    b"\xff\xd9",
    b"\xff\xda",
    b"\xff\xdb",
    b"\xff\xdd\x00\x04",
    b"\xff\xc0",
    b"\xff\xc1",
    b"\xff\xc2",
    b"\xff\xc4",
    b"\xff\xc9",
    b"\xff\xd0",
    b"\xff\xd7",
    b"\xff\xe0\x00\x10JFIF\0",
    b"\xff\xee\x00\x0eAdobe",
    b"\xff\xe1",
    b"Exif\0\0II*\0\x08\0\0\0",
    b"Exif\0\0MM\0*\0\0\0\x08",
    b"\x12\x01\x03\0\x01\0\0\0\x06\0",
    b"\xff\xe2\x02\x00ICC_PROFILE\0",
    b"\xff\xff",
    b"\xff\x00",
    b"\xff\xfe\x00\x02",
    b"WEBPVP8 ",
    b"WEBPVP8L",
    b"WEBPVP8X\x0a\0\0\0",
    b"ANMF",
    b"ALPH",
];

/// The maximum number of pixels of an accepted picture.
const MAX_PIXELS: u64 = 50_000_000;

/// Decodes a picture and checks its size.
pub fn run(data: &[u8]) {
    if let Ok(frame) = decode_picture(Path::new("picture"), data) {
        let pixels = u64::from(frame.width()) * u64::from(frame.height());
        assert!((1..=MAX_PIXELS).contains(&pixels), "{}x{}", frame.width(), frame.height());
        assert_eq!(frame.rgb().len() as u64, pixels * 3);
    }
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let portrait = portrait()?;
    let mut seeds = Vec::new();
    for quality in [30, 95] {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&portrait.to_rgb8())?;
        seeds.extend([b"II*\0", b"MM\0*"].map(|order| with_exif(&jpeg, order)));
        seeds.push(jpeg);
    }
    let mut gray = Vec::new();
    JpegEncoder::new(&mut gray).encode_image(&portrait.to_luma8())?;
    seeds.push(gray);
    for file in ["adobe.jpg", "plain.jpg", "ycck.jpg"] {
        seeds.push(repository_file(&format!("crates/pictures/tests/cmyk/{file}"))?);
    }
    seeds.extend(pngs()?);
    seeds.extend(webps()?);
    Ok(seeds)
}

/// A small version of a portrait in the repository.
fn portrait() -> Result<DynamicImage> {
    let picture = image::load_from_memory(&repository_file("crates/self-test/portraits/hopper.jpg")?)?;
    Ok(picture.thumbnail(31, 29))
}

/// A PNG file for each pixel format.
///
/// # Errors
/// A picture cannot be read or encoded.
pub fn pngs() -> Result<Vec<Vec<u8>>> {
    let portrait = portrait()?;
    let kinds = [
        DynamicImage::from(portrait.to_rgb8()),
        portrait.to_rgba16().into(),
        portrait.to_luma8().into(),
        portrait.to_luma_alpha8().into(),
        portrait.to_luma16().into(),
    ];
    let encode = |picture: &DynamicImage| {
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).context("cannot encode a PNG")?;
        Ok(png.into_inner())
    };
    kinds.iter().map(encode).collect()
}

/// Lossless WebP files without and with transparency.
fn webps() -> Result<Vec<Vec<u8>>> {
    let portrait = portrait()?;
    let mut webps = Vec::new();
    for picture in [DynamicImage::from(portrait.to_rgb8()), portrait.to_rgba8().into()] {
        let mut webp = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut webp, ImageFormat::WebP).context("cannot encode a WebP")?;
        webps.push(webp.into_inner());
    }
    Ok(webps)
}

/// The JPEG with EXIF data: a directory with one entry, orientation 6. `order` is the TIFF header, which selects the byte order.
fn with_exif(jpeg: &[u8], order: &[u8; 4]) -> Vec<u8> {
    let is_little = order[0] == b'I';
    let two = |number: u16| if is_little { number.to_le_bytes() } else { number.to_be_bytes() };
    let four = |number: u32| if is_little { number.to_le_bytes() } else { number.to_be_bytes() };
    let entry = [&two(0x0112)[..], &two(3), &four(1), &two(6), &two(0)].concat();
    let tiff = [&order[..], &four(8), &two(1), &entry, &four(0)].concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_pictures_and_some_are_rotated() {
        let sizes: Vec<_> = seeds()
            .unwrap()
            .iter()
            .map(|seed| decode_picture(Path::new("seed"), seed).unwrap())
            .map(|frame| (frame.width(), frame.height()))
            .collect();
        let upright = (portrait().unwrap().width(), portrait().unwrap().height());
        assert!(sizes.contains(&upright) && sizes.contains(&(upright.1, upright.0)), "{sizes:?}");
    }
}
