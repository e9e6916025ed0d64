//! The format of a file by its first bytes, for pictures that can be read, and for files that are given as pictures by mistake.

use image::ImageFormat;

/// The file extensions of pictures that can be read, in lower case. They only select files in folders: the format of a file is
/// recognized by its content.
pub const READABLE_EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The file extensions of pictures that cannot be read, in lower case. Such files in folders are reported, so that a person
/// with no other pictures is not left out silently.
pub const OTHER_EXTENSIONS: [&str; 21] = [
    "heic", "heif", "hif", "avif", "gif", "tif", "tiff", "bmp", "jxl", "jp2", "jfif", "jpe", "psd", "dng",
    "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2",
];

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// A picture that can be read.
    Readable(ImageFormat),
    /// Something else, in words: what it is, and what to do.
    Other(&'static str),
}

/// How to fix a picture in another format.
macro_rules! save_as_jpeg {
    ($format:literal) => {
        concat!("it is a ", $format, " picture, which is not read; save it as JPEG")
    };
}

/// The beginnings of files that are no pictures that can be read.
const OTHERS: [(&[u8], &str); 19] = [
    (b"GIF8", save_as_jpeg!("GIF")),
    (b"II*\0", save_as_jpeg!("TIFF or raw")),
    (b"MM\0*", save_as_jpeg!("TIFF or raw")),
    (b"IIU\0", save_as_jpeg!("raw")),
    (b"FUJIFILM", save_as_jpeg!("raw")),
    (b"BM", save_as_jpeg!("BMP")),
    (b"\xff\x0a", save_as_jpeg!("JPEG XL")),
    (b"\0\0\0\x0cJXL ", save_as_jpeg!("JPEG XL")),
    (b"\0\0\0\x0cjP  ", save_as_jpeg!("JPEG 2000")),
    (b"\xff\x4f\xff\x51", save_as_jpeg!("JPEG 2000")),
    (b"8BPS", save_as_jpeg!("Photoshop")),
    (b"\0\x05\x16\x07", "it is a file that macOS adds beside a picture; remove it"),
    (b"%PDF", "it is a PDF, not a picture; save the picture in it as JPEG"),
    (b"<svg", "it is a drawing (SVG), not a photo; give a photo"),
    (b"<!DOCTYPE html", "it is a web page, not a picture; save the picture itself"),
    (b"<html", "it is a web page, not a picture; save the picture itself"),
    (b"\x1a\x45\xdf\xa3", "it is a video, not a picture; save one of its pictures as JPEG"),
    (b"PK\x03\x04", "it is an archive, not a picture; unpack it first"),
    (b"version https://git-lfs", "it is a pointer to a file in Git LFS; fetch the file with `git lfs pull`"),
];

/// Recognizes a file by its first bytes.
pub fn format_of(bytes: &[u8]) -> FileFormat {
    let readable = image::guess_format(bytes)
        .ok()
        .filter(|format| matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP));
    if let Some(format) = readable {
        return FileFormat::Readable(format);
    }
    if let Some(brand) = bytes.get(4..12).and_then(|bytes| bytes.strip_prefix(b"ftyp")) {
        return FileFormat::Other(iso_media(brand));
    }
    let found = OTHERS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    FileFormat::Other(
        found.map_or(
            "it is no picture that can be read (JPEG, PNG or WebP); give one of these",
            |(_, what)| what,
        ),
    )
}

/// The formats in the container of MP4 (ISO/IEC 14496-12), by the brand of the file.
fn iso_media(brand: &[u8]) -> &'static str {
    match brand {
        b"avif" | b"avis" => save_as_jpeg!("AVIF"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            "it is a HEIC picture, which is not read; save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)"
        }
        b"crx " => save_as_jpeg!("raw"),
        b"jxl " => save_as_jpeg!("JPEG XL"),
        _ => "it is a video, not a picture; save one of its pictures as JPEG",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> &'static str {
        match format_of(bytes) {
            FileFormat::Other(words) => words,
            FileFormat::Readable(format) => panic!("{format:?}"),
        }
    }

    #[test]
    fn formats_are_recognized_by_the_content() {
        let iso = |brand: &[u8]| [b"\0\0\0\x18ftyp", brand, b"\0\0\0\0"].concat();
        for brand in [b"heic", b"heix", b"mif1"] {
            assert!(words(&iso(brand)).contains("HEIC"));
        }
        assert!(words(&iso(b"avif")).contains("AVIF"));
        assert!(words(&iso(b"isom")).contains("video"));
        assert!(words(b"GIF89a......").contains("GIF"));
        assert!(words(b"II*\0........").contains("TIFF"));
        assert!(words(b"BM..........").contains("BMP"));
        assert!(words(b"\0\x05\x16\x07\0\x02\0\0Mac OS X").contains("macOS"));
        assert!(words(b"just some text").contains("no picture that can be read"));
        assert!(words(b"").contains("no picture"));
        assert_eq!(format_of(b"\xff\xd8\xff\xe0"), FileFormat::Readable(ImageFormat::Jpeg));
        assert_eq!(format_of(b"RIFF\x24\0\0\0WEBPVP8 "), FileFormat::Readable(ImageFormat::WebP));
    }
}
