//! Reads nodes and tensors of ONNX files.

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, ValueInfoProto};

/// A constant tensor of floats, with as many values as its shape has.
#[derive(Debug, Clone)]
pub struct Constant {
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
}

/// Name of a node in error messages.
pub fn node_label(node: &NodeProto) -> String {
    format!("{} {}", node.op_type, node.output.first().unwrap_or(&node.name))
}

/// The first output of a node; empty if it has none.
pub fn output(node: &NodeProto) -> &str {
    node.output.first().map_or("", String::as_str)
}

/// An input of a node; empty if it is left out.
pub fn input(node: &NodeProto, index: usize) -> &str {
    node.input.get(index).map_or("", String::as_str)
}

/// An attribute of a node by its name.
pub fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// Name, shape and values of a tensor of floats.
///
/// # Errors
/// If the values do not have the shape, or are not finite.
pub fn constant(tensor: &TensorProto) -> Result<(String, Constant)> {
    let dims: Option<Vec<usize>> = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let dims = dims.with_context(|| format!("{} has the impossible shape {:?}", tensor.name, tensor.dims))?;
    let values: Vec<f32> = match tensor.raw_data.is_empty() {
        true => tensor.float_data.clone(),
        false => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    };
    let numbers = dims.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim));
    ensure!(numbers == Some(values.len()), "{} does not have the values of its shape", tensor.name);
    ensure!(values.iter().all(|value| value.is_finite()), "{} has values that are not finite", tensor.name);
    Ok((tensor.name.clone(), Constant { dims, values }))
}

/// Channels, height and width of the input; 0 for any size.
///
/// # Errors
/// If the input is not a batch of pictures of 3 channels in floats.
pub fn input_shape(input: &ValueInfoProto) -> Result<[usize; 3]> {
    use tract_onnx::pb::tensor_shape_proto::dimension::Value;
    use tract_onnx::pb::type_proto::Value::TensorType;
    let Some(TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        bail!("the input is not a tensor")
    };
    ensure!(
        tensor.elem_type == DataType::Float as i32,
        "the input does not have 32-bit floats: is the network already quantized?"
    );
    let dims: Vec<usize> = tensor
        .shape
        .iter()
        .flat_map(|shape| &shape.dim)
        .map(|dim| match dim.value {
            Some(Value::DimValue(size)) => size.max(0) as usize,
            _ => 0,
        })
        .collect();
    match dims[..] {
        [_, 3, height, width] => Ok([3, height, width]),
        _ => bail!("the shape of the input is {dims:?}, not a batch of pictures of 3 channels"),
    }
}
