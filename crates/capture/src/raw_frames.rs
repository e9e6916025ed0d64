//! Frames of a known size without any header, one after another: I420, as cameras' programs write it.

use std::io::{self, ErrorKind, Read};

use ostiary_core::Frame;

use super::pixels::{self, I420};

/// Reads the bytes of one frame into `buffer`. Returns false at the end of the input.
///
/// # Errors
/// The input cannot be read or ends within a frame, as it does if its frames have another size.
pub fn read_i420(layout: &I420, input: &mut (impl Read + ?Sized), buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.resize(layout.bytes(), 0);
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if filled == 0 {
        return Ok(false);
    }
    if filled < buffer.len() {
        return Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            format!(
                "it ended within a frame: the last one has {filled} of the {} bytes of {}x{} pixels",
                buffer.len(),
                layout.width,
                layout.height
            ),
        ));
    }
    Ok(true)
}

/// Converts the bytes of a frame to RGB.
///
/// # Errors
/// They are not those of one frame.
pub fn convert_i420(layout: &I420, buffer: &[u8], frame: &mut Frame) -> io::Result<()> {
    pixels::convert_i420(layout, buffer, frame)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_each_other_and_a_short_last_one_is_an_error() {
        let layout = I420 { width: 4, height: 2, full_range: true };
        let mut bytes: Vec<u8> = [vec![10; 8], vec![128; 4], vec![200; 8], vec![128; 4]].concat();
        bytes.extend([1, 2, 3]);
        let (mut input, mut buffer, mut frame) = (bytes.as_slice(), Vec::new(), Frame::default());
        for level in [10, 200] {
            assert!(read_i420(&layout, &mut input, &mut buffer).unwrap());
            convert_i420(&layout, &buffer, &mut frame).unwrap();
            assert_eq!((frame.width(), frame.height(), frame.rgb()), (4, 2, [level; 24].as_slice()));
        }
        let error = read_i420(&layout, &mut input, &mut buffer).unwrap_err().to_string();
        assert!(error.contains("3 of the 12 bytes of 4x2 pixels"), "{error}");
        assert!(!read_i420(&layout, &mut input, &mut buffer).unwrap());
    }
}
