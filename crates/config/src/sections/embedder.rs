//! `[embedder]`

use crate::rule::flag;

section! {
    /// How a face becomes an embedding.
    [embedder] Embedder {
        /// Embed each face and its mirror image: slightly more accurate, twice the work.
        flip: bool = false => flag();
    }
}
