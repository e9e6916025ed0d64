//! The sum of two tensors: what closes a residual block.

use std::ops::Range;

use crate::{EpilogueError, Isa, Tensor};

/// `round(a * a_scale + b * b_scale + offset)` to the even of two nearest, held to 0..=255, for each channel.
/// The scales are the inputs' over the output's; the offset holds all three zero points.
#[derive(Debug, Clone)]
pub struct Add {
    isa: Isa,
    a_scale: Vec<f32>,
    b_scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Add {
    /// One number a channel each.
    ///
    /// # Panics
    ///
    /// If there are not as many of each.
    pub fn new(a_scale: &[f32], b_scale: &[f32], offset: &[f32], isa: Isa) -> Result<Self, EpilogueError> {
        assert!(a_scale.len() == b_scale.len() && a_scale.len() == offset.len(), "one number a channel each");
        assert!(isa.runs_here(), "{isa} does not run here");
        let lanes = [a_scale, b_scale, offset];
        if let Some(channel) = (0..offset.len()).find(|c| !lanes.iter().all(|lane| lane[*c].is_finite())) {
            return Err(EpilogueError::NotFinite { channel });
        }
        let [a_scale, b_scale, offset] = lanes.map(|lane| {
            let mut padded = lane.to_vec();
            padded.resize(lane.len().next_multiple_of(Tensor::LANES), 0.0);
            padded
        });
        Ok(Self { isa, a_scale, b_scale, offset })
    }

    /// Computes some rows of the sum; see [`Conv::run`](crate::Conv::run). All tensors are of one size, their
    /// borders their own.
    ///
    /// # Panics
    ///
    /// If the tensors are not of one size, or the memory does not fit them.
    pub fn run(&self, [a, b]: [(&Tensor, &[u8]); 2], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let size = |tensor: &Tensor| (tensor.images, tensor.height, tensor.width, tensor.pitch);
        assert!(size(a.0) == size(to) && size(b.0) == size(to), "tensors of one size");
        assert_eq!(to.pitch, self.offset.len(), "the layer's channels");
        let begin = to.row_start(rows.start);
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let bytes = to.width * to.pitch;
            let inputs = [a, b].map(|(tensor, values)| &values[tensor.pixel(image, y, 0)..][..bytes]);
            let output = &mut output[to.pixel(image, y, 0) - begin..][..bytes];
            match self.isa {
                // SAFETY: `new` made sure that this machine has the instructions.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => unsafe { self.row_avx2(inputs, output) },
                _ => self.row(inputs, output),
            }
        }
    }

    /// The same code, compiled with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn row_avx2(&self, inputs: [&[u8]; 2], output: &mut [u8]) {
        self.row(inputs, output);
    }

    #[inline(always)]
    fn row(&self, [a, b]: [&[u8]; 2], output: &mut [u8]) {
        let pitch = self.offset.len();
        let pixels = a.chunks_exact(pitch).zip(b.chunks_exact(pitch)).zip(output.chunks_exact_mut(pitch));
        for ((a, b), output) in pixels {
            let scales = self.a_scale.iter().zip(&self.b_scale).zip(&self.offset);
            for (((a, b), output), ((a_scale, b_scale), offset)) in a.iter().zip(b).zip(output).zip(scales) {
                let sum = f32::from(*a).mul_add(*a_scale, f32::from(*b).mul_add(*b_scale, *offset));
                let held = sum.round_ties_even().clamp(0.0, 255.0);
                // SAFETY: the scales and the offset are finite, so that the sum is a number or infinite, and
                // held to what a byte holds. A checked conversion would keep this loop from being vectorised.
                *output = unsafe { held.to_int_unchecked::<i32>() } as u8;
            }
        }
    }
}
