//! An ONNX file's graph, as far as recognizing layers needs to look into it.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// A graph with its constants and the consumers of its values at hand.
pub struct Graph<'a> {
    proto: &'a GraphProto,
    constants: HashMap<&'a str, &'a TensorProto>,
    uses: HashMap<&'a str, usize>,
}

/// A constant's numbers.
pub struct Constant<T> {
    pub shape: Vec<usize>,
    pub values: Vec<T>,
}

impl<'a> Graph<'a> {
    pub fn new(proto: &'a GraphProto) -> Self {
        let constants = proto.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let mut uses = HashMap::new();
        let outputs = proto.output.iter().map(|output| &output.name);
        for name in proto.node.iter().flat_map(|node| &node.input).chain(outputs) {
            *uses.entry(name.as_str()).or_insert(0) += 1;
        }
        Self { proto, constants, uses }
    }

    /// In an order in which they can run.
    pub fn nodes(&self) -> &'a [NodeProto] {
        &self.proto.node
    }

    /// The one input that is not a constant.
    pub fn input(&self) -> Option<&'a str> {
        let mut inputs = self.proto.input.iter().filter(|input| !self.is_constant(&input.name));
        let first = inputs.next()?;
        inputs.next().is_none().then_some(first.name.as_str())
    }

    /// Whether the input takes bytes.
    pub fn input_is_bytes(&self) -> bool {
        use tract_onnx::pb::type_proto::Value::TensorType;
        let input = self.proto.input.iter().find(|input| !self.is_constant(&input.name));
        let kind = input.and_then(|input| input.r#type.as_ref()).and_then(|kind| kind.value.as_ref());
        matches!(kind, Some(TensorType(tensor)) if tensor.elem_type == DataType::Uint8 as i32)
    }

    pub fn outputs(&self) -> impl Iterator<Item = &'a str> {
        self.proto.output.iter().map(|output| output.name.as_str())
    }

    pub fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(name)
    }

    /// How many nodes and outputs take a value.
    pub fn uses(&self, name: &str) -> usize {
        self.uses.get(name).copied().unwrap_or(0)
    }

    /// A constant of 32-bit floats.
    pub fn floats(&self, name: &str) -> Option<Constant<f32>> {
        let tensor = self.typed(name, DataType::Float)?;
        let values = match tensor.raw_data.is_empty() {
            true => tensor.float_data.clone(),
            false => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        };
        constant(tensor, values)
    }

    /// A constant of signed bytes.
    pub fn signed(&self, name: &str) -> Option<Constant<i8>> {
        let tensor = self.typed(name, DataType::Int8)?;
        let values = match tensor.raw_data.is_empty() {
            true => tensor.int32_data.iter().map(|value| *value as i8).collect(),
            false => tensor.raw_data.iter().map(|byte| byte.cast_signed()).collect(),
        };
        constant(tensor, values)
    }

    /// A constant of unsigned bytes.
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

/// The numbers, if there are as many as the shape says.
fn constant<T>(tensor: &TensorProto, values: Vec<T>) -> Option<Constant<T>> {
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let shape = shape?;
    let count = shape.iter().try_fold(1usize, |count, dim| count.checked_mul(*dim));
    (count == Some(values.len())).then_some(Constant { shape, values })
}

/// A node's list of numbers; `None` where it is not given.
pub fn ints<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [i64]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.ints[..])
}

/// A node's number.
pub fn int(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.i)
}

/// A node's text.
pub fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.s[..])
}
