//! `[snapshots]`

use crate::rule::integer;

section! {
    /// Pictures of strangers: of each visit of a face that nobody enrolled has, one picture of that face. They stay on this
    /// computer. In some countries a sign at the door must tell people of them.
    [snapshots] Snapshots {
        /// For how many days a picture is kept; 0 for no pictures. At most 500 pictures are kept.
        days: u32 = 0 => integer(0, 30).settable();
    }
}
