//! The protocol between daemon and relay guard: a request of five bytes, and one answer for each request.

use std::io::{self, Read, Write};
use std::time::Duration;

/// Size of a request, bytes.
pub const REQUEST_SIZE: usize = 5;
/// Size of the longest reason in an answer, bytes; a longer one is truncated.
const MAX_REASON_SIZE: usize = 1024;

const OFF: u8 = b'0';
const ON: u8 = b'1';
const DONE: u8 = b'+';
const FAILED: u8 = b'-';

/// A request of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Switches the line on, or leaves it on, for a limited time.
    On {
        /// The guard switches the line off after this time. In whole milliseconds, at most `u32::MAX` of them.
        at_most: Duration,
    },
    /// Puts the line to rest.
    Off,
}

/// The guard's reason not to do a request: a whole sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Request {
    /// The bytes of the request: the kind, then the milliseconds, little-endian.
    pub fn encode(self) -> [u8; REQUEST_SIZE] {
        let (kind, millis) = match self {
            Self::On { at_most } => (ON, u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX)),
            Self::Off => (OFF, 0),
        };
        let [a, b, c, d] = millis.to_le_bytes();
        [kind, a, b, c, d]
    }

    /// The request of these bytes; `None` if they are no request.
    pub fn decode([kind, a, b, c, d]: [u8; REQUEST_SIZE]) -> Option<Self> {
        let millis = u32::from_le_bytes([a, b, c, d]);
        match (kind, millis) {
            (ON, millis) => Some(Self::On { at_most: Duration::from_millis(millis.into()) }),
            (OFF, 0) => Some(Self::Off),
            _ => None,
        }
    }
}

/// Writes the answer to a request: that it was done, or the reason why not.
///
/// # Errors
/// Those of the writer.
pub fn write_answer(daemon: &mut impl Write, result: Result<(), &str>) -> io::Result<()> {
    let reason = match result {
        Ok(()) => return daemon.write_all(&[DONE]),
        Err(reason) => reason.split_at(reason.floor_char_boundary(MAX_REASON_SIZE)).0.as_bytes(),
    };
    let [low, high] = (reason.len() as u16).to_le_bytes();
    daemon.write_all(&[FAILED, low, high])?;
    daemon.write_all(reason)
}

/// Reads an answer: that the request was done, or the reason why not.
///
/// # Errors
/// Those of the reader, or bytes that are no answer.
pub fn read_answer(guard: &mut impl Read) -> io::Result<Result<(), Refusal>> {
    let mut kind = [0];
    guard.read_exact(&mut kind)?;
    match kind {
        [DONE] => Ok(Ok(())),
        [FAILED] => {
            let mut length = [0; 2];
            guard.read_exact(&mut length)?;
            let mut reason = vec![0; u16::from_le_bytes(length).into()];
            guard.read_exact(&mut reason)?;
            Ok(Err(Refusal(String::from_utf8_lossy(&reason).into_owned())))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it sent bytes that are no answer")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(result: Result<(), &str>) -> Result<(), Refusal> {
        let mut bytes = Vec::new();
        write_answer(&mut bytes, result).unwrap();
        read_answer(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        assert_eq!(round_trip(Ok(())), Ok(()));
        assert_eq!(round_trip(Err("the line is stuck")), Err(Refusal("the line is stuck".to_owned())));
        let long = "é".repeat(1000);
        assert_eq!(round_trip(Err(&long)), Err(Refusal("é".repeat(512))));
    }

    #[test]
    fn a_pulse_is_limited_to_the_largest_number() {
        let too_long = Request::On { at_most: Duration::MAX };
        let longest = Request::On { at_most: Duration::from_millis(u32::MAX.into()) };
        assert_eq!(Request::decode(too_long.encode()), Some(longest));
    }

    proptest! {
        #[test]
        fn a_decoded_request_encodes_to_the_same_bytes(bytes: [u8; REQUEST_SIZE]) {
            match Request::decode(bytes) {
                Some(request) => prop_assert_eq!(request.encode(), bytes),
                None => prop_assert!(bytes[0] != ON),
            }
        }

        #[test]
        fn random_bytes_are_no_success(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(Ok(())) = read_answer(&mut bytes.as_slice()) {
                prop_assert_eq!(bytes[0], DONE);
            }
        }
    }
}
