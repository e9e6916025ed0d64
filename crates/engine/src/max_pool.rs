//! Max pooling of planes as one operator of tract. tract's own operator splits the window into single taps. This one compares
//! whole rows first, then columns, in loops that the compiler can vectorize.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are computed from the shape of the node, whose rank and window tract has checked"
)]

use multiversion::multiversion;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::MaxPool;
use tract_onnx::tract_core::ops::nn::DataFormat;

/// Replaces all max pools on planes of floats by [`PlanePool`].
///
/// # Errors
/// The model is inconsistent.
pub fn replace(model: &mut TypedModel) -> TractResult<()> {
    for id in 0..model.nodes.len() {
        let node = &model.nodes[id];
        if let Some(pool) = plane_pool(model, node)? {
            TypedModelPatch::replace_single_op(model, node, &node.inputs, pool)?.apply(model)?;
        }
    }
    Ok(())
}

/// The replacement of a node; `None` unless it is a max pool on planes of floats of a known size.
fn plane_pool(model: &TypedModel, node: &TypedNode) -> TractResult<Option<PlanePool>> {
    let Some(MaxPool { pool_spec: spec, with_index_outputs: None }) = node.op_as() else { return Ok(None) };
    let input = model.outlet_fact(node.inputs[0])?;
    let Some(shape) = input.shape.as_concrete() else { return Ok(None) };
    let has_planes = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let is_dense = spec.dilations().iter().all(|step| *step == 1);
    if !has_planes || !is_dense || spec.rank() != 2 || input.datum_type != f32::datum_type() {
        return Ok(None);
    }
    let axes = spec.computed_padding(&shape[shape.len() - 2..]);
    let axis = |axis: usize| Axis {
        output_size: axes[axis].convoluted,
        kernel: spec.kernel_shape[axis],
        stride: spec.stride(axis),
        padding: axes[axis].pad_before,
    };
    Ok(Some(PlanePool { vertical: axis(0), horizontal: axis(1) }))
}

/// The maximum in a window that moves over planes, which are the last two axes. Values outside a plane do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlanePool {
    vertical: Axis,
    horizontal: Axis,
}

/// The window along one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Axis {
    /// Number of positions.
    output_size: usize,
    /// Size of the window.
    kernel: usize,
    stride: usize,
    /// Number of values before the plane at which the first window begins.
    padding: usize,
}

impl Op for PlanePool {
    fn name(&self) -> StaticName {
        "PlanePool".into()
    }

    op_as_typed_op!();
}

impl EvalOp for PlanePool {
    op_out_of_plan!();

    fn eval(&self, _ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let mut output = Tensor::zero::<f32>(&self.output_shape(input.shape()))?;
        let [.., height, width] = *input.shape() else { bail!("planes have two axes") };
        let (planes, mut view) = (input.try_as_plain_ram()?, output.try_as_plain_ram_mut()?);
        pool(self, [height, width], planes.as_slice::<f32>()?, view.as_slice_mut::<f32>()?);
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for PlanePool {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.as_concrete().context("the size of the planes must be known")?;
        Ok(tvec!(f32::fact(self.output_shape(shape))))
    }
}

impl PlanePool {
    /// The shape of the output for this shape of input.
    fn output_shape(&self, input: &[usize]) -> TVec<usize> {
        let planes = &input[..input.len().saturating_sub(2)];
        planes.iter().copied().chain([self.vertical.output_size, self.horizontal.output_size]).collect()
    }
}

/// Pools planes of `height` and `width`, one after another.
#[multiversion(targets("x86_64+avx2"))]
fn pool(window: &PlanePool, [height, width]: [usize; 2], from: &[f32], to: &mut [f32]) {
    let PlanePool { vertical, horizontal } = window;
    let size = height * width;
    if size == 0 || vertical.output_size * horizontal.output_size == 0 {
        return;
    }
    // A row of maxima, with padding on both sides.
    let mut padded =
        vec![f32::NEG_INFINITY; (horizontal.output_size - 1) * horizontal.stride + horizontal.kernel];
    let begin = horizontal.padding.min(padded.len());
    let covered = width.min(padded.len() - begin);
    for (from, to) in
        from.chunks_exact(size).zip(to.chunks_exact_mut(vertical.output_size * horizontal.output_size))
    {
        for (y, row) in to.chunks_exact_mut(horizontal.output_size).enumerate() {
            let top = y * vertical.stride;
            let lines = top.saturating_sub(vertical.padding)
                ..(top + vertical.kernel).saturating_sub(vertical.padding).min(height);
            let maxima = &mut padded[begin..][..covered];
            maxima.fill(f32::NEG_INFINITY);
            for line in lines {
                let values = &from[line * width..][..covered];
                maxima
                    .iter_mut()
                    .zip(values)
                    .for_each(|(maximum, value)| *maximum = greater(*maximum, *value));
            }
            row.fill(f32::NEG_INFINITY);
            for column in 0..horizontal.kernel {
                let values = &padded[column..];
                // With a constant step the compiler can vectorize the loop.
                match horizontal.stride {
                    1 => raise(row, values.iter()),
                    2 => raise(row, values.iter().step_by(2)),
                    stride => raise(row, values.iter().step_by(stride)),
                }
            }
        }
    }
}

/// Replaces each value by the maximum of it and the other one.
#[inline(always)]
fn raise<'a>(values: &mut [f32], others: impl Iterator<Item = &'a f32>) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value = greater(*value, *other));
}

/// The maximum in one instruction; [`f32::max`] needs several to handle NaN.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a < b { b } else { a }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};

    use super::*;

    /// A network with one max pool.
    fn network(shape: &[usize], kernel: [usize; 2], stride: [usize; 2], padding: PaddingSpec) -> TypedModel {
        let mut model = TypedModel::default();
        let input = model.add_source("data", f32::fact(shape)).unwrap();
        let (format, channels) = (DataFormat::NCHW, shape[1]);
        let spec = PoolSpec::new(
            format,
            TVec::from_slice(&kernel),
            padding,
            None,
            Some(TVec::from_slice(&stride)),
            channels,
            channels,
        );
        let pool = MaxPool { pool_spec: spec, with_index_outputs: None };
        let output = model.wire_node("pool", pool, &[input]).unwrap();
        model.select_output_outlets(&output).unwrap();
        model
    }

    proptest! {
        #[test]
        fn pools_like_tract(
            planes in (1usize..3, 1usize..4), size in (4usize..20, 4usize..20), kernel in (1usize..4, 1usize..4),
            stride in (1usize..4, 1usize..4), before in (0usize..3, 0usize..3), after in (0usize..3, 0usize..3),
            ceil: bool, seed: u32,
        ) {
            let shape = [planes.0, planes.1, size.0, size.1];
            let before = tvec![before.0.min(kernel.0 - 1), before.1.min(kernel.1 - 1)];
            let after = tvec![after.0.min(kernel.0 - 1), after.1.min(kernel.1 - 1)];
            let padding = PaddingSpec::ExplicitOnnxPool(before, after, ceil);
            let tract_model = network(&shape, kernel.into(), stride.into(), padding);
            let mut plane_model = tract_model.clone();
            replace(&mut plane_model).unwrap();
            prop_assert!(plane_model.nodes.iter().any(|node| node.op_is::<PlanePool>()));
            let values = (0..shape.iter().product::<usize>() as u32)
                .map(|at| (at.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 16) as f32 - 32768.0);
            let input = Tensor::from_shape(&shape, &values.collect::<Vec<_>>()).unwrap().into_tvalue();
            let [tract_model, plane_model] = [tract_model, plane_model].map(|model| {
                model.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input.clone())).unwrap()
            });
            prop_assert_eq!(&tract_model[0], &plane_model[0]);
        }
    }
}
