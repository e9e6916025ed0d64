//! Stacked mutations of bytes, as in AFL's havoc stage (lcamtuf.coredump.cx/afl/technical_details.txt, section 6).
//!
//! Existing crates do not fit: `mutatis` changes one element of a list at a time and visits each element to choose it, and
//! `LibAFL` depends on forty crates, some of which enable features of the daemon's own libraries.

use std::ops::Range;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// Boundary values, inserted in two's complement.
const NUMBERS: [i64; 28] = [
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    16,
    31,
    32,
    64,
    100,
    127,
    128,
    -128,
    255,
    256,
    1024,
    32_767,
    -32_768,
    65_535,
    65_536,
    0x7fff_ffff,
    -0x8000_0000,
    0xffff_ffff,
    i64::MAX,
    i64::MIN,
];
/// Boundary values, inserted as text.
const TEXTS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551616",
    "1e308",
    "-1e400",
    "1e-320",
    "nan",
    "inf",
    "0.5",
    "99999999999999999999999999",
];
/// The maximum length of the range that most mutations copy, remove or repeat, bytes.
const PIECE: usize = 64;

/// Mutates inputs.
pub struct Mutator {
    /// Tokens of the format, inserted unchanged.
    pub dictionary: &'static [&'static [u8]],
    /// The maximum length of an input, bytes.
    pub max_len: usize,
}

impl Mutator {
    /// A random seed input with 1, 2, 4, 8 or 16 mutations. Without seed inputs it starts from no bytes.
    pub fn mutate_seed(&self, seeds: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
        let mut bytes = seeds.choose(rng).cloned().unwrap_or_default();
        for _ in 0..1 << rng.random_range(0..5) {
            self.mutate(&mut bytes, seeds, rng);
        }
        bytes.truncate(self.max_len);
        bytes
    }

    /// Applies one random mutation.
    fn mutate(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut impl Rng) {
        match rng.random_range(0..14) {
            0 => {
                if let Some(byte) = byte(bytes, rng) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
            1 => {
                if let Some(byte) = byte(bytes, rng) {
                    *byte = rng.random();
                }
            }
            2 => {
                let number = NUMBERS.choose(rng).copied().unwrap_or_default();
                change_number(bytes, rng, |_| number);
            }
            3 => {
                let by = rng.random_range(-35..=35);
                change_number(bytes, rng, |number| number.wrapping_add(by));
            }
            4 | 5 => {
                let piece = piece(bytes.len(), rng);
                bytes.drain(piece);
            }
            6 => {
                let copy = bytes[piece(bytes.len(), rng)].to_vec();
                insert(bytes, &copy, rng);
            }
            7 => {
                let copy = bytes[piece(bytes.len(), rng)].to_vec();
                overwrite(bytes, &copy, rng);
            }
            8 => {
                let Some(other) = seeds.choose(rng) else { return };
                let copy = &other[piece(other.len(), rng)];
                if rng.random() { insert(bytes, copy, rng) } else { overwrite(bytes, copy, rng) }
            }
            9 | 10 => {
                let Some(token) = self.dictionary.choose(rng) else { return };
                if rng.random() { insert(bytes, token, rng) } else { overwrite(bytes, token, rng) }
            }
            11 => {
                let repeated = vec![rng.random(); rng.random_range(1..=PIECE)];
                insert(bytes, &repeated, rng);
            }
            12 => change_text_number(bytes, rng),
            _ => {
                let end = rng.random_range(0..=bytes.len());
                // Rarely, because a parser gets further with most of a file.
                if rng.random_range(0..4) == 0 {
                    bytes.truncate(end);
                }
            }
        }
    }
}

/// A random byte; `None` if there is none.
fn byte<'a>(bytes: &'a mut [u8], rng: &mut impl Rng) -> Option<&'a mut u8> {
    let at = rng.random_range(0..bytes.len().max(1));
    bytes.get_mut(at)
}

/// A random range within `length` bytes, mostly short.
fn piece(length: usize, rng: &mut impl Rng) -> Range<usize> {
    let longest = if rng.random_range(0..8) == 0 { length } else { length.min(PIECE) };
    let size = rng.random_range(0..=longest);
    let begin = rng.random_range(0..=length - size);
    begin..begin + size
}

/// Inserts bytes at a random position.
fn insert(bytes: &mut Vec<u8>, what: &[u8], rng: &mut impl Rng) {
    let at = rng.random_range(0..=bytes.len());
    bytes.splice(at..at, what.iter().copied());
}

/// Overwrites bytes from a random position.
fn overwrite(bytes: &mut Vec<u8>, what: &[u8], rng: &mut impl Rng) {
    let at = rng.random_range(0..=bytes.len());
    let end = (at + what.len()).min(bytes.len());
    bytes.splice(at..end, what.iter().copied());
}

/// Changes a random integer of 1, 2, 4 or 8 bytes, in either byte order.
fn change_number(bytes: &mut [u8], rng: &mut impl Rng, change: impl Fn(i64) -> i64) {
    let width = 1usize << rng.random_range(0..4);
    if bytes.len() < width {
        return;
    }
    let at = rng.random_range(0..=bytes.len() - width);
    let place = &mut bytes[at..at + width];
    let is_big = rng.random();
    let mut wide = [0; 8];
    wide[..width].copy_from_slice(place);
    if is_big {
        wide[..width].reverse();
    }
    wide = change(i64::from_le_bytes(wide)).to_le_bytes();
    if is_big {
        wide[..width].reverse();
    }
    place.copy_from_slice(&wide[..width]);
}

/// Replaces a random decimal number in text.
fn change_text_number(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    let from = rng.random_range(0..bytes.len().max(1));
    let Some(begin) = bytes[from.min(bytes.len())..].iter().position(u8::is_ascii_digit) else { return };
    let begin = from + begin;
    let digits = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = TEXTS.choose(rng).copied().unwrap_or_default();
    bytes.splice(begin..begin + digits, number.bytes());
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn all_mutations_occur_and_the_length_is_limited() {
        let mutator = Mutator { dictionary: &[b"WORD"], max_len: 300 };
        let seeds = vec![b"size = 12\nname = \"abc\"".to_vec(), vec![7; 200], Vec::new()];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let made: Vec<Vec<u8>> = (0..2000).map(|_| mutator.mutate_seed(&seeds, &mut rng)).collect();
        let has = |part: &[u8]| made.iter().any(|made| made.windows(part.len()).any(|window| window == part));
        assert!(made.iter().all(|made| made.len() <= 300));
        assert!(made.iter().any(|made| made.len() == 300) && made.iter().any(Vec::is_empty));
        let is_number = |number: &&str| number.len() > 4 && has(format!("= {number}").as_bytes());
        assert!(has(b"WORD") && TEXTS.iter().any(is_number));
        assert!(has(&i32::MAX.to_le_bytes()) && has(&i32::MAX.to_be_bytes()));
        let is_splice = |made: &Vec<u8>| made.contains(&7) && made.iter().any(u8::is_ascii_lowercase);
        assert!(made.iter().any(is_splice));
    }
}
