//! Access to the graph of an ONNX file: constants, and the number of uses of each value.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// A graph with an index of its constants and the number of uses of its values.
pub struct Graph<'a> {
    proto: &'a GraphProto,
    constants: HashMap<&'a str, &'a TensorProto>,
    uses: HashMap<&'a str, usize>,
}

/// A constant tensor.
pub struct Constant<T> {
    /// The shape.
    pub shape: Vec<usize>,
    /// The elements, in row-major order; as many as the shape says.
    pub values: Vec<T>,
}

impl<'a> Graph<'a> {
    /// Builds the index of a graph.
    pub fn new(proto: &'a GraphProto) -> Self {
        let constants = proto.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let mut uses = HashMap::new();
        let outputs = proto.output.iter().map(|output| &output.name);
        for name in proto.node.iter().flat_map(|node| &node.input).chain(outputs) {
            *uses.entry(name.as_str()).or_insert(0) += 1;
        }
        Self { proto, constants, uses }
    }

    /// The nodes, in topological order.
    pub fn nodes(&self) -> &'a [NodeProto] {
        &self.proto.node
    }

    /// The input that is not a constant; `None` unless there is exactly one.
    pub fn input(&self) -> Option<&'a str> {
        let mut inputs = self.proto.input.iter().filter(|input| !self.is_constant(&input.name));
        let first = inputs.next()?;
        inputs.next().is_none().then_some(first.name.as_str())
    }

    /// Whether the input has the type `uint8`.
    pub fn input_is_bytes(&self) -> bool {
        use tract_onnx::pb::type_proto::Value::TensorType;
        let input = self.proto.input.iter().find(|input| !self.is_constant(&input.name));
        let kind = input.and_then(|input| input.r#type.as_ref()).and_then(|kind| kind.value.as_ref());
        matches!(kind, Some(TensorType(tensor)) if tensor.elem_type == DataType::Uint8 as i32)
    }

    /// The names of the outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &'a str> {
        self.proto.output.iter().map(|output| output.name.as_str())
    }

    /// Whether a value is a constant of the file.
    pub fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// Number of uses of a value, by nodes and as an output.
    pub fn uses(&self, name: &str) -> usize {
        self.uses.get(name).copied().unwrap_or(0)
    }

    /// A constant of type `float`; `None` if there is none of this name and type.
    pub fn floats(&self, name: &str) -> Option<Constant<f32>> {
        let tensor = self.typed(name, DataType::Float)?;
        let values = match tensor.raw_data.is_empty() {
            true => tensor.float_data.clone(),
            false => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        };
        constant(tensor, values)
    }

    /// A constant of type `int8`.
    pub fn signed(&self, name: &str) -> Option<Constant<i8>> {
        let tensor = self.typed(name, DataType::Int8)?;
        let values = match tensor.raw_data.is_empty() {
            true => tensor.int32_data.iter().map(|value| *value as i8).collect(),
            false => tensor.raw_data.iter().map(|byte| byte.cast_signed()).collect(),
        };
        constant(tensor, values)
    }

    /// A constant of type `uint8`.
    pub fn unsigned(&self, name: &str) -> Option<Constant<u8>> {
        let tensor = self.typed(name, DataType::Uint8)?;
        let values = match tensor.raw_data.is_empty() {
            true => tensor.int32_data.iter().map(|value| *value as u8).collect(),
            false => tensor.raw_data.clone(),
        };
        constant(tensor, values)
    }

    fn typed(&self, name: &str, kind: DataType) -> Option<&'a TensorProto> {
        self.constants.get(name).copied().filter(|tensor| tensor.data_type == kind as i32)
    }
}

/// The constant, if it has as many elements as its shape says.
fn constant<T>(tensor: &TensorProto, values: Vec<T>) -> Option<Constant<T>> {
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let shape = shape?;
    let count = shape.iter().try_fold(1usize, |count, dim| count.checked_mul(*dim));
    (count == Some(values.len())).then_some(Constant { shape, values })
}

/// An attribute that is a list of integers; `None` if it is omitted.
pub fn ints<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [i64]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.ints[..])
}

/// An attribute that is an integer; `None` if it is omitted.
pub fn int(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.i)
}

/// An attribute that is a string; `None` if it is omitted.
pub fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.s[..])
}
