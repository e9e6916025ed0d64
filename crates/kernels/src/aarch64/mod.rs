//! Kernels for aarch64. Activations are kept as signed bytes ([`Isa::storage_mask`](crate::Isa::storage_mask)).

pub(crate) mod add;
pub(crate) mod conv_dotprod;
pub(crate) mod conv_neon;
pub(crate) mod depthwise_dotprod;
pub(crate) mod depthwise_neon;
mod epilogue;
