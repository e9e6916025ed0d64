//! The sum of two tensors, as at the end of a residual block.

#![expect(unsafe_code, reason = "calls functions for AVX2 and SSE4.1, and converts floats without a check")]

use std::ops::Range;

use crate::{EpilogueError, Isa, Tensor};

/// A residual sum: `a * a_scale + b * b_scale + offset` for each channel, rounded to nearest (ties to even) and clamped to
/// 0..=255. The scales are the quotients of the scales of the inputs and of the output; the offset contains all three zero
/// points.
#[derive(Debug, Clone)]
pub struct Add {
    isa: Isa,
    a_scale: Vec<f32>,
    b_scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Add {
    /// Creates the layer from one value for each channel.
    ///
    /// # Errors
    ///
    /// [`EpilogueError::NotFinite`] if a value is not finite.
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
        let parameters = [a_scale, b_scale, offset];
        if let Some(channel) =
            (0..offset.len()).find(|c| !parameters.iter().all(|values| values[*c].is_finite()))
        {
            return Err(EpilogueError::NotFinite { channel });
        }
        let [a_scale, b_scale, offset] = parameters.map(|values| {
            let mut padded = values.to_vec();
            padded.resize(values.len().next_multiple_of(Tensor::LANES), 0.0);
            padded
        });
        Ok(Self { isa, a_scale, b_scale, offset })
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
            match self.isa {
                // SAFETY: `new` has checked that this host supports the instructions.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => unsafe { self.row_avx2(inputs, output) },
                // SAFETY: `new` has checked that this host supports the instructions.
                #[cfg(target_arch = "x86_64")]
                Isa::Sse41 => unsafe { self.row_sse41(inputs, output) },
                isa => self.row(inputs, output, isa.storage_mask()),
            }
        }
    }

    /// The same code, compiled with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn row_avx2(&self, inputs: [&[u8]; 2], output: &mut [u8]) {
        self.row(inputs, output, 0);
    }

    /// The same code, compiled with SSE4.1.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse4.1")]
    fn row_sse41(&self, inputs: [&[u8]; 2], output: &mut [u8]) {
        self.row(inputs, output, 0);
    }

    /// `mask`: see [`Isa::storage_mask`].
    #[inline(always)]
    fn row(&self, [a, b]: [&[u8]; 2], output: &mut [u8], mask: u8) {
        let pitch = self.offset.len();
        let pixels = a.chunks_exact(pitch).zip(b.chunks_exact(pitch)).zip(output.chunks_exact_mut(pitch));
        for ((a, b), output) in pixels {
            let scales = self.a_scale.iter().zip(&self.b_scale).zip(&self.offset);
            for (((a, b), output), ((a_scale, b_scale), offset)) in a.iter().zip(b).zip(output).zip(scales) {
                let sum =
                    f32::from(*a ^ mask).mul_add(*a_scale, f32::from(*b ^ mask).mul_add(*b_scale, *offset));
                let clamped = sum.round_ties_even().clamp(0.0, 255.0);
                // SAFETY: scales and offset are finite, so the sum is not NaN, and it is clamped to the range of a byte.
                // A checked conversion would prevent the vectorization of this loop.
                *output = unsafe { clamped.to_int_unchecked::<i32>() } as u8 ^ mask;
            }
        }
    }
}
