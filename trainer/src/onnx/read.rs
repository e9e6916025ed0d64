//! What the nodes and tensors of a file say.

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, ValueInfoProto};

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

/// Channels, height and width of the input; 0 where any size goes.
pub fn input_shape(input: &ValueInfoProto) -> Result<[usize; 3]> {
    use tract_onnx::pb::tensor_shape_proto::dimension::Value;
    use tract_onnx::pb::type_proto::Value::TensorType;
    let Some(TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        bail!("its input is no tensor")
    };
    ensure!(
        tensor.elem_type == DataType::Float as i32,
        "its input is not of 32-bit floats: is it quantised already?"
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
        _ => bail!("its input is {dims:?}, not a batch of pictures of 3 channels"),
    }
}
