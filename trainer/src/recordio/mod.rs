//! RecordIO, the packed format of MXNet's face sets: `train.rec`, and beside it `train.idx`, `train.lst` and `property`.
//!
//! `framing` knows records: a magic number, a length, bytes, padding. `header` knows what a face set puts at the
//! head of each. [`RecordFile`] reads at any offset, [`append`] writes.

mod framing;
mod header;

pub use framing::{RecordFile, append};
pub use header::{Header, MOST};

/// What a face set's file is called.
pub const REC: &str = "train.rec";
/// Lines of `index TAB offset`.
pub const IDX: &str = "train.idx";
/// Lines of `index TAB label TAB NAME/FILE`, as MXNet's im2rec has them; InsightFace's sets have
/// `1 TAB NAME/FILE TAB label`.
pub const LST: &str = "train.lst";
/// One line: `people,height,width`.
pub const PROPERTY: &str = "property";
