//! Kernels for aarch64.

pub(crate) mod dotprod;
mod epilogue;
pub(crate) mod neon;
