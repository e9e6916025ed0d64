//! What stands before the picture in a record: MXNet's IRHeader, little-endian: `u32` flag, `f32` label, `u64` id,
//! `u64` id2; where the flag is not 0, so many `f32` labels follow, and the label before is not used.

/// Bytes before the labels.
const FIXED: usize = 24;
/// The numbers that `f32` can count to without a gap.
pub const MOST: u64 = 1 << f32::MANTISSA_DIGITS;

/// The head of a record.
///
/// In a face set record 0 is no picture: its labels are the numbers of the first record of an identity and of the one
/// after the last. Those stand after all pictures; their labels are the first picture of the identity and the one after
/// its last. A picture's first label is its identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub labels: Vec<f32>,
    /// Whether the labels stand after the head. One label may stand either way.
    pub apart: bool,
    pub id: u64,
    pub id2: u64,
}

impl Header {
    /// Of a picture: its number and its identity.
    pub fn of_picture(id: u64, identity: u64) -> Self {
        Self { labels: vec![identity as f32], apart: false, id, id2: 0 }
    }

    /// Of a record that tells a range of others, the last excluded.
    pub fn of_range(id: u64, range: std::ops::Range<u64>) -> Self {
        Self { labels: vec![range.start as f32, range.end as f32], apart: true, id, id2: 0 }
    }

    /// The first label, where it is a whole number that `f32` tells apart from its neighbours.
    pub fn identity(&self) -> Option<u32> {
        let label = *self.labels.first()?;
        (label >= 0.0 && label.fract() == 0.0 && label < MOST as f32).then_some(label as u32)
    }

    /// Takes a head from the begin of a payload; gives it and its length. `None` where there are too few bytes.
    pub fn parse(payload: &[u8]) -> Option<(Self, usize)> {
        let four = |at: usize| payload.get(at..at + 4)?.try_into().ok();
        let eight = |at: usize| payload.get(at..at + 8)?.try_into().ok();
        let flag = u32::from_le_bytes(four(0)?) as usize;
        let (id, id2) = (u64::from_le_bytes(eight(8)?), u64::from_le_bytes(eight(16)?));
        if flag == 0 {
            return Some((Self { labels: vec![f32::from_le_bytes(four(4)?)], apart: false, id, id2 }, FIXED));
        }
        let end = FIXED.checked_add(flag.checked_mul(4)?)?;
        let labels = payload.get(FIXED..end)?.as_chunks().0.iter().map(|label| f32::from_le_bytes(*label));
        Some((Self { labels: labels.collect(), apart: true, id, id2 }, end))
    }

    /// The record's payload: the head, then a picture's file.
    pub fn with(&self, picture: &[u8]) -> Vec<u8> {
        let (flag, label) = if self.apart {
            (self.labels.len() as u32, 0.0)
        } else {
            (0, self.labels.first().copied().unwrap_or_default())
        };
        let mut payload = flag.to_le_bytes().to_vec();
        payload.extend(label.to_le_bytes());
        payload.extend(self.id.to_le_bytes());
        payload.extend(self.id2.to_le_bytes());
        if self.apart {
            payload.extend(self.labels.iter().flat_map(|label| label.to_le_bytes()));
        }
        payload.extend(picture);
        payload
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_those_of_the_published_format() {
        let one = Header::of_picture(7, 3).with(b"JPEG");
        assert_eq!(one, *b"\0\0\0\0\0\0\x40\x40\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0JPEG");
        let range = Header::of_range(0, 4..6).with(b"");
        assert_eq!(range, *b"\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\x40\0\0\xc0\x40");
    }

    #[test]
    fn an_identity_is_a_whole_number_without_a_gap() {
        let labelled = |label| Header { labels: vec![label], apart: false, id: 0, id2: 0 }.identity();
        assert_eq!(labelled(85_741.0), Some(85_741));
        for label in [-1.0, 0.5, f32::NAN, f32::INFINITY, 16_777_216.0] {
            assert_eq!(labelled(label), None, "{label}");
        }
    }

    proptest! {
        #[test]
        fn heads_come_back_as_they_were(
            labels in proptest::collection::vec(-1e9f32..1e9, 1..5), id: u64, id2: u64, picture: Vec<u8>,
        ) {
            let apart = labels.len() > 1;
            let header = Header { labels, apart, id, id2 };
            let payload = header.with(&picture);
            let (read, length) = Header::parse(&payload).unwrap();
            prop_assert_eq!(&read, &header);
            prop_assert_eq!(&payload[length..], &picture[..]);
            for torn in 0..length {
                prop_assert!(Header::parse(&payload[..torn]).is_none());
            }
        }
    }
}
