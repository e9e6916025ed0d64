//! What daemon and guard say to each other: a request of five bytes, and an answer for each.

use std::io::{self, Read, Write};
use std::time::Duration;

/// Bytes of a request.
pub const REQUEST: usize = 5;
/// The longest reason that is told, bytes.
const REASON: usize = 1024;

const OFF: u8 = b'0';
const ON: u8 = b'1';
const DONE: u8 = b'+';
const FAILED: u8 = b'-';

/// What the daemon asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The line goes on, or stays on, and goes off by itself after so long. Counted in whole milliseconds.
    On { at_most: Duration },
    /// The line goes to rest.
    Off,
}

impl Request {
    pub fn encode(self) -> [u8; REQUEST] {
        let (kind, millis) = match self {
            Self::On { at_most } => (ON, u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX)),
            Self::Off => (OFF, 0),
        };
        let [a, b, c, d] = millis.to_le_bytes();
        [kind, a, b, c, d]
    }

    /// `None` for what no daemon says.
    pub fn decode([kind, a, b, c, d]: [u8; REQUEST]) -> Option<Self> {
        let millis = u32::from_le_bytes([a, b, c, d]);
        match (kind, millis) {
            (ON, millis) => Some(Self::On { at_most: Duration::from_millis(millis.into()) }),
            (OFF, 0) => Some(Self::Off),
            _ => None,
        }
    }
}

/// Says that a request was done, or why not.
pub fn answer(daemon: &mut impl Write, done: Result<(), &str>) -> io::Result<()> {
    let reason = match done {
        Ok(()) => return daemon.write_all(&[DONE]),
        Err(reason) => &reason.as_bytes()[..reason.floor_char_boundary(REASON)],
    };
    let [low, high] = (reason.len() as u16).to_le_bytes();
    daemon.write_all(&[FAILED, low, high])?;
    daemon.write_all(reason)
}

/// Reads an answer: done, or why not.
pub fn read_answer(guard: &mut impl Read) -> io::Result<Result<(), String>> {
    let mut kind = [0];
    guard.read_exact(&mut kind)?;
    match kind {
        [DONE] => Ok(Ok(())),
        [FAILED] => {
            let mut length = [0; 2];
            guard.read_exact(&mut length)?;
            let mut reason = vec![0; u16::from_le_bytes(length).into()];
            guard.read_exact(&mut reason)?;
            Ok(Err(String::from_utf8_lossy(&reason).into_owned()))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "what it says is no answer")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(done: Result<(), &str>) -> Result<(), String> {
        let mut said = Vec::new();
        answer(&mut said, done).unwrap();
        read_answer(&mut said.as_slice()).unwrap()
    }

    #[test]
    fn answers_are_heard_as_said() {
        assert_eq!(heard(Ok(())), Ok(()));
        assert_eq!(heard(Err("the line is stuck")), Err("the line is stuck".to_owned()));
        let long = "é".repeat(1000);
        assert_eq!(heard(Err(&long)), Err("é".repeat(512)));
    }

    #[test]
    fn a_pulse_too_long_to_say_is_cut() {
        let endless = Request::On { at_most: Duration::MAX };
        let longest = Request::On { at_most: Duration::from_millis(u32::MAX.into()) };
        assert_eq!(Request::decode(endless.encode()), Some(longest));
    }

    proptest! {
        #[test]
        fn a_request_is_heard_as_said_and_nothing_else_is_one(bytes: [u8; REQUEST]) {
            match Request::decode(bytes) {
                Some(request) => prop_assert_eq!(request.encode(), bytes),
                None => prop_assert!(bytes[0] != ON),
            }
        }

        #[test]
        fn no_answer_is_made_of_noise(noise in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(Ok(())) = read_answer(&mut noise.as_slice()) {
                prop_assert_eq!(noise[0], DONE);
            }
        }
    }
}
