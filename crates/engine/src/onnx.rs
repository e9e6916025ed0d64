//! A parsed ONNX file, not yet bound to a shape.

use ostiary_core::Input;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::backend::Kind;
use super::caught::{Caught, caught};
use super::tract::{TractNetwork, chain};
use super::{Backend, EngineError, LimitError, Network, QuantizedNetwork, limits};

/// A parsed ONNX file, not yet bound to a shape.
pub struct Onnx {
    name: String,
    file: ModelProto,
    input: Input,
    backend: Backend,
}

impl Onnx {
    /// Parses a file's bytes. `name` is what error messages call it; `input` is what the manifest says of how
    /// pixels are fed; `backend` runs it.
    pub fn parse(name: &str, bytes: &[u8], input: &Input, backend: &Backend) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError::Load { model: name.to_owned(), why };
        let limited = |why: LimitError| EngineError::Limit { model: name.to_owned(), why };
        limits::check_bytes(bytes).map_err(limited)?;
        let file = caught(name, || {
            let read = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]);
            read.map_err(|error| failed(chain(&error)))
        })?;
        limits::check_tensors(&file).map_err(limited)?;
        if file.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
            return Err(failed("there is no graph in it".into()));
        }
        Ok(Self { name: name.to_owned(), file, input: input.clone(), backend: backend.clone() })
    }

    /// What error messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network for inputs of this shape: batch, channels, height, width.
    ///
    /// # Errors
    /// The file asks for more memory or time than a network may have, or is none that can be run at this shape.
    pub fn prepare(&self, shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        self.check(shape)?;
        caught(&self.name, || {
            Ok(match &self.backend.kind {
                Kind::Tract(executor) => match self.quantized(shape)? {
                    Some(network) => self.boxed(network),
                    None => {
                        let executor = executor.clone();
                        self.boxed(TractNetwork::new(&self.name, &self.file, &self.input, shape, executor)?)
                    }
                },
                #[cfg(feature = "ort")]
                Kind::Ort(runtime) => {
                    self.boxed(runtime.prepare(&self.name, &self.file, &self.input, shape)?)
                }
            })
        })
    }

    /// The network on kernels of our own, where the file is quantized in a way that they run.
    ///
    /// # Errors
    /// As [`Onnx::prepare`].
    pub fn prepare_quantized(&self, shape: &[usize]) -> Result<Option<QuantizedNetwork>, EngineError> {
        self.check(shape)?;
        caught(&self.name, || self.quantized(shape))
    }

    /// Whether the file keeps within limits for an input of this shape; nothing is allocated before that.
    fn check(&self, shape: &[usize]) -> Result<(), EngineError> {
        let limited = |why| EngineError::Limit { model: self.name.clone(), why };
        limits::check_shapes(&self.file, shape).map_err(limited)
    }

    fn quantized(&self, shape: &[usize]) -> Result<Option<QuantizedNetwork>, EngineError> {
        QuantizedNetwork::new(&self.name, &self.file, &self.input, shape, self.backend.threads())
    }

    fn boxed(&self, network: impl Network + 'static) -> Box<dyn Network> {
        Box::new(Caught { model: self.name.clone(), network })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(role: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../models/{role}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn input() -> Input {
        Input { name: "input".into(), shape: [0; 4], channels: "RGB".into(), mean: 127.5, divisor: 128.0 }
    }

    #[test]
    fn a_network_runs_at_the_shape_it_was_prepared_for() {
        let onnx = Onnx::parse("rnet", &shipped("rnet"), &input(), &Backend::tract(1)).unwrap();
        let mut network = onnx.prepare(&[2, 3, 24, 24]).unwrap();
        assert_eq!(network.output_shapes(), [vec![2, 2], vec![2, 4]]);
        let mut outputs = [Vec::new(), Vec::new()];
        network.run(&[140; 2 * 3 * 24 * 24], &mut outputs).unwrap();
        assert_eq!((outputs[0].len(), outputs[1].len()), (4, 8));
        assert!((outputs[0][0] + outputs[0][1] - 1.0).abs() < 1e-5, "a softmax");
        assert!(network.run(&[0; 7], &mut outputs).is_err(), "an input of another length");
    }

    #[test]
    fn what_is_not_a_model_is_refused() {
        let whole = shipped("pnet");
        for bytes in [&b""[..], b"not a model", &[0xff; 100], &whole[..whole.len() / 2]] {
            let refused = match Onnx::parse("broken.onnx", bytes, &input(), &Backend::tract(1)) {
                Err(error) => error,
                Ok(onnx) => onnx.prepare(&[1, 3, 12, 12]).map(|_| ()).unwrap_err(),
            };
            assert!(refused.to_string().contains("broken.onnx"), "{refused}");
        }
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let onnx = Onnx::parse("onet", &shipped("onet"), &input(), &Backend::tract(1)).unwrap();
        assert!(matches!(onnx.prepare(&[1, 3, 112, 112]), Err(EngineError::Shape { .. })));
    }
}
