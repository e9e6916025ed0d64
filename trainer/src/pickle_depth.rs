//! How deeply a Python pickle nests, found without building its values.
//!
//! `serde-pickle` builds, converts and drops nested values by recursion and has no limit on the depth, so that a small
//! file of lists in lists overflows the stack. This walks over the operations of a pickle (the opcodes of Python's
//! `pickletools`, protocols 0 to 5) with a stack that holds only depths.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

/// The deepest nesting of a file that is read.
pub const MAX_DEPTH: u32 = 32;

/// Why the values of a pickle must not be built.
#[derive(Debug, thiserror::Error)]
pub enum PickleError {
    #[error("it is not a pickle, or damaged at byte {at}; copy it again")]
    Damaged { at: u64 },
    #[error("it nests lists more than {MAX_DEPTH} deep, or refers to one of them a second time")]
    Nested,
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Checks that no value of a pickle nests deeper than [`MAX_DEPTH`].
///
/// # Errors
/// It nests deeper, refers to a list, tuple or dictionary again (which can nest without a bound), or is not a pickle.
pub fn check_depth(pickle: impl BufRead) -> Result<(), PickleError> {
    Walk { input: pickle, at: 0, depths: Vec::new(), marks: Vec::new(), memo: HashMap::new() }.walk()
}

struct Walk<R> {
    input: R,
    /// Bytes read so far.
    at: u64,
    /// The depth of each value on the pickle's stack: 0 for a value that holds no others.
    depths: Vec<u32>,
    /// Where on the stack each mark lies.
    marks: Vec<usize>,
    /// Whether a remembered value can hold others.
    memo: HashMap<u64, bool>,
}

impl<R: BufRead> Walk<R> {
    fn walk(mut self) -> Result<(), PickleError> {
        loop {
            let [operation] = self.bytes()?;
            match operation {
                b'.' => return Ok(()),
                b'(' => self.marks.push(self.depths.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => match self.top()? {
                    0 => self.depths.push(0),
                    _ => return Err(PickleError::Nested),
                },
                // Values without others in them: by what their argument is.
                b'N' | b'\x88' | b'\x89' => self.leaf(0)?,
                b'K' => self.leaf(1)?,
                b'M' => self.leaf(2)?,
                b'J' => self.leaf(4)?,
                b'G' => self.leaf(8)?,
                b'F' | b'I' | b'L' | b'S' | b'V' => self.line_leaf(1)?,
                b'c' => self.line_leaf(2)?,
                b'U' | b'C' | b'\x8a' | b'\x8c' => self.counted_leaf::<1>()?,
                b'T' | b'X' | b'B' | b'\x8b' => self.counted_leaf::<4>()?,
                b'\x8d' | b'\x8e' | b'\x96' => self.counted_leaf::<8>()?,
                b'\x93' => {
                    self.pop_some(2)?;
                    self.depths.push(0);
                }
                // Values with others in them.
                b']' | b'}' | b')' | b'\x8f' => self.depths.push(1),
                b'l' | b't' | b'd' | b'\x91' | b'o' => {
                    let inner = self.pop_to_mark()?;
                    self.container(inner)?;
                }
                b'i' => {
                    self.line()?;
                    self.line()?;
                    let inner = self.pop_to_mark()?;
                    self.container(inner)?;
                }
                b'\x85' => self.wrap(1)?,
                b'\x86' | b'R' | b'\x81' => self.wrap(2)?,
                b'\x87' | b'\x92' => self.wrap(3)?,
                b'a' | b'b' => self.put_in(1)?,
                b's' => self.put_in(2)?,
                b'e' | b'u' | b'\x90' => {
                    let inner = self.pop_to_mark()?;
                    self.deepen(inner)?;
                }
                // The memo.
                b'p' | b'q' | b'r' | b'\x94' => {
                    let index = match operation {
                        b'\x94' => self.memo.len() as u64,
                        _ => self.memo_index(operation)?,
                    };
                    let holds_others = self.top()? > 0;
                    self.memo.insert(index, holds_others);
                }
                b'g' | b'h' | b'j' => {
                    let index = self.memo_index(operation)?;
                    match self.memo.get(&index) {
                        Some(false) => self.depths.push(0),
                        Some(true) => return Err(PickleError::Nested),
                        None => return Err(self.damaged()),
                    }
                }
                b'\x80' => self.skip(1)?,
                b'\x95' => self.skip(8)?,
                _ => return Err(self.damaged()),
            }
        }
    }

    fn damaged(&self) -> PickleError {
        PickleError::Damaged { at: self.at }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => self.at += N as u64,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.damaged()),
            Err(error) => return Err(error.into()),
        }
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> Result<(), PickleError> {
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        self.at += skipped;
        if skipped < count { Err(self.damaged()) } else { Ok(()) }
    }

    /// The line that ends an argument in text, without its end.
    fn line(&mut self) -> Result<Vec<u8>, PickleError> {
        let mut line = Vec::new();
        self.at += self.input.read_until(b'\n', &mut line)? as u64;
        if line.pop() == Some(b'\n') { Ok(line) } else { Err(self.damaged()) }
    }

    fn leaf(&mut self, argument: u64) -> Result<(), PickleError> {
        self.depths.push(0);
        self.skip(argument)
    }

    fn line_leaf(&mut self, lines: usize) -> Result<(), PickleError> {
        self.depths.push(0);
        (0..lines).try_for_each(|_| self.line().map(drop))
    }

    /// A value whose argument begins with its length, little-endian, in `N` bytes.
    fn counted_leaf<const N: usize>(&mut self) -> Result<(), PickleError> {
        let length = self.bytes::<N>()?;
        self.leaf(little_endian(&length))
    }

    fn memo_index(&mut self, operation: u8) -> Result<u64, PickleError> {
        match operation {
            b'p' | b'g' => {
                let line = self.line()?;
                let index = std::str::from_utf8(&line).ok().and_then(|text| text.trim_end().parse().ok());
                index.ok_or_else(|| self.damaged())
            }
            b'q' | b'h' => self.bytes::<1>().map(|index| little_endian(&index)),
            _ => self.bytes::<4>().map(|index| little_endian(&index)),
        }
    }

    /// The first place on the stack that belongs to the latest mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<u32, PickleError> {
        let top = self.depths.last().filter(|_| self.depths.len() > self.floor());
        top.copied().ok_or_else(|| self.damaged())
    }

    fn pop(&mut self) -> Result<u32, PickleError> {
        let top = self.top()?;
        self.depths.pop();
        Ok(top)
    }

    /// Takes `count` values; the depth of the deepest.
    fn pop_some(&mut self, count: usize) -> Result<u32, PickleError> {
        (0..count).try_fold(0, |deepest, _| Ok(deepest.max(self.pop()?)))
    }

    /// Takes all values down to the latest mark, and the mark; the depth of the deepest, `None` if there are none.
    fn pop_to_mark(&mut self) -> Result<Option<u32>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged())?;
        Ok(self.depths.drain(mark..).max())
    }

    /// A new value around others.
    fn container(&mut self, deepest: Option<u32>) -> Result<(), PickleError> {
        let depth = 1 + deepest.unwrap_or(0);
        self.depths.push(depth);
        if depth > MAX_DEPTH { Err(PickleError::Nested) } else { Ok(()) }
    }

    fn wrap(&mut self, count: usize) -> Result<(), PickleError> {
        let deepest = self.pop_some(count)?;
        self.container(Some(deepest))
    }

    /// Puts values into the one below them.
    fn put_in(&mut self, count: usize) -> Result<(), PickleError> {
        let deepest = self.pop_some(count)?;
        self.deepen(Some(deepest))
    }

    fn deepen(&mut self, deepest: Option<u32>) -> Result<(), PickleError> {
        let below = self.pop()?;
        match deepest {
            None => self.depths.push(below),
            Some(deepest) => self.container(Some(deepest.max(below.saturating_sub(1))))?,
        }
        Ok(())
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded_in_every_form_of_it() {
        let nested = |pickle: &[u8]| matches!(check_depth(pickle), Err(PickleError::Nested));
        let lists = |count: usize| [&b"]".repeat(count)[..], &b"a".repeat(count - 1), b"."].concat();
        assert!(check_depth(&lists(MAX_DEPTH as usize)[..]).is_ok());
        assert!(nested(&lists(MAX_DEPTH as usize + 1)));
        assert!(nested(&lists(100_000)));
        assert!(nested(&[&b"N"[..], &b"\x85".repeat(100), b"."].concat()));
        for close in [b"t", b"l", b"d", b"\x91", b"o"] {
            assert!(nested(&[&b"(".repeat(100)[..], b"N", &close.repeat(100), b"."].concat()));
        }
        assert!(nested(&[&b"}".repeat(100)[..], b"N", &b"Ns".repeat(100)].concat()));
        assert!(nested(&[&b"(]".repeat(100)[..], &b"e".repeat(99)].concat()));
        for (more, wrap) in [("N", b"R"), ("N", b"\x81"), ("N", b"\x86"), ("NN", b"\x87"), ("NN", b"\x92")] {
            assert!(nested(&[&b"N"[..], &[more.as_bytes(), wrap].concat().repeat(100)].concat()), "{wrap:?}");
        }
        // A list that is put into another before that is filled.
        assert!(nested(b"]q\x000]q\x01h\x00a0h\x00h\x01a."));
        assert!(nested(b"]2a."));
    }

    #[test]
    fn what_is_no_pickle_is_damaged() {
        for pickle in
            [&b""[..], b"\xff", b"a.", b"t.", b"(a.", b"U\x05ab", b"I1", b"h\x07.", b"Q.", b"g x\n."]
        {
            assert!(matches!(check_depth(pickle), Err(PickleError::Damaged { .. })), "{pickle:?}");
        }
    }
}
