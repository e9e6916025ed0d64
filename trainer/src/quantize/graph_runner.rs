//! Runs a graph and returns the values of some of its tensors.

use anyhow::{Context, Result};
use ostiary_core::NetworkInput;
use ostiary_engine::{Backend, Network, Onnx};
use prost::Message;
use tract_onnx::pb::{GraphProto, ValueInfoProto};

use super::calibrate::Sample;
use crate::onnx::graph::model;

/// Runs a graph over samples of any size.
pub struct GraphRunner {
    bytes: Vec<u8>,
    input: NetworkInput,
    /// Prepared networks by height and width of the sample.
    prepared: Vec<([usize; 2], Box<dyn Network>)>,
    outputs: Vec<Vec<f32>>,
}

impl GraphRunner {
    /// Runs a graph whose outputs are replaced by the tensors with these names.
    pub fn new(graph: &GraphProto, names: &[String], input: &NetworkInput) -> Self {
        let mut graph = graph.clone();
        graph.output =
            names.iter().map(|name| ValueInfoProto { name: name.clone(), ..Default::default() }).collect();
        let bytes = model(graph).encode_to_vec();
        Self { bytes, input: input.clone(), prepared: Vec::new(), outputs: vec![Vec::new(); names.len()] }
    }

    /// Runs one sample; returns the values of each tensor, with its number of channels.
    ///
    /// # Errors
    /// If the graph cannot run.
    pub fn run(&mut self, sample: &Sample) -> Result<impl Iterator<Item = (usize, &[f32])>> {
        let size = [sample.height, sample.width];
        if !self.prepared.iter().any(|(prepared, _)| *prepared == size) {
            let onnx = Onnx::parse("the network", &self.bytes, &self.input, &Backend::tract(1))?;
            self.prepared.push((size, onnx.prepare(&[1, 3, sample.height, sample.width])?));
        }
        let (_, network) = self
            .prepared
            .iter_mut()
            .find(|(prepared, _)| *prepared == size)
            .context("the network is not prepared for this size")?;
        network.run(&sample.pixels, &mut self.outputs).context("the network cannot run")?;
        let channels = network.output_shapes().iter().map(|shape| shape.get(1).copied().unwrap_or(1));
        Ok(channels.zip(self.outputs.iter().map(Vec::as_slice)))
    }
}
