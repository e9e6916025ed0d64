//! Picture files to frames.
//!
//! What comes in: the path or the bytes of a JPEG or PNG. What goes out: a [`Frame`](ostiary_core::Frame), turned as its
//! EXIF says, or an error. A picture larger than the limits is refused before it is decoded.

mod error;
mod jpeg;
mod picture;

pub use error::PictureError;
pub use jpeg::is_whole as is_whole_jpeg;
pub use picture::{MAX_PIXELS, decode_picture, read_picture, read_picture_bytes};
