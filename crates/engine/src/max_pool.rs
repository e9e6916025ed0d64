//! Max pooling of planes as one operator. tract's own takes the window apart into single taps, which took a fifth of a
//! detection; here whole rows are compared first, then columns.

use multiversion::multiversion;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::MaxPool;
use tract_onnx::tract_core::ops::nn::DataFormat;

/// Puts [`PlanePool`] wherever a network pools planes of floats.
pub fn replace(model: &mut TypedModel) -> TractResult<()> {
    for id in 0..model.nodes.len() {
        let node = &model.nodes[id];
        if let Some(pool) = plane_pool(model, node)? {
            TypedModelPatch::replace_single_op(model, node, &node.inputs, pool)?.apply(model)?;
        }
    }
    Ok(())
}

/// What does the same as a node, where that is a max pool of planes of floats, of a known size.
fn plane_pool(model: &TypedModel, node: &TypedNode) -> TractResult<Option<PlanePool>> {
    let Some(MaxPool { pool_spec: spec, with_index_outputs: None }) = node.op_as() else { return Ok(None) };
    let input = model.outlet_fact(node.inputs[0])?;
    let Some(shape) = input.shape.as_concrete() else { return Ok(None) };
    let planes = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let dense = spec.dilations().iter().all(|step| *step == 1);
    if !planes || !dense || spec.rank() != 2 || input.datum_type != f32::datum_type() {
        return Ok(None);
    }
    let axes = spec.computed_padding(&shape[shape.len() - 2..]);
    let axis = |axis: usize| Axis {
        to: axes[axis].convoluted,
        kernel: spec.kernel_shape[axis],
        stride: spec.stride(axis),
        padding: axes[axis].pad_before,
    };
    Ok(Some(PlanePool { down: axis(0), across: axis(1) }))
}

/// The greatest value in a window that slides over planes, the last two axes. What lies outside a plane does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlanePool {
    down: Axis,
    across: Axis,
}

/// How the window slides along an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Axis {
    /// Positions of the window.
    to: usize,
    kernel: usize,
    stride: usize,
    /// How far before the plane the first window begins.
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
        let mut output = Tensor::zero::<f32>(&self.shape(input.shape()))?;
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
        Ok(tvec!(f32::fact(self.shape(shape))))
    }
}

impl PlanePool {
    /// The shape that an input of this shape is pooled to.
    fn shape(&self, input: &[usize]) -> TVec<usize> {
        let planes = &input[..input.len().saturating_sub(2)];
        planes.iter().copied().chain([self.down.to, self.across.to]).collect()
    }
}

/// Pools planes of `height` and `width`.
#[multiversion(targets("x86_64+avx2"))]
fn pool(window: &PlanePool, [height, width]: [usize; 2], from: &[f32], to: &mut [f32]) {
    let PlanePool { down, across } = window;
    let size = height * width;
    if size == 0 || down.to * across.to == 0 {
        return;
    }
    // A row with what windows reach on both sides of it.
    let mut padded = vec![f32::NEG_INFINITY; (across.to - 1) * across.stride + across.kernel];
    let begin = across.padding.min(padded.len());
    let reached = width.min(padded.len() - begin);
    for (from, to) in from.chunks_exact(size).zip(to.chunks_exact_mut(down.to * across.to)) {
        for (y, row) in to.chunks_exact_mut(across.to).enumerate() {
            let top = y * down.stride;
            let lines = top.saturating_sub(down.padding)
                ..(top + down.kernel).saturating_sub(down.padding).min(height);
            let greatest = &mut padded[begin..][..reached];
            greatest.fill(f32::NEG_INFINITY);
            for line in lines {
                let values = &from[line * width..][..reached];
                greatest
                    .iter_mut()
                    .zip(values)
                    .for_each(|(greatest, value)| *greatest = greater(*greatest, *value));
            }
            row.fill(f32::NEG_INFINITY);
            for column in 0..across.kernel {
                let values = &padded[column..];
                // A step that the compiler knows lets it load many at once.
                match across.stride {
                    1 => raise(row, values.iter()),
                    2 => raise(row, values.iter().step_by(2)),
                    stride => raise(row, values.iter().step_by(stride)),
                }
            }
        }
    }
}

/// Raises each value to another, where that is greater.
#[inline(always)]
fn raise<'a>(values: &mut [f32], others: impl Iterator<Item = &'a f32>) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value = greater(*value, *other));
}

/// One instruction, where [`f32::max`] would ask for more because of numbers that are none.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a < b { b } else { a }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tract_onnx::tract_core::ops::cnn::{PaddingSpec, PoolSpec};

    use super::*;

    /// A network of a max pool alone.
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
        fn pools_as_tract_does(
            planes in (1usize..3, 1usize..4), size in (4usize..20, 4usize..20), kernel in (1usize..4, 1usize..4),
            stride in (1usize..4, 1usize..4), before in (0usize..3, 0usize..3), after in (0usize..3, 0usize..3),
            ceil: bool, seed: u32,
        ) {
            let shape = [planes.0, planes.1, size.0, size.1];
            let before = tvec![before.0.min(kernel.0 - 1), before.1.min(kernel.1 - 1)];
            let after = tvec![after.0.min(kernel.0 - 1), after.1.min(kernel.1 - 1)];
            let padding = PaddingSpec::ExplicitOnnxPool(before, after, ceil);
            let theirs = network(&shape, kernel.into(), stride.into(), padding);
            let mut ours = theirs.clone();
            replace(&mut ours).unwrap();
            prop_assert!(ours.nodes.iter().any(|node| node.op_is::<PlanePool>()));
            let values = (0..shape.iter().product::<usize>() as u32)
                .map(|at| (at.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 16) as f32 - 32768.0);
            let input = Tensor::from_shape(&shape, &values.collect::<Vec<_>>()).unwrap().into_tvalue();
            let [theirs, ours] = [theirs, ours].map(|model| {
                model.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input.clone())).unwrap()
            });
            prop_assert_eq!(&theirs[0], &ours[0]);
        }
    }
}
