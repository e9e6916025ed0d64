//! The engine in pure Rust: ONNX files run by `tract`.

use std::sync::Arc;

use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::InferenceOp;

use super::{EngineError, Network, prelu};

/// A parsed ONNX file, not yet bound to a shape.
pub struct Onnx {
    name: String,
    model: InferenceModel,
    executor: Executor,
}

impl Onnx {
    /// Parses a file's bytes. `name` is what error messages call it; `threads` is how many threads one run
    /// may use.
    pub fn parse(name: &str, bytes: &[u8], threads: usize) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError::Load { model: name.to_owned(), why };
        let mut onnx = tract_onnx::onnx();
        onnx.op_register.insert("PRelu", prelu::build);
        let model = onnx.model_for_read(&mut &bytes[..]).map_err(|error| failed(chain(&error)))?;
        if model.input_outlets().map_or(0, <[_]>::len) != 1 || model.nodes().is_empty() {
            return Err(failed("it does not have one input".into()));
        }
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        Ok(Self { name: name.to_owned(), model, executor })
    }

    /// What error messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Optimises the network for inputs of this shape.
    pub fn prepare(&self, shape: &[usize]) -> Result<TractNetwork, EngineError> {
        let prepare = || -> TractResult<TractNetwork> {
            let fact = InferenceFact::dt_shape(f32::datum_type(), shape);
            let model: Graph<InferenceFact, Box<dyn InferenceOp>> =
                self.model.clone().with_input_fact(0, fact)?;
            let plan = model.into_optimized()?.into_runnable()?;
            let outputs = plan.model().output_outlets()?.iter();
            let output_shapes = outputs
                .map(|outlet| {
                    Ok(plan.model().outlet_fact(*outlet)?.shape.eval_to_usize(&Default::default())?.to_vec())
                })
                .collect::<TractResult<Vec<_>>>()?;
            Ok(TractNetwork {
                name: self.name.clone(),
                plan,
                shape: shape.to_vec(),
                output_shapes,
                executor: self.executor.clone(),
            })
        };
        prepare().map_err(|error| EngineError::Shape {
            model: self.name.clone(),
            shape: shape.to_vec(),
            why: chain(&error),
        })
    }
}

/// A network bound to one shape of input.
pub struct TractNetwork {
    name: String,
    plan: Arc<TypedRunnableModel>,
    shape: Vec<usize>,
    output_shapes: Vec<Vec<usize>>,
    executor: Executor,
}

impl Network for TractNetwork {
    fn run(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let mut run = || -> TractResult<()> {
            let input = Tensor::from_shape(&self.shape, input)?;
            let made =
                multithread_tract_scope(self.executor.clone(), || self.plan.run(tvec!(input.into_tvalue())))?;
            for (output, made) in outputs.iter_mut().zip(&made) {
                output.clear();
                output.extend_from_slice(made.try_as_plain_ram()?.as_slice::<f32>()?);
            }
            Ok(())
        };
        run().map_err(|error| EngineError::Run { model: self.name.clone(), why: chain(&error) })
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}

/// The whole chain of causes on one line.
fn chain(error: &TractError) -> String {
    format!("{error:#}").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(role: &str) -> Vec<u8> {
        std::fs::read(format!("{}/models/{role}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_network_runs_at_the_shape_it_was_prepared_for() {
        let onnx = Onnx::parse("rnet", &shipped("rnet"), 1).unwrap();
        let mut network = onnx.prepare(&[2, 3, 24, 24]).unwrap();
        assert_eq!(network.output_shapes(), [vec![2, 2], vec![2, 4]]);
        let mut outputs = [Vec::new(), Vec::new()];
        network.run(&vec![0.1; 2 * 3 * 24 * 24], &mut outputs).unwrap();
        assert_eq!((outputs[0].len(), outputs[1].len()), (4, 8));
        assert!((outputs[0][0] + outputs[0][1] - 1.0).abs() < 1e-5, "a softmax");
        assert!(network.run(&[0.0; 7], &mut outputs).is_err(), "an input of another length");
    }

    #[test]
    fn what_is_not_a_model_is_refused() {
        let whole = shipped("pnet");
        for bytes in [&b""[..], b"not a model", &[0xff; 100], &whole[..whole.len() / 2]] {
            let refused = match Onnx::parse("broken.onnx", bytes, 1) {
                Err(error) => error,
                Ok(onnx) => onnx.prepare(&[1, 3, 12, 12]).map(|_| ()).unwrap_err(),
            };
            assert!(refused.to_string().contains("broken.onnx"), "{refused}");
        }
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let onnx = Onnx::parse("onet", &shipped("onet"), 1).unwrap();
        assert!(matches!(onnx.prepare(&[1, 3, 112, 112]), Err(EngineError::Shape { .. })));
    }
}
