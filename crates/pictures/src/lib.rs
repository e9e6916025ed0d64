//! Reads picture files as frames, and finds them in folders.
//!
//! What comes in: the path or the bytes of a JPEG, PNG or WebP file, or a folder. What goes out: a [`Frame`](ostiary_core::Frame),
//! rotated as its EXIF orientation says, or an error; or the pictures in the folder, and what is passed over there. A picture
//! larger than the limits is refused before it is decoded.

mod error;
mod folder;
mod format;
mod jpeg;
mod jpeg_markers;
mod person_folder;
mod picture;
mod png_rows;
mod size_limit;

pub use error::PictureError;
pub use folder::{
    FolderEntries, PassedOver, PictureFolder, folder_entries, is_named_as_picture, pictures_below,
};
pub use jpeg_markers::is_complete as is_complete_jpeg;
pub use person_folder::{PeopleFolder, PersonFolder, person_folders};
pub use picture::{ScaledPicture, decode_picture, read_picture, read_picture_bytes, read_scaled_picture};
pub use size_limit::MAX_PIXELS;
