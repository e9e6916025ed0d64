//! Kernels for x86-64.

pub(crate) mod add;
pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod avxvnni;
mod epilogue_sse41;
pub(crate) mod sse41;
