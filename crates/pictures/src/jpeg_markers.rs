//! The segments of a JPEG file before its pixels are decoded (ITU-T T.81, annex B): whether its end is missing, and what its
//! decoder does not say.

/// Start of image (SOI).
const START: u8 = 0xD8;
/// End of image (EOI).
const END: u8 = 0xD9;
/// Start of scan (SOS).
const SCAN: u8 = 0xDA;
/// The segment in which Adobe's programs say how colors are stored (APP14).
const ADOBE: u8 = 0xEE;
/// Start of a frame (SOF0 to SOF15), except the three of these numbers that are other segments.
const FRAMES: std::ops::RangeInclusive<u8> = 0xC0..=0xCF;
const NO_FRAMES: [u8; 3] = [0xC4, 0xC8, 0xCC];
/// Markers without a length field: RST0 to RST7, and TEM.
const WITHOUT_LENGTH: [std::ops::RangeInclusive<u8>; 2] = [0xD0..=0xD7, 0x01..=0x01];

/// A marker with its parameters, which the end marker does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment<'a> {
    marker: u8,
    parameters: &'a [u8],
}

/// The segments of a file up to the end marker of its main picture, or to where the file is truncated.
struct Segments<'a>(Option<&'a [u8]>);

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(bytes.strip_prefix(&[0xFF, START]))
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            let rest = self.0.take()?;
            // In the data of a scan, 0xFF is followed by 0 and is not a marker. Fill bytes (0xFF) can precede a marker, and
            // decoders skip other bytes there.
            let marker_at = rest
                .array_windows()
                .position(|[first, second]| *first == 0xFF && !matches!(second, 0 | 0xFF))?;
            let [_, marker, after @ ..] = rest.get(marker_at..)? else { return None };
            match *marker {
                END => return Some(Segment { marker: END, parameters: &[] }),
                marker if WITHOUT_LENGTH.iter().any(|range| range.contains(&marker)) => self.0 = Some(after),
                marker => {
                    let [high, low, ..] = *after else { return None };
                    let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                    let (segment, next) = after.split_at_checked(length)?;
                    self.0 = Some(next);
                    return Some(Segment { marker, parameters: segment.get(2..).unwrap_or_default() });
                }
            }
        }
    }
}

/// Whether the bytes are a JPEG with the end marker of its main picture. Decoders fill missing parts with gray and report
/// success; such a picture must not be used for a decision. The end marker of a thumbnail in the header does not count. Bytes
/// after the end marker are ignored: cameras append padding, phones append videos.
pub fn is_complete(bytes: &[u8]) -> bool {
    let mut in_scan = false;
    for segment in Segments::of(bytes) {
        match segment.marker {
            // A picture that ends before its first scan has no data.
            END => return in_scan,
            marker => in_scan |= marker == SCAN,
        }
    }
    false
}

/// Whether the file has the segment of Adobe's programs. They store the inks of CMYK inverted; others do not.
pub fn has_adobe_segment(bytes: &[u8]) -> bool {
    Segments::of(bytes)
        .take_while(|segment| segment.marker != SCAN)
        .any(|segment| segment.marker == ADOBE && segment.parameters.starts_with(b"Adobe"))
}

/// The number of samples of all color components, which the resolution of each determines; `None` without a frame.
pub fn samples(bytes: &[u8]) -> Option<u64> {
    let is_frame = |marker| FRAMES.contains(&marker) && !NO_FRAMES.contains(&marker);
    let frame = Segments::of(bytes).find(|segment| is_frame(segment.marker))?;
    let [_, height_high, height_low, width_high, width_low, count, components @ ..] = frame.parameters else {
        return None;
    };
    let pixels = u64::from(u16::from_be_bytes([*height_high, *height_low]))
        * u64::from(u16::from_be_bytes([*width_high, *width_low]));
    // Each component has its number, its horizontal and vertical resolution in four bits each, and a table.
    let resolutions =
        components.chunks_exact(3).take((*count).into()).filter_map(|component| component.get(1));
    let factors: Vec<[u64; 2]> =
        resolutions.map(|both| [u64::from(both >> 4).max(1), u64::from(both & 15).max(1)]).collect();
    let most = |axis: usize| factors.iter().filter_map(|factor| factor.get(axis)).max().copied().unwrap_or(1);
    let full = most(0) * most(1);
    Some(factors.iter().map(|[across, down]| (pixels * across * down).div_ceil(full)).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jpeg() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            image::RgbImage::from_fn(33, 17, |x, y| image::Rgb([(x * 7) as u8, (y * 13) as u8, 99]));
        image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn a_jpeg_without_its_last_byte_is_incomplete() {
        let mut bytes = jpeg();
        assert!(is_complete(&bytes));
        for length in 0..bytes.len() {
            assert!(!is_complete(&bytes[..length]), "cut to {length} of {} bytes", bytes.len());
        }
        bytes.extend([0; 100]);
        assert!(is_complete(&bytes), "padding after the end does not matter");
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_picture() {
        let (thumbnail, bytes) = (jpeg(), jpeg());
        let length = (thumbnail.len() as u16 + 2).to_be_bytes();
        let complete = [&bytes[..2], &[0xFF, 0xE1], &length, &thumbnail, &bytes[2..]].concat();
        assert!(is_complete(&complete));
        assert!(!is_complete(&complete[..complete.len() - 2]));
    }

    #[test]
    fn the_samples_are_those_of_all_components() {
        // Height 40, width 60; the first component has twice the resolution of the others in both directions.
        let frame = |factors: &[u8]| {
            let components: Vec<u8> = factors.iter().flat_map(|both| [1, *both, 0]).collect();
            let length = (8 + components.len() as u16).to_be_bytes();
            [&[0xFF, START, 0xFF, 0xC2][..], &length, &[8, 0, 40, 0, 60, factors.len() as u8], &components]
                .concat()
        };
        assert_eq!(samples(&frame(&[0x22, 0x11, 0x11])), Some(3600));
        assert_eq!(samples(&frame(&[0x11, 0x11, 0x11])), Some(7200));
        assert_eq!(samples(&frame(&[0x11])), Some(2400));
        assert_eq!(samples(&frame(&[0x11; 4])), Some(9600));
        assert_eq!(samples(&frame(&[0])), Some(2400));
        assert_eq!(samples(&[0xFF, START]), None);
        assert_eq!(samples(&jpeg()).unwrap(), 33 * 17 * 3);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            is_complete(&bytes);
            let jpeg = [&[0xFF, START], bytes.as_slice()].concat();
            is_complete(&jpeg);
            has_adobe_segment(&jpeg);
            samples(&jpeg);
        }
    }
}
