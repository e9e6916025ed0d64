//! Reads the bundled portraits.

use ostiary_testkit::{Photo, portrait};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A portrait of [`PORTRAITS`](ostiary_testkit::PORTRAITS).
pub fn load((name, landmarks): (&str, [[f32; 2]; 5])) -> Photo {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let file = std::fs::read(portrait(&format!("{name}.jpg"))).unwrap();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    let gray = decoder.decode().unwrap();
    Photo::new(decoder.dimensions().unwrap(), gray, landmarks)
}
