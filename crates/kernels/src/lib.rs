//! Fused 8-bit kernels for small convolutional networks.
//!
//! Activations are `u8` with a zero point, pixel after pixel (NHWC); weights are `s8` with a scale for each
//! output channel. What comes in: a [`Tensor`]'s bytes and a layer made once ([`Conv`], [`Depthwise`], [`Add`],
//! [`MaxPool`]). What goes out: the next tensor's bytes, or `f32` at the network's end. Every layer ends in the
//! same [`Epilogue`], so that nothing but `u8` goes from one layer to the next.
//!
//! A layer is bound to an instruction set ([`Isa`]) when it is made. All of them give the same bytes as
//! [`Isa::Scalar`], which is what the tests hold them to. `unsafe` lives in `x86/`, `aarch64/` and
//! `scalar`, in the calls into them, and in `aligned`, nowhere else.

mod add;
mod aligned;
mod conv;
mod depthwise;
mod epilogue;
mod isa;
mod job;
mod pool;
mod scalar;
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
pub use tensor::{Tensor, Window};
