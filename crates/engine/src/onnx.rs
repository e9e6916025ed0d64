//! A parsed ONNX file, which can be prepared for shapes of input.

use ostiary_core::NetworkInput;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::backend::Kind;
use super::panic_guard::{PanicGuard, catch_panics};
use super::tract::{TractNetwork, error_chain};
use super::{Backend, EngineError, LimitError, Network, QuantizedNetwork, limits};

/// A parsed ONNX file, not yet prepared for a shape of input.
pub struct Onnx {
    name: String,
    file: ModelProto,
    input: NetworkInput,
    backend: Backend,
}

impl Onnx {
    /// Parses the bytes of a file. Errors name `name`; `input` is the manifest's description of the input; `backend` runs
    /// the network.
    ///
    /// # Errors
    /// The file is not an ONNX model, or exceeds a limit.
    pub fn parse(
        name: &str,
        bytes: &[u8],
        input: &NetworkInput,
        backend: &Backend,
    ) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError::Load { model: name.to_owned(), why };
        let limited = |why: LimitError| EngineError::Limit { model: name.to_owned(), why };
        limits::check_bytes(bytes).map_err(limited)?;
        let file = catch_panics(name, || {
            let file = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]);
            file.map_err(|error| failed(error_chain(&error)))
        })?;
        limits::check_tensors(&file).map_err(limited)?;
        if file.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
            return Err(failed("it contains no graph".into()));
        }
        Ok(Self { name: name.to_owned(), file, input: input.clone(), backend: backend.clone() })
    }

    /// The name in error messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Prepares the network for inputs of this shape: batch, channels, height, width.
    ///
    /// # Errors
    /// The network would need too much memory or time, or cannot run on this shape.
    pub fn prepare(&self, shape: &[usize]) -> Result<Box<dyn Network>, EngineError> {
        self.check_limits(shape)?;
        catch_panics(&self.name, || {
            Ok(match &self.backend.kind {
                Kind::Tract(executor) => match self.quantized(shape)? {
                    Some(network) => self.guard(network),
                    None => {
                        let executor = executor.clone();
                        self.guard(TractNetwork::new(&self.name, &self.file, &self.input, shape, executor)?)
                    }
                },
                #[cfg(feature = "ort")]
                Kind::Ort(runtime) => {
                    self.guard(runtime.prepare(&self.name, &self.file, &self.input, shape)?)
                }
            })
        })
    }

    /// Prepares the network on the kernels of this project; `None` if the file is not quantized in a way that they support.
    ///
    /// # Errors
    /// As [`Onnx::prepare`].
    pub fn prepare_quantized(&self, shape: &[usize]) -> Result<Option<QuantizedNetwork>, EngineError> {
        self.check_limits(shape)?;
        catch_panics(&self.name, || self.quantized(shape))
    }

    /// Checks the limits for an input of this shape, before anything is allocated for it.
    fn check_limits(&self, shape: &[usize]) -> Result<(), EngineError> {
        let limited = |why| EngineError::Limit { model: self.name.clone(), why };
        limits::check_shapes(&self.file, shape).map_err(limited)
    }

    fn quantized(&self, shape: &[usize]) -> Result<Option<QuantizedNetwork>, EngineError> {
        QuantizedNetwork::new(&self.name, &self.file, &self.input, shape, self.backend.threads())
    }

    fn guard(&self, network: impl Network + 'static) -> Box<dyn Network> {
        Box::new(PanicGuard { model: self.name.clone(), network })
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::ChannelOrder;

    use super::*;

    fn shipped(role: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../models/{role}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn input() -> NetworkInput {
        NetworkInput {
            name: "input".into(),
            shape: [0; 4],
            channels: ChannelOrder::Rgb,
            mean: 127.5,
            divisor: 128.0,
        }
    }

    #[test]
    fn a_network_runs_on_the_prepared_shape() {
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
    fn bytes_that_are_no_model_are_refused() {
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
