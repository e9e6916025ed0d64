//! Records in a file, as dmlc-core's recordio.h has them: the magic number and a word that holds flag (upper 3 bits) and
//! length (lower 29), both little-endian; the bytes; padding to 4 bytes.
//!
//! A payload in which the magic number stands at a multiple of 4 is cut there and its parts are flagged (1 first,
//! 2 middle, 3 last; 0 is a whole record), so that a reader can find the next record from anywhere. The magic number
//! between two parts is left out, and put back when the record is read.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub const MAGIC: u32 = 0xced7_230a;
const LENGTH_BITS: u32 = 29;
/// The longest part, bytes.
const MAX_PART: usize = (1 << LENGTH_BITS) - 1;
/// Bytes before each part.
const HEAD: u64 = 8;
/// What [`RecordFile::glimpse`] shows of a payload, bytes: enough for the head of a face record with a few labels.
const GLIMPSE: usize = 64;

/// Why a file of records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{path}: cannot be read: {why}")]
    Unreadable { path: PathBuf, why: io::Error },
    #[error(
        "{path}: no record begins at byte {offset}: it is no RecordIO file, or damaged there; copy it again"
    )]
    NoRecord { path: PathBuf, offset: u64 },
    #[error("{path}: the record at byte {offset} is torn; copy the file again")]
    Torn { path: PathBuf, offset: u64 },
}

/// Writes one record; gives the bytes that it took.
pub fn append(file: &mut impl Write, payload: &[u8]) -> io::Result<u64> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for (index, word) in payload.as_chunks::<4>().0.iter().enumerate() {
        if u32::from_le_bytes(*word) == MAGIC {
            parts.push(&payload[begin..index * 4]);
            begin = index * 4 + 4;
        }
    }
    parts.push(&payload[begin..]);
    let last = parts.len() - 1;
    let mut written = 0;
    for (index, part) in parts.into_iter().enumerate() {
        let flag = match index {
            _ if last == 0 => 0,
            0 => 1,
            _ if index < last => 2,
            _ => 3,
        };
        if part.len() > MAX_PART {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record holds at most 512 MiB"));
        }
        file.write_all(&MAGIC.to_le_bytes())?;
        file.write_all(&(flag << LENGTH_BITS | part.len() as u32).to_le_bytes())?;
        file.write_all(part)?;
        let padding = part.len().next_multiple_of(4) - part.len();
        file.write_all(&[0; 3][..padding])?;
        written += HEAD + (part.len() + padding) as u64;
    }
    Ok(written)
}

/// A file of records, read at offsets, by any number of threads.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    file: File,
    length: u64,
}

/// The begin of a record's payload, whether there is more of it, and where the next record begins.
pub struct Glimpse {
    pub start: Vec<u8>,
    pub length: usize,
    pub next: u64,
}

impl RecordFile {
    /// Opens the file.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let unreadable = |why| RecordError::Unreadable { path: path.to_owned(), why };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The payload of the record at an offset, and the next record's offset.
    pub fn read(&self, offset: u64) -> Result<(Vec<u8>, u64), RecordError> {
        let mut payload = Vec::new();
        let mut at = offset;
        loop {
            let (flag, length) = self.head(at)?;
            let is_first = at == offset;
            if matches!(flag, 0 | 1) != is_first {
                return Err(RecordError::Torn { path: self.path.clone(), offset });
            }
            if !is_first {
                payload.extend(MAGIC.to_le_bytes());
            }
            let begin = payload.len();
            payload.resize(begin + length, 0);
            self.fill(&mut payload[begin..], at + HEAD)?;
            at += HEAD + length.next_multiple_of(4) as u64;
            if matches!(flag, 0 | 3) {
                return Ok((payload, at));
            }
        }
    }

    /// The begin of the record at an offset, without reading all of it.
    pub fn glimpse(&self, offset: u64) -> Result<Glimpse, RecordError> {
        let (flag, length) = self.head(offset)?;
        if flag != 0 {
            let (start, next) = self.read(offset)?;
            return Ok(Glimpse { length: start.len(), start, next });
        }
        let mut start = vec![0; length.min(GLIMPSE)];
        self.fill(&mut start, offset + HEAD)?;
        Ok(Glimpse { start, length, next: offset + HEAD + length.next_multiple_of(4) as u64 })
    }

    /// Flag and length of the part at an offset. The part lies within the file.
    fn head(&self, offset: u64) -> Result<(u32, usize), RecordError> {
        let mut head = [0; HEAD as usize];
        if offset + HEAD > self.length {
            return Err(RecordError::Torn { path: self.path.clone(), offset });
        }
        self.fill(&mut head, offset)?;
        let [magic, word] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|byte| head[at + byte])));
        let (flag, length) = (word >> LENGTH_BITS, word as usize & MAX_PART);
        if magic != MAGIC || flag > 3 {
            return Err(RecordError::NoRecord { path: self.path.clone(), offset });
        }
        if offset + HEAD + length as u64 > self.length {
            return Err(RecordError::Torn { path: self.path.clone(), offset });
        }
        Ok((flag, length))
    }

    fn fill(&self, bytes: &mut [u8], offset: u64) -> Result<(), RecordError> {
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

        // The magic number in the middle: two parts, flagged 1 and 3, without it.
        bytes.clear();
        append(&mut bytes, b"abcd\x0a\x23\xd7\xceef").unwrap();
        let parts = b"\x0a\x23\xd7\xce\x04\0\0\x20abcd\x0a\x23\xd7\xce\x02\0\0\x60ef\0\0";
        assert_eq!(bytes, *parts);

        // Three parts, the first and the last of no bytes.
        bytes.clear();
        append(&mut bytes, b"\x0a\x23\xd7\xceabcd\x0a\x23\xd7\xce").unwrap();
        let parts = b"\x0a\x23\xd7\xce\0\0\0\x20\x0a\x23\xd7\xce\x04\0\0\x40abcd\x0a\x23\xd7\xce\0\0\0\x60";
        assert_eq!(bytes, *parts);

        // Not at a multiple of 4 it is as any other bytes.
        bytes.clear();
        append(&mut bytes, b"a\x0a\x23\xd7\xceb").unwrap();
        assert_eq!(bytes[4..8], [6, 0, 0, 0]);
    }

    #[test]
    fn what_is_torn_or_no_record_is_named_with_its_place() {
        let mut bytes = Vec::new();
        let first = append(&mut bytes, &[7; 100]).unwrap();
        append(&mut bytes, b"abcd\x0a\x23\xd7\xceefgh").unwrap();
        let (_, whole) = file_of(&bytes);
        assert!(matches!(whole.read(4), Err(RecordError::NoRecord { offset: 4, .. })));
        for length in 1..bytes.len() as u64 {
            let (_, torn) = file_of(&bytes[..length as usize]);
            let result = torn.read(0).and_then(|(_, next)| torn.read(next));
            assert!(matches!(result, Err(RecordError::Torn { .. })), "{length} bytes");
        }
        // A last part where a first one should be.
        assert!(matches!(whole.read(first + 12), Err(RecordError::Torn { .. })));
    }

    /// Bytes in which the magic number is frequent, at multiples of 4 and elsewhere.
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
            let _ = file.glimpse(offset);
        }

        #[test]
        fn records_come_back_as_they_were(payloads in proptest::collection::vec(payload(), 1..6)) {
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
                let glimpse = file.glimpse(offsets[index]).unwrap();
                prop_assert_eq!(&payload[..glimpse.start.len()], &glimpse.start[..]);
                prop_assert_eq!((glimpse.length, glimpse.next), (payload.len(), next));
            }
            // Wherever it stands at a multiple of 4, the magic number begins a part.
            let marks = bytes.as_chunks::<4>().0.iter().filter(|word| u32::from_le_bytes(**word) == MAGIC);
            let inside = payloads.iter().flat_map(|p| p.as_chunks::<4>().0);
            let cuts = inside.filter(|word| u32::from_le_bytes(**word) == MAGIC).count();
            prop_assert_eq!(marks.count(), payloads.len() + cuts);
        }
    }
}
