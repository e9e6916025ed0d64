//! Runs ONNX files with `tract`, an engine in pure Rust.

use std::sync::Arc;

use ostiary_core::NetworkInput;
use tract_linalg::multithread::{Executor, multithread_tract_scope};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::ensure;
use tract_onnx::tract_hir::infer::Factoid;

use super::input_planes::{normalize, to_planes};
use super::{EngineError, Network, max_pool, prelu};

/// A network prepared for one shape of input.
pub struct TractNetwork {
    name: String,
    plan: Arc<TypedRunnableModel>,
    shape: Vec<usize>,
    output_shapes: Vec<Vec<usize>>,
    /// Whether the file takes bytes; otherwise it takes normalized floats.
    takes_bytes: bool,
    input: NetworkInput,
    executor: Executor,
}

impl TractNetwork {
    /// Optimizes the network for inputs of this shape: batch, channels, height, width.
    ///
    /// # Errors
    /// The file is not a model that tract supports, or does not run on this shape.
    pub fn new(
        name: &str,
        file: &ModelProto,
        input: &NetworkInput,
        shape: &[usize],
        executor: Executor,
    ) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError::Load { model: name.to_owned(), why };
        let mut onnx = tract_onnx::onnx();
        onnx.op_register.insert("PRelu", prelu::build);
        let model = onnx.model_for_proto_model(file).map_err(|error| failed(error_chain(&error)))?;
        let &[outlet] = model.input_outlets().unwrap_or_default() else {
            return Err(failed("it does not have one input".into()));
        };
        let kind = model.outlet_fact(outlet).ok().and_then(|fact| fact.datum_type.concretize());
        let takes_bytes = kind == Some(u8::datum_type());
        let prepare = || -> TractResult<Self> {
            let kind = if takes_bytes { u8::datum_type() } else { f32::datum_type() };
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
            Ok(Self { name, plan, shape, output_shapes, takes_bytes, input, executor })
        };
        prepare().map_err(|error| EngineError::Shape {
            model: name.to_owned(),
            shape: shape.to_vec(),
            why: error_chain(&error),
        })
    }

    /// The input tensor of the pictures.
    fn input_tensor(&self, pixels: &[u8]) -> TractResult<Tensor> {
        let expected: usize = self.shape.iter().product();
        ensure!(pixels.len() == expected, "{} bytes of pixels for an input of {expected}", pixels.len());
        let plane = self.shape.iter().skip(2).product();
        if self.takes_bytes {
            let mut tensor = Tensor::zero::<u8>(&self.shape)?;
            let mut bytes = tensor.try_as_plain_ram_mut()?;
            to_planes(pixels, &self.input, plane, bytes.as_slice_mut()?, |pixel| pixel);
            return Ok(tensor);
        }
        let mut tensor = Tensor::zero::<f32>(&self.shape)?;
        let mut floats = tensor.try_as_plain_ram_mut()?;
        to_planes(pixels, &self.input, plane, floats.as_slice_mut()?, normalize(&self.input));
        Ok(tensor)
    }
}

impl Network for TractNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        let mut run = || -> TractResult<()> {
            let input = self.input_tensor(pixels)?;
            let results =
                multithread_tract_scope(self.executor.clone(), || self.plan.run(tvec!(input.into_tvalue())))?;
            for (output, result) in outputs.iter_mut().zip(&results) {
                output.clear();
                output.extend_from_slice(result.try_as_plain_ram()?.as_slice::<f32>()?);
            }
            Ok(())
        };
        run().map_err(|error| EngineError::Run { model: self.name.clone(), why: error_chain(&error) })
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}

/// The chain of causes in one line.
pub fn error_chain(error: &TractError) -> String {
    format!("{error:#}").replace('\n', " ")
}
