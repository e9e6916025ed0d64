//! What shapes an operator gives, by the ONNX specification. Operators of which this is not known are refused: how much
//! they would ask for could not be told.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::fact::Fact;
use super::{elements, tensors};

/// No side, stride or padding of a window is larger.
const MAX_SIDE: i64 = 1 << 16;
/// Far more than any limit on sizes; whole numbers up to there are exact.
const MAX_SIZE: f64 = (1u64 << 48) as f64;

/// What a node gives.
pub struct Made {
    /// Of each output; the last stands for those that are not in the list.
    pub facts: Vec<Fact>,
    /// Numbers that an engine may lay out to compute it, of one picture.
    pub layout: u64,
    /// Multiplications.
    pub macs: u64,
}

impl From<Fact> for Made {
    fn from(fact: Fact) -> Self {
        Self { facts: vec![fact], layout: 0, macs: 0 }
    }
}

impl From<Vec<u64>> for Made {
    fn from(shape: Vec<u64>) -> Self {
        Fact { shape, ..Fact::default() }.into()
    }
}

/// A node with what is known of its inputs.
struct Node<'a> {
    proto: &'a NodeProto,
    inputs: &'a [Option<&'a Fact>],
}

/// What a node gives for these inputs; `None` is an input that is left out.
pub fn made(proto: &NodeProto, inputs: &[Option<&Fact>]) -> Result<Made, String> {
    let node = Node { proto, inputs };
    let operator = proto.op_type.as_str();
    Ok(match operator {
        "Abs" | "Celu" | "Clip" | "Dropout" | "Elu" | "Erf" | "Exp" | "Gelu" | "HardSigmoid"
        | "HardSwish" | "Hardmax" | "LayerNormalization" | "LeakyRelu" | "Log" | "LogSoftmax"
        | "LpNormalization" | "Mish" | "Neg" | "Not" | "PRelu" | "QuantizeLinear" | "DequantizeLinear"
        | "Reciprocal" | "Relu" | "Selu" | "Sigmoid" | "Sign" | "Softmax" | "Softplus" | "Softsign"
        | "Sqrt" | "Tanh" | "ThresholdedRelu" => node.shape(0)?.to_vec().into(),
        "BatchNormalization" | "InstanceNormalization" | "LRN" | "MeanVarianceNormalization" => {
            node.per_channel()?.into()
        }
        "Cast" | "Ceil" | "Floor" | "Identity" | "Round" => node.rounded(operator)?.into(),
        "Add" | "Sub" | "Mul" | "Div" => node.arithmetic(operator)?.into(),
        "And" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean" | "Min"
        | "Mod" | "Or" | "Pow" | "Sum" | "Where" | "Xor" => node.broadcast()?.into(),
        "Conv" | "ConvInteger" => node.conv(1)?,
        "QLinearConv" => node.conv(3)?,
        "MaxPool" | "AveragePool" | "LpPool" => node.pool()?,
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => node.global()?.into(),
        "MatMul" | "MatMulInteger" => node.product(1)?,
        "QLinearMatMul" => node.product(3)?,
        "Gemm" => node.gemm()?,
        "Constant" => node.constant()?.into(),
        "ConstantOfShape" => node.sizes(0, "shape")?.into(),
        "Expand" => broadcast(&[node.shape(0)?, &node.sizes(1, "shape")?]).into(),
        "Tile" => node.tile()?.into(),
        "Pad" => node.pad()?.into(),
        "Resize" | "Upsample" => node.resize(operator)?.into(),
        "Range" => node.range()?.into(),
        "Reshape" => node.reshape()?.into(),
        "Flatten" => node.flatten()?.into(),
        "Squeeze" | "Unsqueeze" => node.squeeze(operator)?.into(),
        "Transpose" => node.transpose()?.into(),
        "Concat" => node.concat()?.into(),
        "Split" => node.split()?,
        "Slice" => node.slice()?.into(),
        "Gather" => node.gather()?.into(),
        "Shape" => node.shape_of()?.into(),
        "ReduceL1" | "ReduceL2" | "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum"
        | "ReduceSumSquare" => node.reduce()?.into(),
        _ => return Err("no network that a door runs needs this operator, and it is not supported".into()),
    })
}

impl<'a> Node<'a> {
    fn input(&self, index: usize) -> Result<&'a Fact, String> {
        self.optional(index).ok_or_else(|| format!("its input {index} is missing"))
    }

    fn optional(&self, index: usize) -> Option<&'a Fact> {
        self.inputs.get(index).copied().flatten()
    }

    fn shape(&self, index: usize) -> Result<&'a [u64], String> {
        Ok(&self.input(index)?.shape)
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| &attribute.ints[..])
    }

    /// Numbers that are an input in newer files and an attribute in older ones. An error where they depend on pixels.
    fn numbers(&self, index: usize, attribute: &str) -> Result<Option<Vec<f64>>, String> {
        if let Some(input) = self.optional(index) {
            let known = input.known.clone();
            return known.map(Some).ok_or_else(|| format!("its {attribute} is not known before it runs"));
        }
        Ok(self.attribute(attribute).map(|attribute| match attribute.floats.is_empty() {
            true => attribute.ints.iter().map(|value| *value as f64).collect(),
            false => attribute.floats.iter().map(|value| f64::from(*value)).collect(),
        }))
    }

    /// The same where it must be there, as sizes.
    fn sizes(&self, index: usize, attribute: &str) -> Result<Vec<u64>, String> {
        let sizes = self.numbers(index, attribute)?.ok_or_else(|| format!("its {attribute} is missing"))?;
        sizes.iter().map(|size| whole(*size)).collect()
    }

    /// An axis of so many, counted from the end where it is negative.
    fn axis(&self, axis: i64, rank: usize) -> Result<usize, String> {
        let from_end = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let axis_of = usize::try_from(from_end).ok().filter(|axis| *axis < rank);
        axis_of.ok_or_else(|| format!("its axis {axis} is none of {rank}"))
    }

    fn axes(&self, index: usize, rank: usize) -> Result<Option<Vec<usize>>, String> {
        let Some(axes) = self.numbers(index, "axes")? else { return Ok(None) };
        axes.iter().map(|axis| self.axis(*axis as i64, rank)).collect::<Result<_, _>>().map(Some)
    }

    fn rounded(&self, operator: &str) -> Result<Fact, String> {
        let mut fact = self.input(0)?.clone();
        let round: Option<fn(f64) -> f64> = match operator {
            "Identity" => None,
            "Floor" => Some(f64::floor),
            "Ceil" => Some(f64::ceil),
            "Round" => Some(f64::round_ties_even),
            // To floats numbers stay as they are, to others they are cut.
            _ => (![1, 10, 11].contains(&self.int("to", 1))).then_some(f64::trunc),
        };
        if let (Some(round), Some(known)) = (round, &mut fact.known) {
            known.iter_mut().for_each(|value| *value = round(*value));
        }
        Ok(fact)
    }

    fn broadcast(&self) -> Result<Vec<u64>, String> {
        self.input(0)?;
        let shapes: Vec<&[u64]> = self.inputs.iter().flatten().map(|fact| &fact.shape[..]).collect();
        Ok(broadcast(&shapes))
    }

    fn arithmetic(&self, operator: &str) -> Result<Fact, String> {
        let shape = self.broadcast()?;
        let of = |index: usize| self.input(index).ok().and_then(|fact| fact.known.as_deref());
        let known = of(0).zip(of(1)).filter(|_| shape.len() < 2).and_then(|(a, b)| {
            let count = a.len().max(b.len());
            let pairs = a.iter().cycle().zip(b.iter().cycle()).take(count);
            let compute = |(a, b): (&f64, &f64)| match operator {
                "Add" => Some(a + b),
                "Sub" => Some(a - b),
                "Mul" => Some(a * b),
                // Whole numbers divide in another way than others, and which they are is not known here.
                _ => Some(a / b).filter(|value| value.fract() == 0.0),
            };
            pairs.map(compute).collect()
        });
        Ok(Fact { shape, known, constant: false })
    }

    fn conv(&self, weights: usize) -> Result<Made, String> {
        let (from, kernel) = (self.shape(0)?, self.shape(weights)?);
        let ([batch, _, map @ ..], [outputs, inputs, sides @ ..]) = (from, kernel) else {
            return Err(format!("it convolves {from:?} with {kernel:?}"));
        };
        let places = self.places(map, sides)?;
        let window = elements(sides).saturating_mul(*inputs);
        let group = u64::try_from(self.int("group", 1)).unwrap_or(0).max(1);
        let layout = window.saturating_mul(group).saturating_mul(elements(&places));
        let shape: Vec<u64> = [*batch, *outputs].into_iter().chain(places).collect();
        let macs = elements(&shape).saturating_mul(window);
        Ok(Made { layout, macs, ..shape.into() })
    }

    fn pool(&self) -> Result<Made, String> {
        let from = self.shape(0)?;
        let [batch, channels, map @ ..] = from else { return Err(format!("it pools {from:?}")) };
        let sides = self.ints("kernel_shape").ok_or("its kernel_shape is missing")?;
        let sides: Vec<u64> = sides.iter().map(|side| whole(*side as f64)).collect::<Result<_, _>>()?;
        let shape: Vec<u64> = [*batch, *channels].into_iter().chain(self.places(map, &sides)?).collect();
        let macs = elements(&shape).saturating_mul(elements(&sides));
        Ok(Made { macs, ..shape.into() })
    }

    /// How many places a window has along each axis of a map.
    fn places(&self, map: &[u64], sides: &[u64]) -> Result<Vec<u64>, String> {
        let axes = map.len();
        if sides.len() != axes || axes == 0 {
            return Err(format!("its window has {} sides on a map of {axes}", sides.len()));
        }
        let list = |name: &str, least: i64, count: usize, default: i64| {
            let Some(list) = self.ints(name).filter(|list| !list.is_empty()) else {
                return Ok(vec![default as u64; count]);
            };
            let sound = list.len() == count && list.iter().all(|value| (least..=MAX_SIDE).contains(value));
            match sound {
                true => Ok(list.iter().map(|value| value.unsigned_abs()).collect()),
                false => Err(format!("its {name} are {list:?}")),
            }
        };
        let (strides, dilations) = (list("strides", 1, axes, 1)?, list("dilations", 1, axes, 1)?);
        let pads = list("pads", 0, 2 * axes, 0)?;
        let auto = self.attribute("auto_pad").map_or(&b""[..], |attribute| &attribute.s);
        (0..axes)
            .map(|axis| {
                let (size, stride) = (map[axis], strides[axis]);
                if auto.starts_with(b"SAME") {
                    return Ok(size.div_ceil(stride));
                }
                if !(1..=MAX_SIDE as u64).contains(&sides[axis]) {
                    return Err(format!("its kernel is {sides:?}"));
                }
                let reach = dilations[axis].saturating_mul(sides[axis] - 1) + 1;
                let padded = if auto == b"VALID" { size } else { size + pads[axis] + pads[axis + axes] };
                let room = padded.checked_sub(reach);
                let room =
                    room.ok_or_else(|| format!("a kernel of {sides:?} does not fit a map of {map:?}"))?;
                Ok(if self.int("ceil_mode", 0) != 0 { room.div_ceil(stride) } else { room / stride } + 1)
            })
            .collect()
    }

    /// The shape of what works channel by channel. tract takes the second side as the channels without looking whether
    /// there is one.
    fn per_channel(&self) -> Result<Vec<u64>, String> {
        let shape = self.shape(0)?;
        match shape.len() {
            0 | 1 => Err(format!("its input is {shape:?}, which has no channels")),
            _ => Ok(shape.to_vec()),
        }
    }

    fn global(&self) -> Result<Vec<u64>, String> {
        let mut shape = self.per_channel()?;
        shape.iter_mut().skip(2).for_each(|dim| *dim = 1);
        Ok(shape)
    }

    fn product(&self, second: usize) -> Result<Made, String> {
        let (a, b) = (self.shape(0)?, self.shape(second)?);
        let ([batches @ .., rows, depth], [others @ .., _, columns]) = (a, b) else {
            return Err(format!("it multiplies {a:?} by {b:?}, which are no matrices"));
        };
        let mut shape = broadcast(&[batches, others]);
        shape.extend([*rows, *columns]);
        let macs = elements(&shape).saturating_mul(*depth);
        Ok(Made { macs, ..shape.into() })
    }

    fn gemm(&self) -> Result<Made, String> {
        let (a, b) = (self.shape(0)?, self.shape(1)?);
        let (&[a_rows, a_columns], &[b_rows, b_columns]) = (a, b) else {
            return Err(format!("it multiplies {a:?} by {b:?}, which are no matrices"));
        };
        let (rows, depth) =
            if self.int("transA", 0) == 0 { (a_rows, a_columns) } else { (a_columns, a_rows) };
        let columns = if self.int("transB", 0) == 0 { b_columns } else { b_rows };
        let added = self.optional(2).map_or(&[][..], |fact| &fact.shape);
        let shape = broadcast(&[&[rows, columns], added]);
        let macs = elements(&shape).saturating_mul(depth);
        Ok(Made { macs, ..shape.into() })
    }

    fn constant(&self) -> Result<Fact, String> {
        let [value] = &self.proto.attribute[..] else { return Err("it has not one value".into()) };
        if let Some(tensor) = &value.t {
            let shape = tensors::shape(tensor)?;
            return Ok(Fact { shape, known: tensors::few_numbers(tensor), constant: true });
        }
        let (list, numbers): (bool, Vec<f64>) = match AttributeType::try_from(value.r#type) {
            Ok(AttributeType::Int) => (false, vec![value.i as f64]),
            Ok(AttributeType::Float) => (false, vec![f64::from(value.f)]),
            Ok(AttributeType::Ints) => (true, value.ints.iter().map(|value| *value as f64).collect()),
            Ok(AttributeType::Floats) => (true, value.floats.iter().map(|value| f64::from(*value)).collect()),
            _ => return Err("its value is of a type that is not supported".into()),
        };
        let shape = if list { vec![numbers.len() as u64] } else { Vec::new() };
        Ok(Fact { shape, known: Some(numbers), constant: true })
    }

    fn tile(&self) -> Result<Vec<u64>, String> {
        let (from, repeats) = (self.shape(0)?, self.sizes(1, "repeats")?);
        if self.inputs.len() > 2 || repeats.len() != from.len() {
            return Err(format!("it repeats {from:?} {repeats:?} times"));
        }
        Ok(from.iter().zip(repeats).map(|(dim, times)| dim.saturating_mul(times)).collect())
    }

    fn pad(&self) -> Result<Vec<u64>, String> {
        let from = self.shape(0)?;
        let pads = self.numbers(1, "pads")?.ok_or("its pads are missing")?;
        if pads.len() != 2 * from.len() || self.optional(3).is_some() {
            return Err(format!("its pads are {pads:?} for {from:?}"));
        }
        let (before, after) = pads.split_at(from.len());
        let sides = from.iter().zip(before).zip(after);
        sides.map(|((dim, before), after)| whole(*dim as f64 + before + after)).collect()
    }

    fn resize(&self, operator: &str) -> Result<Vec<u64>, String> {
        let from = self.shape(0)?;
        // Sizes, or else scales, which were the second input before the region of interest came to lie there.
        if self.optional(3).is_some_and(|sizes| sizes.shape != [0]) {
            return self.sizes(3, "sizes");
        }
        let scales = if operator == "Upsample" || self.inputs.len() == 2 { 1 } else { 2 };
        let scales = self.numbers(scales, "scales")?.ok_or("its scales are missing")?;
        if scales.len() != from.len() {
            return Err(format!("its scales are {scales:?} for {from:?}"));
        }
        from.iter().zip(&scales).map(|(dim, scale)| whole((*dim as f64 * scale).floor())).collect()
    }

    fn range(&self) -> Result<Vec<u64>, String> {
        let number = |index: usize| match self.input(index)?.known.as_deref() {
            Some([number]) => Ok(*number),
            _ => Err("its limits are not known before it runs".to_owned()),
        };
        let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
        Ok(vec![whole(((limit - start) / step).ceil().max(0.0))?])
    }

    fn reshape(&self) -> Result<Fact, String> {
        let from = self.input(0)?;
        let wanted = self.numbers(1, "shape")?.ok_or("its shape is missing")?;
        let kept =
            |axis: usize| from.shape.get(axis).copied().ok_or("its shape keeps an axis that is not there");
        let mut shape = Vec::new();
        for (axis, dim) in wanted.iter().enumerate() {
            shape.push(match *dim {
                -1.0 => 1,
                0.0 if self.int("allowzero", 0) == 0 => kept(axis)?,
                dim => whole(dim)?,
            });
        }
        if let Some(open) = wanted.iter().position(|dim| *dim == -1.0) {
            shape[open] = elements(&from.shape).checked_div(elements(&shape)).unwrap_or(0);
        }
        Ok(Fact { shape, known: from.known.clone(), constant: false })
    }

    fn flatten(&self) -> Result<Vec<u64>, String> {
        let from = self.shape(0)?;
        let axis = self.int("axis", 1);
        let axis = if axis == from.len() as i64 { from.len() } else { self.axis(axis, from.len())? };
        let (before, after) = from.split_at(axis);
        Ok(vec![elements(before), elements(after)])
    }

    fn squeeze(&self, operator: &str) -> Result<Fact, String> {
        let from = self.input(0)?;
        let given = self.numbers(1, "axes")?;
        let shape = if operator == "Unsqueeze" {
            let rank = from.shape.len() + given.as_ref().map_or(0, Vec::len);
            let axes = self.axes(1, rank)?.ok_or("its axes are missing")?;
            let mut kept = from.shape.iter();
            (0..rank)
                .map(|axis| if axes.contains(&axis) { 1 } else { kept.next().copied().unwrap_or(1) })
                .collect()
        } else {
            let axes = self.axes(1, from.shape.len())?;
            let goes = |axis: usize, dim: u64| axes.as_ref().map_or(dim == 1, |axes| axes.contains(&axis));
            let kept = from.shape.iter().enumerate().filter(|(axis, dim)| !goes(*axis, **dim));
            kept.map(|(_, dim)| *dim).collect()
        };
        Ok(Fact { shape, known: from.known.clone(), constant: false })
    }

    fn transpose(&self) -> Result<Vec<u64>, String> {
        let from = self.shape(0)?;
        let Some(order) = self.ints("perm") else { return Ok(from.iter().rev().copied().collect()) };
        let mut axes =
            order.iter().map(|axis| self.axis(*axis, from.len())).collect::<Result<Vec<_>, _>>()?;
        let shape = axes.iter().map(|axis| from[*axis]).collect();
        axes.sort_unstable();
        match axes.iter().copied().eq(0..from.len()) {
            true => Ok(shape),
            false => Err(format!("its perm {order:?} does not take each of {} axes once", from.len())),
        }
    }

    fn concat(&self) -> Result<Fact, String> {
        let mut shape = self.shape(0)?.to_vec();
        let axis = self.axis(self.int("axis", 1), shape.len())?;
        let parts: Vec<&Fact> = self.inputs.iter().flatten().copied().collect();
        for part in &parts[1..] {
            let dim = part.shape.get(axis).ok_or("its parts have not the same axes")?;
            shape[axis] = shape[axis].saturating_add(*dim);
        }
        let known: Option<Vec<&[f64]>> = parts.iter().map(|part| part.known.as_deref()).collect();
        let known = known.filter(|_| shape.len() == 1).map(|parts| parts.concat());
        Ok(Fact { shape, known, constant: false })
    }

    fn split(&self) -> Result<Made, String> {
        let from = self.shape(0)?;
        let axis = self.axis(self.int("axis", 0), from.len())?;
        let outputs = self.proto.output.len().max(1) as u64;
        let parts = match self.numbers(1, "split")? {
            Some(parts) => parts.iter().map(|part| whole(*part)).collect::<Result<Vec<_>, _>>()?,
            None => vec![from[axis].div_ceil(outputs); outputs as usize],
        };
        let part = |size: u64| {
            let mut shape = from.to_vec();
            shape[axis] = size.min(from[axis]);
            Fact { shape, ..Fact::default() }
        };
        Ok(Made { facts: parts.into_iter().map(part).collect(), layout: 0, macs: 0 })
    }

    fn slice(&self) -> Result<Fact, String> {
        let from = self.input(0)?;
        let starts = self.numbers(1, "starts")?.ok_or("its starts are missing")?;
        let ends = self.numbers(2, "ends")?.ok_or("its ends are missing")?;
        let axes = self.axes(3, from.shape.len())?.unwrap_or_else(|| (0..starts.len()).collect());
        let steps = self.numbers(4, "steps")?.unwrap_or_else(|| vec![1.0; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0.0) {
            return Err("its starts, ends, axes and steps do not belong together".into());
        }
        let mut fact = Fact { constant: false, ..from.clone() };
        for (index, axis) in axes.into_iter().enumerate() {
            let dim = *from.shape.get(axis).ok_or("its axes are not there")? as f64;
            let from_end = |at: f64| if at < 0.0 { at + dim } else { at };
            let step = steps[index];
            // Backwards it ends before the first, which is -1.
            let (least, most) = if step > 0.0 { (0.0, dim) } else { (-1.0, dim - 1.0) };
            let [start, end] =
                [starts[index], ends[index]].map(|at| from_end(at).clamp(least, most.max(least)));
            let count = whole(((end - start) / step).ceil().max(0.0))?;
            fact.shape[axis] = count;
            let picked = |known: Vec<f64>| {
                let at = |number: u64| known.get((start + number as f64 * step) as usize).copied();
                (0..count).map(at).collect()
            };
            fact.known = fact.known.filter(|_| from.shape.len() == 1).and_then(picked);
        }
        Ok(fact)
    }

    fn gather(&self) -> Result<Fact, String> {
        let (data, indices) = (self.input(0)?, self.input(1)?);
        let axis = self.axis(self.int("axis", 0), data.shape.len())?;
        let (before, after) = (&data.shape[..axis], &data.shape[axis + 1..]);
        let shape = [before, &indices.shape, after].concat();
        let known = data.known.as_ref().zip(indices.known.as_ref()).filter(|_| data.shape.len() == 1);
        let known = known.and_then(|(data, indices)| {
            let from_end = |at: f64| if at < 0.0 { at + data.len() as f64 } else { at };
            indices.iter().map(|at| data.get(from_end(*at) as usize).copied()).collect()
        });
        Ok(Fact { shape, known, constant: false })
    }

    fn shape_of(&self) -> Result<Fact, String> {
        if self.attribute("start").is_some() || self.attribute("end").is_some() {
            return Err("it gives a part of a shape, which is not supported".into());
        }
        let known: Vec<f64> = self.shape(0)?.iter().map(|dim| *dim as f64).collect();
        Ok(Fact { shape: vec![known.len() as u64], known: Some(known), constant: false })
    }

    fn reduce(&self) -> Result<Vec<u64>, String> {
        let from = self.shape(0)?;
        let axes = self.axes(1, from.len())?.filter(|axes| !axes.is_empty());
        let keeps = self.int("keepdims", 1) != 0;
        let goes = |axis: usize| axes.as_ref().is_none_or(|axes| axes.contains(&axis));
        let dims = from.iter().enumerate().filter(|(axis, _)| keeps || !goes(*axis));
        Ok(dims.map(|(axis, dim)| if goes(axis) { 1 } else { *dim }).collect())
    }
}

/// The shape that these are spread to: along each axis, counted from the last, the largest.
fn broadcast(shapes: &[&[u64]]) -> Vec<u64> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let dim = |axis: usize| {
        let of = |shape: &&[u64]| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
        let dims = shapes.iter().map(of);
        // Nothing in one is nothing in all.
        if dims.clone().any(|dim| dim == 0) { 0 } else { dims.max().unwrap_or(1) }
    };
    (0..rank).map(dim).collect()
}

/// A size; what is negative, too large or no number is none.
fn whole(size: f64) -> Result<u64, String> {
    match size {
        size if (0.0..=MAX_SIZE).contains(&size) && size.fract() == 0.0 => Ok(size as u64),
        size => Err(format!("a size of {size} cannot be")),
    }
}
