//! Fused 8-bit kernels for small convolutional networks.
//!
//! Activations are `u8` with a zero point, in the layout NHWC; weights are `i8` with a scale for each output channel. What
//! comes in: the bytes of a [`Tensor`], combined with [`Isa::storage_mask`], and a layer ([`Conv`], [`Depthwise`], [`Add`],
//! [`MaxPool`], [`SqueezeExcite`]). What goes out: the bytes of the next tensor, or `f32` at the end of the network. Every
//! convolution ends with an [`Epilogue`], which requantizes to `u8`.
//!
//! A layer is bound to an instruction set ([`Isa`]) when it is created. All instruction sets give the same bytes as
//! [`Isa::Scalar`]; the tests compare them. There is `unsafe` code in `x86/`, `aarch64/` and `scalar`, in the calls of their
//! functions, and in `aligned`.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are computed from the shapes of tensors and layers, which the layers assert before they run"
)]

/// The version of the arithmetic: it rises with each change after which the kernels give other bytes. Those of one version are
/// equal on all processors. Results of different versions differ by some roundings.
///
/// 1: scale and bias as floats. 2: biases are integers in units of the sum, the PReLU selects a scale, residual sums are
/// fixed-point numbers.
pub const ARITHMETIC: u32 = 2;

mod add;
mod aligned;
mod conv;
mod depthwise;
mod epilogue;
mod isa;
mod job;
mod pool;
mod scalar;
mod squeeze_excite;
mod tensor;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use add::Add;
pub use aligned::AlignedBytes;
pub use conv::{Conv, ConvShape};
pub use depthwise::Depthwise;
pub use epilogue::{Epilogue, EpilogueError};
pub use isa::Isa;
pub use pool::MaxPool;
pub use squeeze_excite::{Gate, SqueezeExcite};
pub use tensor::{Tensor, Window};
