//! From when to when a certificate is valid: the one field that rustls does not give.
//!
//! A certificate (RFC 5280) is a sequence of a version, a serial number, an algorithm, an issuer and the validity, in DER: each
//! value has a tag, a length and its bytes.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// From when to when a certificate is valid, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: i64,
    /// The last one.
    pub until: i64,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl Validity {
    /// That of a certificate in DER; `None` if it is none.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Values(certificate).take(SEQUENCE)?;
        let mut signed = certificate.take(SEQUENCE)?;
        if signed.0.first() == Some(&VERSION) {
            signed.take(VERSION)?;
        }
        signed.take(INTEGER)?;
        let _algorithm = signed.take(SEQUENCE)?;
        let _issuer = signed.take(SEQUENCE)?;
        let mut validity = signed.take(SEQUENCE)?;
        Some(Self { from: validity.time()?, until: validity.time()? })
    }
}

/// Values in DER, one after the other.
struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    /// The content of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<Values<'a>> {
        let (found, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            0x00..=0x7f => (usize::from(*length), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(Values(content))
    }

    /// `YYMMDDhhmmssZ`, for the years 1950 to 2049, or `YYYYMMDDhhmmssZ`.
    fn time(&mut self) -> Option<i64> {
        let tag = *self.0.first()?;
        let text = std::str::from_utf8(self.take(tag)?.0).ok()?.strip_suffix('Z')?;
        let text = match tag {
            UTC_TIME if text.len() == 12 => {
                format!("{}{text}", if text.starts_with(|c| c >= '5') { 19 } else { 20 })
            }
            GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
            _ => return None,
        };
        let time = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
        Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_has_no_validity() {
        let key = rcgen::generate_simple_self_signed(["door.local".to_owned()]).unwrap();
        let good = key.cert.der().to_vec();
        assert!(Validity::of(&good).is_some());
        for end in 0..good.len().min(200) {
            assert_eq!(Validity::of(&good[..end]), None);
        }
        for at in 0..200 {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let _ = Validity::of(&bad);
        }
        assert_eq!(Validity::of(b"\x30\x84\xff\xff\xff\xff"), None);
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let time = |tag: u8, text: &str| {
            let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
            bytes.extend(text.as_bytes());
            Values(&bytes).time()
        };
        assert_eq!(time(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(GENERALIZED_TIME, "20501301000000Z"), None);
        assert_eq!(time(UTC_TIME, "20500101000000Z"), None);
        assert_eq!(time(0x04, "700101000000Z"), None);
    }
}
