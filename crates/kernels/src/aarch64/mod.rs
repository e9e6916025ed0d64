//! Kernels for aarch64.

pub(crate) mod dot;
mod epilogue;
pub(crate) mod neon;
