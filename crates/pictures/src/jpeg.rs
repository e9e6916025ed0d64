//! Telling a whole JPEG from a torn one. Decoders fill what is missing with gray and call it a success; a
//! doorkeeper must not.

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
/// Markers that stand alone, without a length: restarts and the temporary one.
const ALONE: [std::ops::RangeInclusive<u8>; 2] = [0xD0..=0xD7, 0x01..=0x01];

/// True where the bytes are a JPEG from its start marker to the end marker of the main picture (ITU-T T.81,
/// annex B). An end marker inside a thumbnail in the header does not count, and what follows the picture is
/// of no interest: cameras pad their frames, phones append films.
pub fn is_whole(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&[0xFF, START]) {
        return false;
    }
    let mut rest = &bytes[2..];
    let mut in_scan = false;
    loop {
        // In a scan, a 0xFF of the data is followed by 0 and is no marker; before a marker may stand fill bytes
        // (0xFF), and stray ones that decoders pass over.
        let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF))
        else {
            return false;
        };
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            // Whoever ends before the first scan has shown nothing.
            END => return in_scan,
            alone if ALONE.iter().any(|range| range.contains(&alone)) => {}
            _ => {
                let [high, low, ..] = *rest else { return false };
                let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low])).max(2)..) else {
                    return false;
                };
                rest = after;
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
    fn a_jpeg_is_whole_up_to_its_last_byte() {
        let mut bytes = jpeg();
        assert!(is_whole(&bytes));
        for length in 0..bytes.len() {
            assert!(!is_whole(&bytes[..length]), "cut to {length} of {} bytes", bytes.len());
        }
        bytes.extend([0; 100]);
        assert!(is_whole(&bytes), "padding after the end does not matter");
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_picture() {
        let (thumbnail, bytes) = (jpeg(), jpeg());
        let length = (thumbnail.len() as u16 + 2).to_be_bytes();
        let whole = [&bytes[..2], &[0xFF, 0xE1], &length, &thumbnail, &bytes[2..]].concat();
        assert!(is_whole(&whole));
        assert!(!is_whole(&whole[..whole.len() - 2]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            is_whole(&bytes);
            is_whole(&[&[0xFF, START], bytes.as_slice()].concat());
        }
    }
}
