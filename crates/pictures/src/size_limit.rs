//! How many pixels a picture may have, and which pictures are read at a lower resolution, so that the memory of reading them and
//! of finding faces in them is bounded.

/// The most pixels of a picture, checked in the header before it is decoded.
pub const MAX_PIXELS: u64 = 50_000_000;

/// The most pixels of a picture that is read at its own resolution: phones have 12.2 megapixels. One with more is read at half
/// of it.
pub const FULL_PIXELS: u64 = 12_600_000;

/// The most pixels of a picture that is read at half its resolution; one with more is read at a quarter. The detector takes about
/// 10 bytes for each pixel that is read.
const HALF_PIXELS: u64 = 33_600_000;

/// A picture has too many pixels.
#[derive(Debug, thiserror::Error)]
#[error(
    "{width}x{height} pixels are {} megapixels, and the limit{} is {}; make the picture smaller",
    (f64::from(*width) * f64::from(*height) / 1e6).round(), for_what, limit / 1_000_000
)]
pub struct SizeError {
    width: u32,
    height: u32,
    for_what: &'static str,
    limit: u64,
}

/// How many pixels of the file one pixel of the result is, on each side: 1, 2 or 4.
pub fn scale_for(width: u32, height: u32) -> Result<u32, SizeError> {
    check(width, height, "", MAX_PIXELS)?;
    Ok(match u64::from(width) * u64::from(height) {
        pixels if pixels <= FULL_PIXELS => 1,
        pixels if pixels <= HALF_PIXELS => 2,
        _ => 4,
    })
}

/// Checks the size of a picture of a kind that is only decoded as a whole; `kind` follows the word "limit" in the message.
pub fn check_whole(width: u32, height: u32, kind: &'static str) -> Result<(), SizeError> {
    check(width, height, "", MAX_PIXELS)?;
    check(width, height, kind, FULL_PIXELS)
}

fn check(width: u32, height: u32, for_what: &'static str, limit: u64) -> Result<(), SizeError> {
    match u64::from(width) * u64::from(height) <= limit {
        true => Ok(()),
        false => Err(SizeError { width, height, for_what, limit }),
    }
}
