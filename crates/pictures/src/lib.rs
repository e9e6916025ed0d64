//! Picture files to frames: JPEG and PNG, whole and of sane size.

mod error;
mod jpeg;
mod picture;

pub use error::PictureError;
pub use jpeg::is_whole as is_whole_jpeg;
pub use picture::{MAX_PIXELS, decode_picture, read_picture, read_picture_bytes};
