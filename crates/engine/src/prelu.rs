//! `PRelu` as one operator of tract. tract itself composes it of multiply, compare and select, each a pass over memory;
//! together they took two thirds of the time of an embedding.

#![expect(
    clippy::indexing_slicing,
    reason = "the number of inputs and the rank are checked when the node is wired"
)]

use multiversion::multiversion;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{InferenceOp, Solver, TensorProxy, check_input_arity, check_output_arity};
use tract_onnx::tract_hir::ops::expandable::{Expansion, expand};

/// Creates the operator for an ONNX node.
pub fn build(
    _ctx: &tract_onnx::model::ParsingContext,
    _node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(OnnxPRelu), vec![]))
}

/// The node of the file, with the inputs data and slope.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
struct OnnxPRelu;

impl Expansion for OnnxPRelu {
    fn name(&self) -> StaticName {
        "PRelu".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> TractResult<()> {
        check_input_arity(inputs, 2)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)?;
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let data = model.outlet_fact(inputs[0])?;
        ensure!(
            data.datum_type == f32::datum_type() && data.rank() >= 2,
            "PRelu of {data:?} is not supported"
        );
        let channels = data.shape[1].to_usize()?;
        let slope =
            model.outlet_fact(inputs[1])?.konst.clone().context("PRelu's slope must be a constant")?;
        let slope = slope.cast_to::<f32>()?.into_owned();
        let slope = slope.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        let slope = if slope.len() == 1 { vec![slope[0]; channels] } else { slope };
        ensure!(slope.len() == channels, "PRelu has {} slopes for {channels} channels", slope.len());
        model.wire_node(prefix, PRelu { slope: slope.into() }, &inputs[..1])
    }
}

/// `max(x, 0) + slope * min(x, 0)` with one slope for each channel. Channels are the second axis.
#[derive(Debug, Clone, PartialEq)]
struct PRelu {
    slope: std::sync::Arc<[f32]>,
}

impl Eq for PRelu {}

impl Op for PRelu {
    fn name(&self) -> StaticName {
        "PRelu".into()
    }

    op_as_typed_op!();
}

impl EvalOp for PRelu {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut data = args_1!(inputs).into_tensor();
        let plane: usize = data.shape()[2..].iter().product();
        let mut view = data.try_as_plain_ram_mut()?;
        let values = view.as_slice_mut::<f32>()?;
        activate(values, plane, &self.slope);
        Ok(tvec!(data.into_tvalue()))
    }
}

/// Applies the activation in place to planes of `plane` values, each with the slope of its channel.
#[multiversion(targets("x86_64+avx2+fma"))]
fn activate(values: &mut [f32], plane: usize, slopes: &[f32]) {
    for (plane, slope) in values.chunks_exact_mut(plane.max(1)).zip(slopes.iter().cycle()) {
        for value in plane {
            *value = value.max(0.0) + slope * value.min(0.0);
        }
    }
}

impl TypedOp for PRelu {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_uses_its_slope() {
        let prelu = PRelu { slope: vec![0.5, -2.0].into() };
        let data = tensor4(&[[[[1f32, -1.0]], [[-3.0, 2.0]]], [[[-4.0, 0.0]], [[5.0, -6.0]]]]);
        let output = prelu.eval_out_of_plan(tvec!(data.into_tvalue())).unwrap().unwrap();
        let expected = tensor4(&[[[[1f32, -0.5]], [[6.0, 2.0]]], [[[-2.0, 0.0]], [[5.0, 12.0]]]]);
        output[0].close_enough(&expected, Approximation::Exact).unwrap();
    }
}
