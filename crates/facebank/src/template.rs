//! A template: what is kept of one photo of a person.

use std::fmt;

use ostiary_core::{Crop, Embedding};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sha2::{Digest, Sha256};

/// SHA-256 of the photo's file (or of the camera frame's RGB), by which the same photo is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhotoHash(pub [u8; 32]);

impl PhotoHash {
    /// The hash of a file's content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |b, d| b << 4 | d)).collect();
        (digits.len() == 64).then_some(Self(bytes.try_into().ok()?))
    }
}

/// 64 lower-case hexadecimal digits.
impl fmt::Display for PhotoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ToSql for PhotoHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for PhotoHash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob()?.try_into().map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}

/// One photo of a person, as it is compared.
#[derive(Debug, Clone)]
pub struct Template {
    pub embedding: Embedding,
    pub photo: PhotoHash,
    /// The aligned face, only where crops are kept.
    pub crop: Option<Crop>,
}

/// An embedding as it is stored: `f32`, little-endian.
pub(super) fn to_blob(embedding: &Embedding) -> Vec<u8> {
    embedding.values().iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// An embedding from its stored form; `None` where it is damaged.
pub(super) fn from_blob(blob: &[u8]) -> Option<Embedding> {
    let (numbers, rest) = blob.as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    rest.is_empty().then(|| from_unit(&values))?
}

/// An embedding from numbers that were one before: `None` unless their length is 1, as it then was.
pub(super) fn from_unit(values: &[f32]) -> Option<Embedding> {
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    ((length - 1.0).abs() < 1e-3).then(|| Embedding::normalized(values))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_print_and_parse() {
        let hash = PhotoHash::of(b"abc");
        assert!(hash.to_string().starts_with("ba7816bf"));
        assert_eq!(PhotoHash::from_hex(&hash.to_string()), Some(hash));
        assert_eq!(PhotoHash::from_hex("ba78"), None);
        assert_eq!(PhotoHash::from_hex(&"g".repeat(64)), None);
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut blob = to_blob(&Embedding::normalized(&[0.6, 0.8]).unwrap());
        assert!(from_blob(&blob).is_some());
        blob[3] ^= 0x40;
        assert!(from_blob(&blob).is_none());
        assert!(from_blob(&blob[..7]).is_none());
        assert!(from_blob(&[]).is_none());
    }
}
