//! Loads a network of a bundle.

use ostiary_core::ModelRole;
use ostiary_engine::{Backend, Onnx};
use ostiary_models::Bundle;

use super::VisionError;

/// Reads the file of a role, checks its hash, and parses it for a backend.
///
/// # Errors
/// The bundle has no such role, the file is damaged, or the network cannot be used.
pub fn load_network(bundle: &Bundle, role: ModelRole, backend: &Backend) -> Result<Onnx, VisionError> {
    let bytes = bundle.read(role)?;
    let path = bundle.path(role)?.display().to_string();
    Ok(Onnx::parse(&path, &bytes, &bundle.entry(role)?.input, backend)?)
}
