//! The sum of two tensors, as at the end of a residual block.

#![cfg_attr(
    not(target_arch = "arm"),
    expect(unsafe_code, reason = "calls the kernels of the instruction sets")
)]

use std::ops::Range;

use crate::scalar::{self, ADD_FRACTION};
use crate::{EpilogueError, Isa, Tensor};

/// A residual sum: `a * a_scale + b * b_scale + offset` for each channel, rounded to nearest (halves up) and clamped to 0..=255.
/// The scales are the quotients of the scales of the inputs and of the output; the offset contains all three zero points.
///
/// Scales and offset are fixed-point numbers with 14 bits after the point, or with fewer if a scale is 2 or more: a sum
/// of two such numbers needs no conversion to floats.
#[derive(Debug, Clone)]
pub struct Add {
    isa: Isa,
    /// Bits after the point of scales and offsets.
    fraction: u32,
    a_scale: Vec<i16>,
    b_scale: Vec<i16>,
    /// The offsets, with what rounds and with what corrects signed bytes ([`Isa::storage_mask`]).
    offset: Vec<i32>,
}

impl Add {
    /// Creates the layer from one value for each channel.
    ///
    /// # Errors
    ///
    /// [`EpilogueError::NotFinite`] if a value is not finite, [`EpilogueError::OutOfRange`] if a scale exceeds 16 bits or a sum can
    /// exceed 32 bits.
    ///
    /// # Panics
    ///
    /// If the slices have different lengths, or this host does not support `isa`.
    pub fn new(a_scale: &[f32], b_scale: &[f32], offset: &[f32], isa: Isa) -> Result<Self, EpilogueError> {
        assert!(
            a_scale.len() == b_scale.len() && a_scale.len() == offset.len(),
            "one value for each channel"
        );
        assert!(isa.is_available(), "this host does not support {isa}");
        let channels = || a_scale.iter().zip(b_scale).zip(offset).map(|((a, b), offset)| [*a, *b, *offset]);
        if let Some(channel) = channels().position(|values| !values.iter().all(|value| value.is_finite())) {
            return Err(EpilogueError::NotFinite { channel });
        }
        let fixed = |value: f32, fraction: u32| (f64::from(value) * f64::from(1u32 << fraction)).round();
        let largest = a_scale.iter().chain(b_scale).fold(0.0f32, |largest, scale| largest.max(scale.abs()));
        let fits = |fraction: &u32| fixed(largest, *fraction) <= f64::from(i16::MAX);
        let fraction = (0..=ADD_FRACTION).rev().find(fits).unwrap_or(0);

        let padded = offset.len().next_multiple_of(Tensor::LANES);
        let mut layer = Self {
            isa,
            fraction,
            a_scale: vec![0; padded],
            b_scale: vec![0; padded],
            offset: vec![0; padded],
        };
        let mask = f64::from(isa.storage_mask());
        let half = if fraction == 0 { 0.0 } else { f64::from(1u32 << (fraction - 1)) };
        for (channel, [a, b, offset]) in channels().enumerate() {
            let [a, b, offset] = [a, b, offset].map(|value| fixed(value, fraction));
            let start = offset + half + mask * (a + b - f64::from(1u32 << fraction));
            let largest = start.abs() + 255.0 * (a.abs() + b.abs());
            if a.abs().max(b.abs()) > f64::from(i16::MAX) || largest > f64::from(i32::MAX) {
                return Err(EpilogueError::OutOfRange { channel });
            }
            layer.a_scale[channel] = a as i16;
            layer.b_scale[channel] = b as i16;
            layer.offset[channel] = start as i32;
        }
        Ok(layer)
    }

    /// Computes the rows `rows` of the sum; see [`Conv::run`](crate::Conv::run). All tensors have the same size; their borders
    /// can differ.
    ///
    /// # Panics
    ///
    /// If the tensors have different sizes, or a slice is too short for its tensor.
    pub fn run(&self, [a, b]: [(&Tensor, &[u8]); 2], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let size = |tensor: &Tensor| (tensor.images, tensor.height, tensor.width, tensor.pitch);
        assert!(size(a.0) == size(to) && size(b.0) == size(to), "the tensors must have the same size");
        assert_eq!(to.pitch, self.offset.len(), "the tensors must have the channels of the layer");
        let begin = to.row_start(rows.start);
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let bytes = to.width * to.pitch;
            let inputs = [a, b].map(|(tensor, values)| &values[tensor.pixel_offset(image, y, 0)..][..bytes]);
            let output = &mut output[to.pixel_offset(image, y, 0) - begin..][..bytes];
            let scales = [&self.a_scale[..], &self.b_scale];
            // SAFETY: `new` has checked that this host supports the instructions, and has padded scales and offsets to whole lanes; a
            // row has whole pixels.
            unsafe {
                match self.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Sse41 | Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => {
                        crate::x86::add::row(scales, &self.offset, self.fraction, inputs, output);
                    }
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon | Isa::NeonDot => {
                        crate::aarch64::add::row(scales, &self.offset, self.fraction, inputs, output);
                    }
                    _ => scalar::add(scales, &self.offset, self.fraction, inputs, output),
                }
            }
        }
    }
}
