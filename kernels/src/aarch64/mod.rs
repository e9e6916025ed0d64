//! Kernels for aarch64.
