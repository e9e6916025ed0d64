//! TFLite files, converted to ONNX.

use anyhow::Result;
use ostiary_trainer::import::tflite;
use prost::Message;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::{Target, graph};

pub const TARGET: Target = Target {
    name: "tflite",
    about: "TFLite files, in the trainer",
    run,
    seeds,
    dictionary: &[
        b"TFL3",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x04\0\0\0",
        b"\x01\0\0\0",
        b"\x08\0",
        b"\x03",
        b"\x16",
        b"\x65",
    ],
    max_len: 16 << 10,
};

fn run(data: &[u8]) {
    if let Ok(made) = tflite::convert(data) {
        assert!(ModelProto::decode(made.as_slice()).is_ok_and(|made| made.graph.is_some()));
    }
}

/// The small float network, converted to TFLite by tract.
fn seeds() -> Result<Vec<Vec<u8>>> {
    let model = tract_onnx::onnx().model_for_proto_model(&graph::float_network())?;
    let model = model.with_input_fact(0, f32::fact(graph::SHAPE).into())?.into_typed()?.into_decluttered()?;
    let mut file = Vec::new();
    tract_tflite::tflite().write(&model, &mut file)?;
    Ok(vec![file])
}
