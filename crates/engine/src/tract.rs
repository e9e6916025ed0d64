//! The engine in pure Rust: ONNX files run by `tract`.

use std::sync::Arc;

use ostiary_core::Input;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::ensure;
use tract_onnx::tract_hir::infer::Factoid;

use super::planes::{normalize, planes};
use super::{EngineError, Network, max_pool, prelu};

/// A network bound to one shape of input.
pub struct TractNetwork {
    name: String,
    plan: Arc<TypedRunnableModel>,
    shape: Vec<usize>,
    output_shapes: Vec<Vec<usize>>,
    /// Whether the file takes pixels as they are.
    bytes: bool,
    input: Input,
    executor: Executor,
}

impl TractNetwork {
    /// Optimizes the network for inputs of this shape.
    pub fn new(
        name: &str,
        file: &ModelProto,
        input: &Input,
        shape: &[usize],
        executor: Executor,
    ) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError::Load { model: name.to_owned(), why };
        let mut onnx = tract_onnx::onnx();
        onnx.op_register.insert("PRelu", prelu::build);
        let model = onnx.model_for_proto_model(file).map_err(|error| failed(chain(&error)))?;
        let &[outlet] = model.input_outlets().unwrap_or_default() else {
            return Err(failed("it does not have one input".into()));
        };
        let kind = model.outlet_fact(outlet).ok().and_then(|fact| fact.datum_type.concretize());
        let bytes = kind == Some(u8::datum_type());
        let prepare = || -> TractResult<Self> {
            let kind = if bytes { u8::datum_type() } else { f32::datum_type() };
            let model = model.with_input_fact(0, InferenceFact::dt_shape(kind, shape))?;
            let mut model = model.into_typed()?.into_decluttered()?;
            max_pool::replace(&mut model)?;
            let plan = model.into_optimized()?.into_runnable()?;
            let outputs = plan.model().output_outlets()?.iter();
            let output_shapes = outputs
                .map(|outlet| {
                    Ok(plan.model().outlet_fact(*outlet)?.shape.eval_to_usize(&Default::default())?.to_vec())
                })
                .collect::<TractResult<Vec<_>>>()?;
            let (name, shape, input) = (name.to_owned(), shape.to_vec(), input.clone());
            Ok(Self { name, plan, shape, output_shapes, bytes, input, executor })
        };
        prepare().map_err(|error| EngineError::Shape {
            model: name.to_owned(),
            shape: shape.to_vec(),
            why: chain(&error),
        })
    }

    /// The pictures as the file wants them.
    fn tensor(&self, pixels: &[u8]) -> TractResult<Tensor> {
        let wanted: usize = self.shape.iter().product();
        ensure!(pixels.len() == wanted, "{} bytes of pixels for an input of {wanted}", pixels.len());
        let plane = self.shape[2..].iter().product();
        if self.bytes {
            let mut tensor = Tensor::zero::<u8>(&self.shape)?;
            let mut bytes = tensor.try_as_plain_ram_mut()?;
            planes(pixels, &self.input, plane, bytes.as_slice_mut()?, |pixel| pixel);
            return Ok(tensor);
        }
        let mut tensor = Tensor::zero::<f32>(&self.shape)?;
        let mut floats = tensor.try_as_plain_ram_mut()?;
        planes(pixels, &self.input, plane, floats.as_slice_mut()?, normalize(&self.input));
        Ok(tensor)
    }
}

impl Network for TractNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let mut run = || -> TractResult<()> {
            let input = self.tensor(pixels)?;
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
pub fn chain(error: &TractError) -> String {
    format!("{error:#}").replace('\n', " ")
}
