//! ONNX files in the trainer: quantization, import of MTCNN, import of MobileFaceNet's weights.

use anyhow::Result;
use ostiary_trainer::import::mtcnn;
use ostiary_trainer::net::Weights;
use ostiary_trainer::quantize::QuantizationGraph;
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, ModelProto};

use super::files::repository_file;
use super::graph_edits::{EDIT, apply_edits};
use super::{Target, graph, onnx};

pub const TARGET: Target = Target {
    name: "onnx-import",
    about: "ONNX files, in the trainer",
    run: read,
    seeds,
    dictionary: onnx::DICTIONARY,
    max_len: 32 << 10,
};

pub const EDITS: Target = Target {
    name: "onnx-import-edits",
    about: "graphs with changed nodes, in the trainer",
    run: |data| {
        let Some((which, edits)) = data.split_first() else { return };
        let file = if which % 2 == 0 { graph::float_network() } else { published() };
        read(&apply_edits(file, edits).encode_to_vec());
    },
    seeds: || Ok(onnx::edits()),
    dictionary: &[b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x01\0\0\0", b"\x02\0\0\0"],
    max_len: 1 + 12 * EDIT,
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

/// A network with the operators of the published MTCNN: no padding, no batch normalization, bias added by a separate node.
fn published() -> ModelProto {
    let mut file = graph::float_network();
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
    let mut previous = "input".to_owned();
    for node in &mut graph.node {
        node.input[0] = std::mem::replace(&mut previous, node.output[0].clone());
        node.attribute.retain(|attribute| attribute.name != "pads");
        if ["Conv", "MaxPool"].contains(&node.op_type.as_str()) {
            node.attribute.push(text("auto_pad", "VALID"));
        }
    }
    file
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    Ok(vec![
        graph::float_network().encode_to_vec(),
        published().encode_to_vec(),
        repository_file("models/pnet.onnx")?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_can_be_quantized() {
        QuantizationGraph::read(&graph::float_network()).map(drop).unwrap();
    }
}
