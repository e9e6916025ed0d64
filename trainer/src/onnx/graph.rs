//! Writes an ONNX graph, node by node.

use prost::Message;
use tract_onnx::pb;

/// Name of the input of every model.
pub const INPUT: &str = "input";

/// The operator set of the graphs: the first with all used operators in their current form.
const OPSET: i64 = 13;
/// The version of the file format that belongs to operator set 13 (ONNX 1.8).
const IR_VERSION: i64 = 7;

/// A graph under construction. Nodes must be added in the order in which they run.
pub struct Graph {
    graph: pb::GraphProto,
    values: usize,
}

/// A dimension of an input or output.
#[derive(Clone, Copy)]
pub enum Dim {
    /// A fixed size.
    Fixed(usize),
    /// Any size. Dimensions with the same name have the same size.
    Any(&'static str),
}

/// A list of integers as an attribute of a node.
pub fn ints(name: &str, ints: &[usize]) -> pb::AttributeProto {
    pb::AttributeProto {
        name: name.into(),
        r#type: pb::attribute_proto::AttributeType::Ints as i32,
        ints: ints.iter().map(|i| *i as i64).collect(),
        ..Default::default()
    }
}

/// An integer as an attribute of a node.
pub fn int(name: &str, i: i64) -> pb::AttributeProto {
    pb::AttributeProto {
        name: name.into(),
        r#type: pb::attribute_proto::AttributeType::Int as i32,
        i,
        ..Default::default()
    }
}

/// A float as an attribute of a node.
pub fn float(name: &str, f: f32) -> pb::AttributeProto {
    pb::AttributeProto {
        name: name.into(),
        r#type: pb::attribute_proto::AttributeType::Float as i32,
        f,
        ..Default::default()
    }
}

/// A string as an attribute of a node.
pub fn string(name: &str, s: &str) -> pb::AttributeProto {
    pb::AttributeProto {
        name: name.into(),
        r#type: pb::attribute_proto::AttributeType::String as i32,
        s: s.as_bytes().to_vec(),
        ..Default::default()
    }
}

impl Graph {
    /// An empty graph.
    pub fn new(name: &str) -> Self {
        Self { graph: pb::GraphProto { name: name.into(), ..Default::default() }, values: 0 }
    }

    /// Adds a constant tensor of floats in row-major order; returns its name.
    pub fn constant(&mut self, kind: &str, dims: &[usize], values: &[f32]) -> String {
        let name = format!("{kind}{}", self.graph.initializer.len());
        self.graph.initializer.push(pb::TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|d| *d as i64).collect(),
            data_type: pb::tensor_proto::DataType::Float as i32,
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..Default::default()
        });
        name
    }

    /// Adds a constant tensor of one integer, as for the inputs of Slice; returns its name.
    pub fn index(&mut self, kind: &str, number: usize) -> String {
        let name = format!("{kind}{}", self.graph.initializer.len());
        self.graph.initializer.push(pb::TensorProto {
            name: name.clone(),
            dims: vec![1],
            data_type: pb::tensor_proto::DataType::Int64 as i32,
            raw_data: (number as i64).to_le_bytes().to_vec(),
            ..Default::default()
        });
        name
    }

    /// Adds a node with one output; returns the name of the output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<pb::AttributeProto>) -> String {
        self.values += 1;
        let output = format!("{}{}", op.to_lowercase(), self.values);
        self.graph.node.push(pb::NodeProto {
            name: output.clone(),
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output: vec![output.clone()],
            attribute: attributes,
            ..Default::default()
        });
        output
    }

    /// Declares an input.
    pub fn input(&mut self, name: &str, dims: &[Dim]) {
        self.graph.input.push(value_info(name, dims));
    }

    /// Declares a value as an output, and renames it.
    pub fn output(&mut self, value: &str, name: &str, dims: &[Dim]) {
        for node in &mut self.graph.node {
            for place in node.input.iter_mut().chain(&mut node.output) {
                if place == value {
                    *place = name.to_owned();
                }
            }
        }
        self.graph.output.push(value_info(name, dims));
    }

    /// The bytes of the file. The same graph always gives the same bytes.
    pub fn encode(self) -> Vec<u8> {
        model(self.graph).encode_to_vec()
    }
}

/// The file of a graph.
pub fn model(graph: pb::GraphProto) -> pb::ModelProto {
    pb::ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "ostiary-trainer".into(),
        graph: Some(graph),
        ..Default::default()
    }
}

fn value_info(name: &str, dims: &[Dim]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::Dimension;
    use pb::tensor_shape_proto::dimension::Value;
    let dimension = |dim: &Dim| Dimension {
        value: Some(match dim {
            Dim::Fixed(size) => Value::DimValue(*size as i64),
            Dim::Any(name) => Value::DimParam((*name).into()),
        }),
        ..Default::default()
    };
    let tensor = pb::type_proto::Tensor {
        elem_type: pb::tensor_proto::DataType::Float as i32,
        shape: Some(pb::TensorShapeProto { dim: dims.iter().map(dimension).collect() }),
    };
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto {
            value: Some(pb::type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}
