//! The types and constants of the kernel's `linux/videodev2.h`, for the crate `v4l`.
//!
//! `scripts/v4l2-bindings` generates every file here but this one. The declarations are the same on all of Ostiary's
//! targets; the layout of what they declare depends on the width of a pointer. Each build compares the layout with that of
//! C, and fails if they differ.

#[rustfmt::skip]
#[allow(clippy::all, missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]
mod bindings;
#[rustfmt::skip]
#[allow(clippy::all)]
#[cfg_attr(target_pointer_width = "64", path = "layout_64.rs")]
#[cfg_attr(target_pointer_width = "32", path = "layout_32.rs")]
mod layout;

pub use bindings::*;
