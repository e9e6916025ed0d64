//! RecordIO, the packed format of MXNet's face sets: `train.rec`, and beside it `train.idx`, `train.lst` and `property`.
//!
//! `framing` has the format of records: a magic number, a length, bytes, padding. `header` has the header that a face set puts
//! before each picture. [`RecordFile`] reads at any offset, [`append`] writes.

mod framing;
mod header;

pub use framing::{RecordError, RecordFile, RecordPrefix, append};
pub use header::{Header, MAX_LABEL};

/// File name of the records.
pub const REC: &str = "train.rec";
/// File name of the index, with lines of `number TAB offset`.
pub const IDX: &str = "train.idx";
/// File name of the list, with lines of `number TAB label TAB NAME/FILE` as MXNet's im2rec writes them. The sets of
/// InsightFace have `1 TAB NAME/FILE TAB label`.
pub const LST: &str = "train.lst";
/// File name of the properties, one line: `people,height,width`.
pub const PROPERTY: &str = "property";
