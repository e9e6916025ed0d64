//! Reads picture files as frames.
//!
//! What comes in: the path or the bytes of a JPEG or PNG file. What goes out: a [`Frame`](ostiary_core::Frame), rotated as
//! its EXIF orientation says, or an error. A picture larger than the limits is refused before it is decoded.

mod error;
mod jpeg;
mod picture;

pub use error::PictureError;
pub use jpeg::is_complete as is_complete_jpeg;
pub use picture::{MAX_PIXELS, decode_picture, read_picture, read_picture_bytes};
