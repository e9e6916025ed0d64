//! Near duplicates: the same picture again, at another size or quality, or cropped differently.
//!
//! Two aligned crops are compared by a perceptual hash, not by their embeddings. An embedding keeps only the person, so
//! pictures of one photo session are as similar as copies. The people that are easiest to recognize would lose most of their
//! pictures, and the result would depend on the model that training is to replace. A difference hash (whether each of 16x16
//! cells is brighter than its neighbor) of an aligned crop does not depend on the size and position of the face in the
//! picture, is fast, and has 32 bytes. Only pictures of the same person are compared.

use image::RgbImage;
use image_hasher::{HashAlg, Hasher, HasherConfig, ImageHash};
use ostiary_core::Crop;
use serde::{Deserialize, Serialize};

/// Bits of a fingerprint: one for each of 16x16 cells.
const BITS: usize = 256;
/// Fingerprints that differ in at most this number of bits belong to one picture. Measured on aligned crops of the same
/// people: see docs/guide/training-data.md.
const MAX_DISTANCE: u32 = 24;

/// Perceptual hash of an aligned crop, 256 bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(ImageHash<[u8; BITS / 8]>);

impl From<Fingerprint> for String {
    fn from(print: Fingerprint) -> Self {
        print.0.to_base64()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ImageHash::from_base64(&text).map(Self).map_err(|_| "not a fingerprint in Base64")
    }
}

/// Computes fingerprints.
pub struct Fingerprinter(Hasher<[u8; BITS / 8]>);

impl Default for Fingerprinter {
    fn default() -> Self {
        Self(HasherConfig::with_bytes_type().hash_size(16, 16).hash_alg(HashAlg::Gradient).to_hasher())
    }
}

impl Fingerprinter {
    pub fn of(&self, crop: &Crop) -> Fingerprint {
        let side = Crop::SIDE as u32;
        let picture = RgbImage::from_raw(side, side, crop.rgb().to_vec()).unwrap_or_default();
        Fingerprint(self.0.hash_image(&picture))
    }
}

/// The distinct fingerprints of the current person. Pictures must come ordered by person.
#[derive(Default)]
pub struct NearDuplicates {
    person: String,
    distinct: Vec<Fingerprint>,
}

impl NearDuplicates {
    /// Whether a picture is not a near duplicate of an earlier picture of this person. If so, its fingerprint is kept.
    pub fn is_new(&mut self, person: &str, print: &Fingerprint) -> bool {
        if self.person != person {
            person.clone_into(&mut self.person);
            self.distinct.clear();
        }
        let is_new = self.distinct.iter().all(|known| known.0.dist(&print.0) > MAX_DISTANCE);
        if is_new {
            self.distinct.push(print.clone());
        }
        is_new
    }
}
