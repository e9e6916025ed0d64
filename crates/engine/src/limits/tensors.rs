//! The tensors of a file: each has as many numbers as its shape says.

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

use super::{LimitError, MAX_CONSTANT, MAX_NODES, MAX_RANK, elements};

/// Whether the graph has a size that can be handled, and each of its tensors the data that its shape needs.
///
/// # Errors
/// Names the tensor and what is wrong with it.
pub fn check(file: &ModelProto) -> Result<(), LimitError> {
    let Some(graph) = &file.graph else { return Ok(()) };
    if graph.node.len() > MAX_NODES {
        return Err(LimitError::new("the graph", format!("it has more than {MAX_NODES} nodes")));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(LimitError::new("the graph", "it has sparse tensors, which are not supported"));
    }
    constants(graph).try_for_each(|(name, tensor)| {
        size(tensor).map_err(|why| LimitError::new(format!("tensor {name}"), why))
    })
}

/// All tensors of a graph, with the name that they are known by.
fn constants(graph: &GraphProto) -> impl Iterator<Item = (&str, &TensorProto)> {
    let initializers = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let attributes = graph.node.iter().flat_map(|node| {
        let tensors =
            node.attribute.iter().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
        tensors.map(|tensor| (node.name.as_str(), tensor))
    });
    initializers.chain(attributes)
}

/// A tensor's shape.
pub fn shape(tensor: &TensorProto) -> Result<Vec<u64>, String> {
    if tensor.dims.len() > MAX_RANK {
        return Err(format!("it has more than {MAX_RANK} dimensions"));
    }
    let dims: Result<Vec<u64>, _> = tensor.dims.iter().map(|dim| u64::try_from(*dim)).collect();
    let dims = dims.map_err(|_| format!("its shape {:?} is negative", tensor.dims))?;
    if elements(&dims) > MAX_CONSTANT {
        return Err(format!("its shape {dims:?} is of more than {MAX_CONSTANT} numbers"));
    }
    Ok(dims)
}

/// Whether a tensor has the data that its shape needs.
fn size(tensor: &TensorProto) -> Result<(), String> {
    let wanted = elements(&shape(tensor)?);
    if tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty() {
        return Err("its numbers are in another file, which is not supported".into());
    }
    let kind = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
    let (width, typed) = match kind {
        DataType::Float => (4, tensor.float_data.len()),
        DataType::Double => (8, tensor.double_data.len()),
        DataType::Int64 => (8, tensor.int64_data.len()),
        DataType::Uint64 => (8, tensor.uint64_data.len()),
        DataType::Uint32 => (4, tensor.uint64_data.len()),
        DataType::Int32 => (4, tensor.int32_data.len()),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => {
            (2, tensor.int32_data.len())
        }
        DataType::Int8 | DataType::Uint8 | DataType::Bool => (1, tensor.int32_data.len()),
        kind => return Err(format!("its numbers are of the type {kind:?}, which is not supported")),
    };
    let found = match tensor.raw_data.len() as u64 {
        0 => typed as u64,
        bytes if bytes % width == 0 => bytes / width,
        bytes => return Err(format!("its data of {bytes} bytes are no whole numbers of {width} bytes")),
    };
    if found != wanted {
        return Err(format!("its shape {:?} is of {wanted} numbers, and it has {found}", tensor.dims));
    }
    Ok(())
}

/// A tensor's numbers, where they are few and may be a shape, axes or scales.
pub fn few_numbers(tensor: &TensorProto) -> Option<Vec<f64>> {
    /// More than any list of them has.
    const FEW: u64 = 64;
    if elements(&shape(tensor).ok()?) > FEW {
        return None;
    }
    let raw = &tensor.raw_data;
    Some(match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int64 if raw.is_empty() => tensor.int64_data.iter().map(|value| *value as f64).collect(),
        DataType::Int64 => raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f64).collect(),
        DataType::Int32 if raw.is_empty() => {
            tensor.int32_data.iter().map(|value| f64::from(*value)).collect()
        }
        DataType::Int32 => {
            raw.as_chunks().0.iter().map(|bytes| f64::from(i32::from_le_bytes(*bytes))).collect()
        }
        DataType::Float if raw.is_empty() => {
            tensor.float_data.iter().map(|value| f64::from(*value)).collect()
        }
        DataType::Float => {
            raw.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
        }
        _ => return None,
    })
}
