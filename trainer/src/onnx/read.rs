//! What the nodes and tensors of a file say.

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

/// A tensor of floats that a file has.
#[derive(Debug, Clone)]
pub struct Constant {
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
}

/// What an error calls a node.
pub fn named(node: &NodeProto) -> String {
    format!("{} {}", node.op_type, node.output.first().unwrap_or(&node.name))
}

pub fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// The values of a tensor of floats.
pub fn constant(tensor: &TensorProto) -> Result<(String, Constant)> {
    let dims: Option<Vec<usize>> = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let dims = dims.with_context(|| format!("{} has the shape {:?}", tensor.name, tensor.dims))?;
    let values: Vec<f32> = match tensor.raw_data.is_empty() {
        true => tensor.float_data.clone(),
        false => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    };
    let numbers = dims.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim));
    ensure!(numbers == Some(values.len()), "{} does not have its shape", tensor.name);
    ensure!(values.iter().all(|value| value.is_finite()), "{} is not finite", tensor.name);
    Ok((tensor.name.clone(), Constant { dims, values }))
}
