//! ONNX files, read by the trainer: to quantize them, to turn MTCNN upright, to take a MobileFaceNet's weights out.

use anyhow::Result;
use ostiary_trainer::import::mtcnn;
use ostiary_trainer::net::Weights;
use ostiary_trainer::quantize::QuantizationGraph;
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto};

use super::graph_edits::{EDIT, edited};
use super::scratch::repository_file;
use super::{Target, graph, onnx};

pub const TARGET: Target = Target {
    name: "onnx-import",
    about: "ONNX files, in the trainer",
    run: read,
    seeds,
    words: onnx::WORDS,
    most: 32 << 10,
};

pub const EDITS: Target = Target {
    name: "onnx-import-edits",
    about: "graphs that are changed node by node, in the trainer",
    run: |data| {
        let Some((which, edits)) = data.split_first() else { return };
        let file = if which % 2 == 0 { graph::floats() } else { published() };
        read(&edited(file, edits).encode_to_vec());
    },
    seeds: || Ok(onnx::edits()),
    words: &[b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x01\0\0\0", b"\x02\0\0\0"],
    most: 1 + 12 * EDIT,
};

fn read(data: &[u8]) {
    let _ = Weights::from_onnx(data);
    if let Ok(made) = mtcnn::transpose_weights(data) {
        assert!(ModelProto::decode(made.as_slice()).is_ok());
    }
    let Ok(file) = ModelProto::decode(data) else { return };
    if let Ok(network) = QuantizationGraph::read(&file) {
        assert!(!network.values.is_empty());
    }
}

/// A network in the operators of MTCNN as it is published: no padding, no batch norm, a matrix and its offset apart.
fn published() -> ModelProto {
    let mut file = graph::floats();
    let Some(graph) = &mut file.graph else { return file };
    let text = |name: &str, s: &str| AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: s.as_bytes().to_vec(),
        ..Default::default()
    };
    graph
        .node
        .retain(|node| ["Conv", "PRelu", "MaxPool", "Flatten", "Softmax"].contains(&node.op_type.as_str()));
    graph.node.retain(|node| node.input.len() != 2 || node.op_type != "Conv");
    let mut before = "input".to_owned();
    for node in &mut graph.node {
        node.input[0] = std::mem::replace(&mut before, node.output[0].clone());
        node.attribute.retain(|attribute| attribute.name != "pads");
        if ["Conv", "MaxPool"].contains(&node.op_type.as_str()) {
            node.attribute.push(text("auto_pad", "VALID"));
        }
    }
    file
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    Ok(vec![
        graph::floats().encode_to_vec(),
        published().encode_to_vec(),
        repository_file("models/pnet.onnx")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_input_can_be_quantized() {
        QuantizationGraph::read(&graph::floats()).map(drop).unwrap();
    }
}
