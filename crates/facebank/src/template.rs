//! Templates: the stored data of one photo of a person.

use std::fmt;

use ostiary_core::{Crop, Embedding, hex};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sha2::{Digest, Sha256};

/// Number of hexadecimal digits of a SHA-256 hash.
const HEX_DIGITS: usize = 64;
/// The largest difference from length 1 of a stored embedding, for rounding errors.
const UNIT_LENGTH_TOLERANCE: f32 = 1e-3;

/// SHA-256 of the photo's file, or of the RGB bytes of a camera frame. It identifies the same photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhotoHash(pub [u8; 32]);

impl PhotoHash {
    /// The hash of the content of a file.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// Parses 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |b, d| b << 4 | d)).collect();
        (digits.len() == HEX_DIGITS).then_some(Self(bytes.try_into().ok()?))
    }
}

/// Prints 64 lower-case hexadecimal digits.
impl fmt::Display for PhotoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
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

/// The data of one photo of a person.
#[derive(Debug, Clone)]
pub struct Template {
    /// The embedding of the face, which probes are compared with.
    pub embedding: Embedding,
    /// The hash of the photo.
    pub photo: PhotoHash,
    /// The weight of the embedding in the template of the person, above 0, at most 1
    /// ([`Quality::weight`](ostiary_core::Quality::weight)).
    pub weight: f32,
    /// The aligned face; `None` if crops are not stored.
    pub crop: Option<Crop>,
}

/// Whether a number can be the weight of a photo.
pub(super) fn is_weight(weight: f32) -> bool {
    weight > 0.0 && weight <= 1.0
}

/// The stored form of an embedding: its values as `f32`, little-endian.
pub(super) fn to_blob(embedding: &Embedding) -> Vec<u8> {
    embedding.values().iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The embedding of a stored form; `None` if it is damaged.
pub(super) fn from_blob(blob: &[u8]) -> Option<Embedding> {
    let (numbers, rest) = blob.as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    rest.is_empty().then(|| from_unit(&values))?
}

/// The embedding with these values; `None` unless they have length 1, as the values of an embedding do.
pub(super) fn from_unit(values: &[f32]) -> Option<Embedding> {
    let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    ((length - 1.0).abs() < UNIT_LENGTH_TOLERANCE).then(|| Embedding::normalized(values))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_parses_from_its_printed_form() {
        let hash = PhotoHash::of(b"abc");
        assert!(hash.to_string().starts_with("ba7816bf"));
        assert_eq!(PhotoHash::from_hex(&hash.to_string()), Some(hash));
        assert_eq!(PhotoHash::from_hex("ba78"), None);
        assert_eq!(PhotoHash::from_hex(&"g".repeat(64)), None);
    }

    #[test]
    fn a_flipped_bit_in_a_stored_embedding_is_detected() {
        let mut blob = to_blob(&Embedding::normalized(&[0.6, 0.8]).unwrap());
        assert!(from_blob(&blob).is_some());
        blob[3] ^= 0x40;
        assert!(from_blob(&blob).is_none());
        assert!(from_blob(&blob[..7]).is_none());
        assert!(from_blob(&[]).is_none());
    }
}
