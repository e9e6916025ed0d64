//! The header before the picture in a record: MXNet's IRHeader, little-endian: `u32` flag, `f32` label, `u64` id, `u64` id2.
//! If the flag is not 0, it is the number of `f32` labels that follow, and the label in the header is not used.

/// Length of the header without the labels that follow, bytes.
const FIXED_BYTES: usize = 24;
/// Whole numbers up to this one are exact as `f32`, in which labels are stored.
pub const MAX_LABEL: u64 = 1 << f32::MANTISSA_DIGITS;

/// The header of a record.
///
/// In a face set, record 0 is not a picture. Its two labels are the range of the records of identities, which come after all
/// pictures. The two labels of such a record are the range of the pictures of the identity. The first label of a picture is its
/// identity. Ranges exclude their end.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The labels, at least one in a valid header.
    pub labels: Vec<f32>,
    /// Whether the labels follow the header. A single label can be stored either way.
    pub labels_follow: bool,
    /// Number of the record.
    pub id: u64,
    /// Second number, not used in face sets.
    pub id2: u64,
}

impl Header {
    /// The header of a picture with a number and an identity.
    pub fn of_picture(id: u64, identity: u64) -> Self {
        Self { labels: vec![identity as f32], labels_follow: false, id, id2: 0 }
    }

    /// The header of a record that has a range of other records.
    pub fn of_range(id: u64, range: std::ops::Range<u64>) -> Self {
        Self { labels: vec![range.start as f32, range.end as f32], labels_follow: true, id, id2: 0 }
    }

    /// The first label, if it is a whole number that is exact as `f32`.
    pub fn identity(&self) -> Option<u32> {
        let label = *self.labels.first()?;
        (label >= 0.0 && label.fract() == 0.0 && label < MAX_LABEL as f32).then_some(label as u32)
    }

    /// Reads a header from the beginning of a payload; returns it and its length in bytes. `None` if there are too few bytes.
    pub fn parse(payload: &[u8]) -> Option<(Self, usize)> {
        let four = |at: usize| payload.get(at..at + 4)?.try_into().ok();
        let eight = |at: usize| payload.get(at..at + 8)?.try_into().ok();
        let flag = u32::from_le_bytes(four(0)?) as usize;
        let (id, id2) = (u64::from_le_bytes(eight(8)?), u64::from_le_bytes(eight(16)?));
        if flag == 0 {
            return Some((
                Self { labels: vec![f32::from_le_bytes(four(4)?)], labels_follow: false, id, id2 },
                FIXED_BYTES,
            ));
        }
        let end = FIXED_BYTES.checked_add(flag.checked_mul(4)?)?;
        let labels =
            payload.get(FIXED_BYTES..end)?.as_chunks().0.iter().map(|label| f32::from_le_bytes(*label));
        Some((Self { labels: labels.collect(), labels_follow: true, id, id2 }, end))
    }

    /// The payload of a record: this header, then the file of a picture.
    pub fn record_with(&self, picture: &[u8]) -> Vec<u8> {
        let (flag, label) = if self.labels_follow {
            (self.labels.len() as u32, 0.0)
        } else {
            (0, self.labels.first().copied().unwrap_or_default())
        };
        let mut payload = flag.to_le_bytes().to_vec();
        payload.extend(label.to_le_bytes());
        payload.extend(self.id.to_le_bytes());
        payload.extend(self.id2.to_le_bytes());
        if self.labels_follow {
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
        let one = Header::of_picture(7, 3).record_with(b"JPEG");
        assert_eq!(one, *b"\0\0\0\0\0\0\x40\x40\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0JPEG");
        let range = Header::of_range(0, 4..6).record_with(b"");
        assert_eq!(range, *b"\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\x40\0\0\xc0\x40");
    }

    #[test]
    fn an_identity_is_an_exact_whole_number() {
        let identity_of =
            |label| Header { labels: vec![label], labels_follow: false, id: 0, id2: 0 }.identity();
        assert_eq!(identity_of(85_741.0), Some(85_741));
        for label in [-1.0, 0.5, f32::NAN, f32::INFINITY, 16_777_216.0] {
            assert_eq!(identity_of(label), None, "{label}");
        }
    }

    proptest! {
        #[test]
        fn written_headers_are_read_back(
            labels in proptest::collection::vec(-1e9f32..1e9, 1..5), id: u64, id2: u64, picture: Vec<u8>,
        ) {
            let labels_follow = labels.len() > 1;
            let header = Header { labels, labels_follow, id, id2 };
            let payload = header.record_with(&picture);
            let (read, length) = Header::parse(&payload).unwrap();
            prop_assert_eq!(&read, &header);
            prop_assert_eq!(&payload[length..], &picture[..]);
            for torn in 0..length {
                prop_assert!(Header::parse(&payload[..torn]).is_none());
            }
        }
    }
}
