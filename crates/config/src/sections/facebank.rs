//! `[facebank]`

use std::path::PathBuf;

use crate::rule::{flag, text};

section! {
    /// The enrolled people and their templates.
    [facebank] Facebank {
        /// The file.
        path: PathBuf = "/var/lib/ostiary/facebank.sqlite".into() => text().restart();
        /// Keep the crops of enrolled faces, so that templates for a new model can be made without the people.
        keep_crops: bool = false => flag();
    }
}
