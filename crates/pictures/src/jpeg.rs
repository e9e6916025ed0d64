//! Detects truncated JPEG files. Decoders fill missing parts with gray and report success; such a picture must not be
//! used for a decision.

/// Start of image (SOI).
const START: u8 = 0xD8;
/// End of image (EOI).
const END: u8 = 0xD9;
/// Start of scan (SOS).
const SCAN: u8 = 0xDA;
/// Markers without a length field: RST0 to RST7, and TEM.
const WITHOUT_LENGTH: [std::ops::RangeInclusive<u8>; 2] = [0xD0..=0xD7, 0x01..=0x01];

/// Whether the bytes are a JPEG with the end marker of its main picture (ITU-T T.81, annex B). The end marker of a
/// thumbnail in the header does not count. Bytes after the end marker are ignored: cameras append padding, phones append
/// videos.
pub fn is_complete(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&[0xFF, START]) else { return false };
    let mut in_scan = false;
    loop {
        // In the data of a scan, 0xFF is followed by 0 and is not a marker. Fill bytes (0xFF) can precede a marker, and
        // decoders skip other bytes there.
        let marker_at =
            rest.array_windows().position(|[first, second]| *first == 0xFF && !matches!(second, 0 | 0xFF));
        let Some([_, marker, after @ ..]) = marker_at.and_then(|at| rest.get(at..)) else { return false };
        match *marker {
            // A picture that ends before its first scan has no data.
            END => return in_scan,
            marker if WITHOUT_LENGTH.iter().any(|range| range.contains(&marker)) => rest = after,
            marker => {
                let [high, low, ..] = *after else { return false };
                let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                let Some(next) = after.get(length..) else { return false };
                rest = next;
                in_scan |= marker == SCAN;
            }
        }
    }
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

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            is_complete(&bytes);
            is_complete(&[&[0xFF, START], bytes.as_slice()].concat());
        }
    }
}
