//! The format of records, as in recordio.h of dmlc-core: the magic number; a word with a flag (upper 3 bits) and the length
//! (lower 29 bits), both little-endian; the payload; padding to a multiple of 4 bytes.
//!
//! If a payload has the magic number at a multiple of 4, it is split there into parts with flags (1 first, 2 middle, 3 last; 0
//! is a complete record), so that a reader can find the next record from anywhere. The magic number between two parts is left
//! out, and inserted again when the record is read.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Begins each part.
const MAGIC: u32 = 0xced7_230a;
const LENGTH_BITS: u32 = 29;
/// The flags of parts.
const COMPLETE: u32 = 0;
const FIRST: u32 = 1;
const MIDDLE: u32 = 2;
const LAST: u32 = 3;
/// Greatest length of a part, bytes.
const MAX_PART: usize = (1 << LENGTH_BITS) - 1;
/// Length of the header of a part, bytes.
const PART_HEADER_BYTES: u64 = 8;
/// Greatest length of [`RecordPrefix::start`], bytes: enough for the header of a face record with a few labels.
const PREFIX_BYTES: usize = 64;

/// Why a RecordIO file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// An I/O error.
    #[error("{path}: cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system reports.
        why: io::Error,
    },
    /// There is no magic number, or the flag is unknown.
    #[error(
        "{path}: no record begins at byte {offset}: the file is not RecordIO, or is damaged there; copy it again"
    )]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// Where a record must begin.
        offset: u64,
    },
    /// The record ends after the file, or its parts are in the wrong order.
    #[error("{path}: the record at byte {offset} is incomplete; copy the file again")]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
    },
}

/// Splits a payload at each magic number that stands at a multiple of 4.
fn split(payload: &[u8]) -> Vec<&[u8]> {
    let is_magic = |word: &[u8; 4]| u32::from_le_bytes(*word) == MAGIC;
    let (mut parts, mut rest) = (Vec::new(), payload);
    while let Some(words) = rest.as_chunks().0.iter().position(is_magic)
        && let Some((part, from_magic)) = rest.split_at_checked(4 * words)
    {
        parts.push(part);
        rest = from_magic.get(4..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// Writes one record; returns its length in bytes.
///
/// # Errors
/// If the payload is longer than 512 MiB, or cannot be written.
pub fn append(file: &mut impl Write, payload: &[u8]) -> io::Result<u64> {
    let parts = split(payload);
    let last = parts.len() - 1;
    let mut written = 0;
    for (index, part) in parts.into_iter().enumerate() {
        let flag = match index {
            _ if last == 0 => COMPLETE,
            0 => FIRST,
            _ if index < last => MIDDLE,
            _ => LAST,
        };
        if part.len() > MAX_PART {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record can have at most 512 MiB"));
        }
        file.write_all(&MAGIC.to_le_bytes())?;
        file.write_all(&(flag << LENGTH_BITS | part.len() as u32).to_le_bytes())?;
        file.write_all(part)?;
        let padding = part.len().next_multiple_of(4) - part.len();
        io::copy(&mut io::Read::take(io::repeat(0), padding as u64), file)?;
        written += PART_HEADER_BYTES + (part.len() + padding) as u64;
    }
    Ok(written)
}

/// A RecordIO file, which several threads can read at any offset.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: File,
    length: u64,
}

/// The beginning of a record.
pub struct RecordPrefix {
    /// The first bytes of the payload; all bytes if it is short.
    pub start: Vec<u8>,
    /// Length of the whole payload, bytes.
    pub length: usize,
    /// Offset of the next record.
    pub next: u64,
}

impl RecordFile {
    /// Opens the file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let unreadable = |why| RecordError::Unreadable { path: path.to_owned(), why };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// Length of the file, bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads the record at an offset; returns its payload and the offset of the next record.
    ///
    /// # Errors
    /// If no record begins there, or it is incomplete.
    pub fn read(&self, offset: u64) -> Result<(Vec<u8>, u64), RecordError> {
        let mut payload = Vec::new();
        let mut at = offset;
        loop {
            let (flag, length) = self.part_header(at)?;
            let is_first = at == offset;
            if matches!(flag, COMPLETE | FIRST) != is_first {
                return Err(RecordError::Incomplete { path: self.path.clone(), offset });
            }
            if !is_first {
                payload.extend(MAGIC.to_le_bytes());
            }
            let mut part = vec![0; length];
            self.read_exact(&mut part, at + PART_HEADER_BYTES)?;
            payload.extend(part);
            at += PART_HEADER_BYTES + length.next_multiple_of(4) as u64;
            if matches!(flag, COMPLETE | LAST) {
                return Ok((payload, at));
            }
        }
    }

    /// Reads the beginning of the record at an offset. A record of one part is not read as a whole.
    ///
    /// # Errors
    /// If no record begins there, or it is incomplete.
    pub fn read_prefix(&self, offset: u64) -> Result<RecordPrefix, RecordError> {
        let (flag, length) = self.part_header(offset)?;
        if flag != COMPLETE {
            let (start, next) = self.read(offset)?;
            return Ok(RecordPrefix { length: start.len(), start, next });
        }
        let mut start = vec![0; length.min(PREFIX_BYTES)];
        self.read_exact(&mut start, offset + PART_HEADER_BYTES)?;
        Ok(RecordPrefix {
            start,
            length,
            next: offset + PART_HEADER_BYTES + length.next_multiple_of(4) as u64,
        })
    }

    /// Flag and length of the part at an offset, which ends within the file.
    fn part_header(&self, offset: u64) -> Result<(u32, usize), RecordError> {
        let mut header = [0; PART_HEADER_BYTES as usize];
        if offset + PART_HEADER_BYTES > self.length {
            return Err(RecordError::Incomplete { path: self.path.clone(), offset });
        }
        self.read_exact(&mut header, offset)?;
        let header = u64::from_le_bytes(header);
        let (magic, word) = (header as u32, (header >> 32) as u32);
        let (flag, length) = (word >> LENGTH_BITS, word as usize & MAX_PART);
        if magic != MAGIC || flag > LAST {
            return Err(RecordError::NoRecord { path: self.path.clone(), offset });
        }
        if offset + PART_HEADER_BYTES + length as u64 > self.length {
            return Err(RecordError::Incomplete { path: self.path.clone(), offset });
        }
        Ok((flag, length))
    }

    fn read_exact(&self, bytes: &mut [u8], offset: u64) -> Result<(), RecordError> {
        self.file
            .read_exact_at(bytes, offset)
            .map_err(|why| RecordError::Unreadable { path: self.path.clone(), why })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file_of(bytes: &[u8]) -> (tempfile::NamedTempFile, RecordFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let records = RecordFile::open(file.path()).unwrap();
        (file, records)
    }

    #[test]
    fn bytes_are_those_of_the_published_format() {
        let mut bytes = Vec::new();
        assert_eq!(append(&mut bytes, b"abcde").unwrap(), 16);
        assert_eq!(bytes, *b"\x0a\x23\xd7\xce\x05\0\0\0abcde\0\0\0");

        // The magic number in the middle: two parts without it, with the flags 1 and 3.
        bytes.clear();
        append(&mut bytes, b"abcd\x0a\x23\xd7\xceef").unwrap();
        let parts = b"\x0a\x23\xd7\xce\x04\0\0\x20abcd\x0a\x23\xd7\xce\x02\0\0\x60ef\0\0";
        assert_eq!(bytes, *parts);

        // Three parts; the first and the last are empty.
        bytes.clear();
        append(&mut bytes, b"\x0a\x23\xd7\xceabcd\x0a\x23\xd7\xce").unwrap();
        let parts = b"\x0a\x23\xd7\xce\0\0\0\x20\x0a\x23\xd7\xce\x04\0\0\x40abcd\x0a\x23\xd7\xce\0\0\0\x60";
        assert_eq!(bytes, *parts);

        // At another offset than a multiple of 4 it is no boundary.
        bytes.clear();
        append(&mut bytes, b"a\x0a\x23\xd7\xceb").unwrap();
        assert_eq!(bytes[4..8], [6, 0, 0, 0]);
    }

    #[test]
    fn incomplete_and_missing_records_are_reported_with_their_offset() {
        let mut bytes = Vec::new();
        let first = append(&mut bytes, &[7; 100]).unwrap();
        append(&mut bytes, b"abcd\x0a\x23\xd7\xceefgh").unwrap();
        let (_, complete) = file_of(&bytes);
        assert!(matches!(complete.read(4), Err(RecordError::NoRecord { offset: 4, .. })));
        for length in 1..bytes.len() as u64 {
            let (_, truncated) = file_of(&bytes[..length as usize]);
            let result = truncated.read(0).and_then(|(_, next)| truncated.read(next));
            assert!(matches!(result, Err(RecordError::Incomplete { .. })), "{length} bytes");
        }
        // A last part in the place of a first one.
        assert!(matches!(complete.read(first + 12), Err(RecordError::Incomplete { .. })));
    }

    /// Bytes with many magic numbers, at multiples of 4 and at other offsets.
    fn payload() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(MAGIC.to_le_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..9),
            Just(vec![1, 2, 3, 4]),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in payload(), at: prop::sample::Index, value: u8, offset in 0u64..64,
        ) {
            let mut file = Vec::new();
            append(&mut file, &bytes).unwrap();
            let index = at.index(file.len());
            file[index] = value;
            bytes.extend(file);
            let (_, file) = file_of(&bytes);
            if let Ok((payload, next)) = file.read(offset) {
                prop_assert!(payload.len() <= bytes.len() && next > offset);
            }
            let _ = file.read_prefix(offset);
        }

        #[test]
        fn written_records_are_read_back(payloads in proptest::collection::vec(payload(), 1..6)) {
            let mut bytes = Vec::new();
            let mut offsets = vec![0];
            for payload in &payloads {
                offsets.push(offsets.last().unwrap() + append(&mut bytes, payload).unwrap());
            }
            prop_assert_eq!(*offsets.last().unwrap(), bytes.len() as u64);
            let (_, file) = file_of(&bytes);
            for (index, payload) in payloads.iter().enumerate() {
                let (read, next) = file.read(offsets[index]).unwrap();
                prop_assert_eq!(&read, payload);
                prop_assert_eq!(next, offsets[index + 1]);
                let prefix = file.read_prefix(offsets[index]).unwrap();
                prop_assert_eq!(&payload[..prefix.start.len()], &prefix.start[..]);
                prop_assert_eq!((prefix.length, prefix.next), (payload.len(), next));
            }
            // A magic number at a multiple of 4 begins a part.
            let marks = bytes.as_chunks::<4>().0.iter().filter(|word| u32::from_le_bytes(**word) == MAGIC);
            let inside = payloads.iter().flat_map(|p| p.as_chunks::<4>().0);
            let cuts = inside.filter(|word| u32::from_le_bytes(**word) == MAGIC).count();
            prop_assert_eq!(marks.count(), payloads.len() + cuts);
        }
    }
}
