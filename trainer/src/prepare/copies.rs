//! The same picture twice: saved again at another size or quality, cropped or cut otherwise.
//!
//! Two aligned crops are compared by a perceptual hash, not by their embeddings. An embedding is made to forget all but
//! the person: pictures of one sitting lie as near as copies do, the easiest people would lose most of their pictures, and
//! what is thrown away would hang on the very model that is to be replaced. A difference hash (whether each of 16x16 cells
//! is brighter than its neighbour) of an aligned crop is the same whatever the size and place of the face in the picture,
//! costs nothing, and is 32 bytes. Only pictures of the same person are compared.

use image::RgbImage;
use image_hasher::{HashAlg, Hasher, HasherConfig, ImageHash};
use ostiary_core::Crop;
use serde::{Deserialize, Serialize};

/// Bits of a fingerprint.
const BITS: usize = 256;
/// Fingerprints that differ in so many bits or fewer are of one picture. Measured on aligned crops of the same people:
/// see docs/guide/training-data.md.
const MOST: u32 = 24;

/// What an aligned crop looks like, in 256 bits.
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
        ImageHash::from_base64(&text).map(Self).map_err(|_| "no fingerprint")
    }
}

/// Makes fingerprints.
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

/// The fingerprints of one person, which a set gives one after another.
#[derive(Default)]
pub struct Copies {
    person: String,
    known: Vec<Fingerprint>,
}

impl Copies {
    /// Whether a picture is none of those of this person that were new; it is then one of them.
    pub fn is_new(&mut self, person: &str, print: &Fingerprint) -> bool {
        if self.person != person {
            person.clone_into(&mut self.person);
            self.known.clear();
        }
        let is_new = self.known.iter().all(|known| known.0.dist(&print.0) > MOST);
        if is_new {
            self.known.push(print.clone());
        }
        is_new
    }
}
