//! The Merkle tree of RFC 6962 in the form that an append needs: the roots of its full subtrees, at most one of each size.

use sha2::{Digest, Sha256};

use super::Hash;

/// A tree as its size and the roots of its full subtrees, the largest first. It takes O(log n) bytes, and an append O(log n)
/// hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    roots: Vec<Hash>,
}

impl CompactRange {
    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each full subtree of the same size as the new one becomes one subtree with it.
        let mut rest = self.size;
        while rest & 1 == 1 {
            let Some(left) = self.roots.pop() else { break };
            hash = node_hash(&left, &hash);
            rest >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(smallest) = roots.next() else { return Sha256::digest([]).into() };
        roots.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// The bytes from which [`Self::from_bytes`] makes the same range.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.roots.iter().flatten());
        bytes
    }

    /// A range from its bytes; `None` if they are not those of a range.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, roots) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (roots, rest) = roots.as_chunks::<32>();
        let complete = rest.is_empty() && roots.len() == size.count_ones() as usize;
        complete.then(|| Self { size, roots: roots.to_vec() })
    }
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, section 2.1.
    fn tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            leaves => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&tree_hash(&leaves[..split]), &tree_hash(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_standard_for_every_size() {
        let leaves: Vec<Hash> = (0..70u8).map(|number| [number; 32]).collect();
        let mut range = CompactRange::default();
        for size in 0..leaves.len() {
            assert_eq!(range.root(), tree_hash(&leaves[..size]), "{size} leaves");
            assert_eq!(CompactRange::from_bytes(&range.to_bytes()), Some(range.clone()));
            range.push(leaves[size]);
        }
    }

    #[test]
    fn the_root_of_known_leaves_is_the_published_one() {
        // The test vectors of Certificate Transparency's reference implementation: the first three leaves.
        let inputs: [&[u8]; 3] = [&[], &[0], &[0x10]];
        let mut range = CompactRange::default();
        for input in inputs {
            range.push(Sha256::new().chain_update([0]).chain_update(input).finalize().into());
        }
        let root = ostiary_core::hex(&range.root());
        assert_eq!(root, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    }

    #[test]
    fn bytes_that_are_no_range_are_refused() {
        let mut range = CompactRange::default();
        (0..3).for_each(|number| range.push([number; 32]));
        let bytes = range.to_bytes();
        assert_eq!(CompactRange::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(CompactRange::from_bytes(&bytes[..bytes.len() - 32]), None);
        assert_eq!(CompactRange::from_bytes(&[]), None);
        assert_eq!(CompactRange::from_bytes(&[0xff; 40]), None);
    }
}
