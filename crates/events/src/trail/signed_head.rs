//! A signed head of the tree: a checkpoint (<https://c2sp.org/tlog-checkpoint>) as a signed note
//! (<https://c2sp.org/signed-note>).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{CompactRange, Hash, PublicKey, SigningKey};

/// The most bytes of a note that is read.
const MAX_BYTES: usize = 4096;

/// Why a text is not a head of this trail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The text has another format.
    #[error(
        "not a signed head: {0}; a head is the text that the door has published, with its last empty line and signature"
    )]
    Format(&'static str),
    /// Another key signed it.
    #[error(
        "the head of {found} is not signed by the key of this trail, {expected}: it is another door's, or the key was replaced"
    )]
    OtherKey {
        /// The origin of the head.
        found: String,
        /// The name of the expected key.
        expected: String,
    },
    /// The signature is wrong.
    #[error("the signature of the head is wrong: the text was changed")]
    Signature,
}

/// The size and the root of a tree, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    size: u64,
    root: Hash,
    note: String,
}

impl SignedHead {
    /// Signs the head of this tree.
    pub fn sign(range: &CompactRange, key: &SigningKey) -> Self {
        let (size, root) = (range.size(), range.root());
        let text = format!("{}\n{size}\n{}\n", key.public().name(), BASE64_STANDARD.encode(root));
        let mut signature = key.public().id().to_vec();
        signature.extend(key.sign(text.as_bytes()));
        let signature = BASE64_STANDARD.encode(signature);
        Self { size, root, note: format!("{text}\n\u{2014} {} {signature}\n", key.public().name()) }
    }

    /// Reads a head and checks its signature. Signatures of other keys may be present too.
    ///
    /// # Errors
    /// If the text is not a head, or this key did not sign it.
    pub fn verify(note: &str, key: &PublicKey) -> Result<Self, HeadError> {
        if note.len() > MAX_BYTES {
            return Err(HeadError::Format("it is too long"));
        }
        let split = note.rfind("\n\n").ok_or(HeadError::Format("it has no signature"))?;
        let (text, signatures) = note.split_at(split + 1);
        let mut lines = text.lines();
        let origin =
            lines.next().filter(|origin| !origin.is_empty()).ok_or(HeadError::Format("it is empty"))?;
        let size = lines.next().and_then(number).ok_or(HeadError::Format("its second line is no number"))?;
        let root = lines.next().and_then(|root| BASE64_STANDARD.decode(root).ok());
        let root = root.and_then(|root| Hash::try_from(root).ok());
        let root = root.ok_or(HeadError::Format("its third line is no SHA-256 in base64"))?;
        let own = signatures.trim_start_matches('\n').lines().find_map(|line| signature(line, key));
        let other = || HeadError::OtherKey { found: origin.to_owned(), expected: key.name().to_owned() };
        let signature = own.filter(|_| origin == key.name()).ok_or_else(other)?;
        if !key.has_signed(text.as_bytes(), &signature) {
            return Err(HeadError::Signature);
        }
        Ok(Self { size, root, note: note.to_owned() })
    }

    /// The number of leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The text that other systems keep.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// A number without sign and leading zeros.
fn number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// The signature in a line, if it is by this key.
fn signature(line: &str, key: &PublicKey) -> Option<Vec<u8>> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let signature = BASE64_STANDARD.decode(signature).ok()?;
    let (id, signature) = signature.split_first_chunk::<4>()?;
    (name == key.name() && *id == key.id()).then(|| signature.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        let folder = tempfile::tempdir().unwrap();
        SigningKey::load_or_create(&folder.path().join("key")).unwrap().0
    }

    fn range() -> CompactRange {
        let mut range = CompactRange::default();
        (0..5).for_each(|number| range.push([number; 32]));
        range
    }

    #[test]
    fn a_head_is_a_note_of_three_lines_and_reads_back() {
        let key = key();
        let head = SignedHead::sign(&range(), &key);
        let lines: Vec<_> = head.note().lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (5, key.public().name(), "5", ""));
        assert!(lines[4].starts_with(&format!("\u{2014} {} ", key.public().name())));
        assert_eq!(SignedHead::verify(head.note(), key.public()), Ok(head.clone()));
        assert_eq!((head.size(), *head.root()), (5, range().root()));
        // A witness adds its signature.
        let cosigned = format!("{}\u{2014} witness.example AAAAAAAA\n", head.note());
        assert_eq!(SignedHead::verify(&cosigned, key.public()).unwrap().size(), 5);
    }

    #[test]
    fn a_changed_head_and_that_of_another_key_are_refused() {
        let key = key();
        let head = SignedHead::sign(&range(), &key);
        let changed = head.note().replacen("\n5\n", "\n4\n", 1);
        assert_eq!(SignedHead::verify(&changed, key.public()), Err(HeadError::Signature));
        let other = SignedHead::sign(&range(), &super::tests::key());
        assert!(matches!(SignedHead::verify(other.note(), key.public()), Err(HeadError::OtherKey { .. })));
        for text in ["", "\n\n", "a\n\n", "a\n05\n\n", "a\n5\nxx\n\n", "a\n5\n\n\u{2014} a"] {
            assert!(matches!(SignedHead::verify(text, key.public()), Err(HeadError::Format(_))), "{text:?}");
        }
    }
}
