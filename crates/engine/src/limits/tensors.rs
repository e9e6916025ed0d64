//! Checks that each tensor of a file has as many elements as its shape says.

use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

use super::{LimitError, MAX_CONSTANT, MAX_NODES, MAX_RANK, Refusal, elements};

/// Checks the number of nodes of a graph, and that each of its tensors has the data of its shape.
///
/// # Errors
/// Names the tensor and the reason.
pub fn check(file: &ModelProto) -> Result<(), LimitError> {
    let Some(graph) = &file.graph else { return Ok(()) };
    if graph.node.len() > MAX_NODES {
        return Err(LimitError::new("the graph", format!("it has more than {MAX_NODES} nodes")));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(LimitError::new("the graph", "it has sparse tensors, which are not supported"));
    }
    constants(graph).try_for_each(|(name, tensor)| {
        check_size(tensor).map_err(|why| LimitError::new(format!("tensor {name}"), why))
    })
}

/// All tensors of a graph: the initializers with their names, and those in attributes with the names of their nodes.
fn constants(graph: &GraphProto) -> impl Iterator<Item = (&str, &TensorProto)> {
    let initializers = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let attributes = graph.node.iter().flat_map(|node| {
        let tensors =
            node.attribute.iter().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
        tensors.map(|tensor| (node.name.as_str(), tensor))
    });
    initializers.chain(attributes)
}

/// The shape of a tensor.
///
/// # Errors
/// It is negative or too large.
pub fn shape(tensor: &TensorProto) -> Result<Vec<u64>, Refusal> {
    if tensor.dims.len() > MAX_RANK {
        return Err(format!("it has more than {MAX_RANK} dimensions").into());
    }
    let dims: Result<Vec<u64>, _> = tensor.dims.iter().map(|dim| u64::try_from(*dim)).collect();
    let dims = dims.map_err(|_| format!("its shape {:?} is negative", tensor.dims))?;
    if elements(&dims) > MAX_CONSTANT {
        return Err(format!("its shape {dims:?} has more than {MAX_CONSTANT} elements").into());
    }
    Ok(dims)
}

/// Checks that a tensor has the data of its shape.
fn check_size(tensor: &TensorProto) -> Result<(), Refusal> {
    let expected = elements(&shape(tensor)?);
    if tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty() {
        return Err("its elements are in another file, which is not supported".into());
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
        kind => return Err(format!("its elements have the type {kind:?}, which is not supported").into()),
    };
    let found = match tensor.raw_data.len() as u64 {
        0 => typed as u64,
        bytes if bytes % width == 0 => bytes / width,
        bytes => {
            return Err(format!("its data has {bytes} bytes, which is not a multiple of {width}").into());
        }
    };
    if found != expected {
        return Err(
            format!("its shape {:?} has {expected} elements, and its data has {found}", tensor.dims).into()
        );
    }
    Ok(())
}

/// The elements of a tensor, if they are few and can be a shape, axes or scales.
pub fn known_elements(tensor: &TensorProto) -> Option<Vec<f64>> {
    /// More than any list of axes, sizes or scales has.
    const MAX_KNOWN: u64 = 64;
    if elements(&shape(tensor).ok()?) > MAX_KNOWN {
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
