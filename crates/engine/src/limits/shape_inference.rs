//! Computes the shapes of the results of an operator, by the ONNX specification. Operators without a rule here are refused,
//! because the memory that they need is unknown.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::fact::Fact;
use super::{Refusal, elements, tensors};

/// Limit of the size, stride and padding of a window.
const MAX_SIDE: i64 = 1 << 16;
/// Limit of a dimension: far above all limits of memory, and `f64` represents all integers up to it.
const MAX_DIM: f64 = (1u64 << 48) as f64;
/// The floating-point types of the attribute `to` of `Cast`: float, float16, double (TensorProto.DataType).
const FLOAT_TYPES: [i64; 3] = [1, 10, 11];

/// The results of a node.
pub struct Inferred {
    /// The fact of each output; the last one is valid for all further outputs.
    pub facts: Vec<Fact>,
    /// Elements of the buffer that an engine may use for one picture.
    pub buffer: u64,
    /// Multiplications.
    pub macs: u64,
}

impl From<Fact> for Inferred {
    fn from(fact: Fact) -> Self {
        Self { facts: vec![fact], buffer: 0, macs: 0 }
    }
}

impl From<Vec<u64>> for Inferred {
    fn from(shape: Vec<u64>) -> Self {
        Fact { shape, ..Fact::default() }.into()
    }
}

/// A node with the facts of its inputs; `None` is an omitted optional input.
struct Node<'a> {
    proto: &'a NodeProto,
    inputs: &'a [Option<&'a Fact>],
}

/// Computes the results of a node for these inputs; `None` is an omitted optional input.
///
/// # Errors
/// The operator has no rule, its inputs or attributes are invalid, or a size depends on the pixels.
pub fn infer(proto: &NodeProto, inputs: &[Option<&Fact>]) -> Result<Inferred, Refusal> {
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
        "Cast" | "Ceil" | "Floor" | "Identity" | "Round" => node.round(operator)?.into(),
        "Add" | "Sub" | "Mul" | "Div" => node.arithmetic(operator)?.into(),
        "And" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean" | "Min"
        | "Mod" | "Or" | "Pow" | "Sum" | "Where" | "Xor" => node.broadcast()?.into(),
        "Conv" | "ConvInteger" => node.conv(1)?,
        "QLinearConv" => node.conv(3)?,
        "MaxPool" | "AveragePool" | "LpPool" => node.pool()?,
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => node.global_pool()?.into(),
        "MatMul" | "MatMulInteger" => node.matmul(1)?,
        "QLinearMatMul" => node.matmul(3)?,
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
        _ => return Err("this operator is not supported".into()),
    })
}

impl<'a> Node<'a> {
    fn input(&self, index: usize) -> Result<&'a Fact, Refusal> {
        Ok(self.optional(index).ok_or_else(|| format!("its input {index} is missing"))?)
    }

    fn optional(&self, index: usize) -> Option<&'a Fact> {
        self.inputs.get(index).copied().flatten()
    }

    fn shape(&self, index: usize) -> Result<&'a [u64], Refusal> {
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

    /// A list that is an input in newer files and an attribute in older ones; `None` if it is omitted. An error if it depends
    /// on the pixels.
    fn list(&self, index: usize, attribute: &str) -> Result<Option<Vec<f64>>, Refusal> {
        if let Some(input) = self.optional(index) {
            let known = input.known.clone();
            return Ok(Some(known.ok_or_else(|| format!("its {attribute} is not known before it runs"))?));
        }
        Ok(self.attribute(attribute).map(|attribute| match attribute.floats.is_empty() {
            true => attribute.ints.iter().map(|value| *value as f64).collect(),
            false => attribute.floats.iter().map(|value| f64::from(*value)).collect(),
        }))
    }

    /// A list of sizes that must not be omitted.
    fn sizes(&self, index: usize, attribute: &str) -> Result<Vec<u64>, Refusal> {
        let sizes = self.list(index, attribute)?.ok_or_else(|| format!("its {attribute} is missing"))?;
        sizes.iter().map(|size| to_dim(*size)).collect()
    }

    /// The index of an axis of a tensor with `rank` axes; a negative axis counts from the end.
    fn axis(&self, axis: i64, rank: usize) -> Result<usize, Refusal> {
        let from_end = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        let index = usize::try_from(from_end).ok().filter(|index| *index < rank);
        Ok(index.ok_or_else(|| format!("its axis {axis} is not one of the {rank} axes"))?)
    }

    fn axes(&self, index: usize, rank: usize) -> Result<Option<Vec<usize>>, Refusal> {
        let Some(axes) = self.list(index, "axes")? else { return Ok(None) };
        axes.iter().map(|axis| self.axis(*axis as i64, rank)).collect::<Result<_, _>>().map(Some)
    }

    fn round(&self, operator: &str) -> Result<Fact, Refusal> {
        let mut fact = self.input(0)?.clone();
        let round: Option<fn(f64) -> f64> = match operator {
            "Identity" => None,
            "Floor" => Some(f64::floor),
            "Ceil" => Some(f64::ceil),
            "Round" => Some(f64::round_ties_even),
            // A cast to integers truncates.
            _ => (!FLOAT_TYPES.contains(&self.int("to", 1))).then_some(f64::trunc),
        };
        if let (Some(round), Some(known)) = (round, &mut fact.known) {
            known.iter_mut().for_each(|value| *value = round(*value));
        }
        Ok(fact)
    }

    fn broadcast(&self) -> Result<Vec<u64>, Refusal> {
        self.input(0)?;
        let shapes: Vec<&[u64]> = self.inputs.iter().flatten().map(|fact| &fact.shape[..]).collect();
        Ok(broadcast(&shapes))
    }

    fn arithmetic(&self, operator: &str) -> Result<Fact, Refusal> {
        let shape = self.broadcast()?;
        let known = |index: usize| self.input(index).ok().and_then(|fact| fact.known.as_deref());
        let known = known(0).zip(known(1)).filter(|_| shape.len() < 2).and_then(|(a, b)| {
            let count = a.len().max(b.len());
            let pairs = a.iter().cycle().zip(b.iter().cycle()).take(count);
            let compute = |(a, b): (&f64, &f64)| match operator {
                "Add" => Some(a + b),
                "Sub" => Some(a - b),
                "Mul" => Some(a * b),
                // The division of integers rounds, and the type is not known here.
                _ => Some(a / b).filter(|value| value.fract() == 0.0),
            };
            pairs.map(compute).collect()
        });
        Ok(Fact { shape, known, constant: false })
    }

    fn conv(&self, weights: usize) -> Result<Inferred, Refusal> {
        let (from, kernel) = (self.shape(0)?, self.shape(weights)?);
        let ([batch, _, map @ ..], [outputs, inputs, sides @ ..]) = (from, kernel) else {
            return Err(format!("it convolves {from:?} with {kernel:?}").into());
        };
        let positions = self.window_positions(map, sides)?;
        let window = elements(sides).saturating_mul(*inputs);
        let group = u64::try_from(self.int("group", 1)).unwrap_or(0).max(1);
        let buffer = window.saturating_mul(group).saturating_mul(elements(&positions));
        let shape: Vec<u64> = [*batch, *outputs].into_iter().chain(positions).collect();
        let macs = elements(&shape).saturating_mul(window);
        Ok(Inferred { buffer, macs, ..shape.into() })
    }

    fn pool(&self) -> Result<Inferred, Refusal> {
        let from = self.shape(0)?;
        let [batch, channels, map @ ..] = from else { return Err(format!("it pools {from:?}").into()) };
        let sides = self.ints("kernel_shape").ok_or("its kernel_shape is missing")?;
        let sides: Vec<u64> = sides.iter().map(|side| to_dim(*side as f64)).collect::<Result<_, _>>()?;
        let positions = self.window_positions(map, &sides)?;
        let shape: Vec<u64> = [*batch, *channels].into_iter().chain(positions).collect();
        let macs = elements(&shape).saturating_mul(elements(&sides));
        Ok(Inferred { macs, ..shape.into() })
    }

    /// Number of positions of a window along each axis of a map.
    fn window_positions(&self, map: &[u64], sides: &[u64]) -> Result<Vec<u64>, Refusal> {
        let axes = map.len();
        if sides.len() != axes || axes == 0 {
            return Err(format!("its window has {} sides on a map of {axes}", sides.len()).into());
        }
        let list = |name: &str, min: i64, count: usize, default: u64| {
            let Some(list) = self.ints(name).filter(|list| !list.is_empty()) else {
                return Ok(vec![default; count]);
            };
            let is_valid = list.len() == count && list.iter().all(|value| (min..=MAX_SIDE).contains(value));
            match is_valid {
                true => Ok(list.iter().map(|value| value.unsigned_abs()).collect()),
                false => Err(Refusal(format!("its {name} are {list:?}"))),
            }
        };
        let (strides, dilations) = (list("strides", 1, axes, 1)?, list("dilations", 1, axes, 1)?);
        let pads = list("pads", 0, 2 * axes, 0)?;
        let (pads_before, pads_after) = pads.split_at(axes);
        let auto_pad = self.attribute("auto_pad").map_or(&b""[..], |attribute| &attribute.s);
        let rounds_up = self.int("ceil_mode", 0) != 0;
        let windows = sides.iter().zip(strides).zip(dilations);
        map.iter()
            .zip(windows)
            .zip(pads_before.iter().zip(pads_after))
            .map(|((size, ((side, stride), dilation)), (before, after))| -> Result<u64, Refusal> {
                if auto_pad.starts_with(b"SAME") {
                    return Ok(size.div_ceil(stride));
                }
                if !(1..=MAX_SIDE as u64).contains(side) {
                    return Err(format!("its kernel is {sides:?}").into());
                }
                let extent = dilation.saturating_mul(side - 1) + 1;
                let padded = if auto_pad == b"VALID" { *size } else { size + before + after };
                let range = padded.checked_sub(extent);
                let range =
                    range.ok_or_else(|| format!("a kernel of {sides:?} does not fit a map of {map:?}"))?;
                Ok(if rounds_up { range.div_ceil(stride) } else { range / stride } + 1)
            })
            .collect()
    }

    /// The shape of the result of an operator that handles each channel separately. tract uses the second dimension as the
    /// channels without checking that there is one.
    fn per_channel(&self) -> Result<Vec<u64>, Refusal> {
        let shape = self.shape(0)?;
        match shape.len() {
            0 | 1 => Err(format!("its input is {shape:?}, which has no channels").into()),
            _ => Ok(shape.to_vec()),
        }
    }

    fn global_pool(&self) -> Result<Vec<u64>, Refusal> {
        let mut shape = self.per_channel()?;
        shape.iter_mut().skip(2).for_each(|dim| *dim = 1);
        Ok(shape)
    }

    fn matmul(&self, second: usize) -> Result<Inferred, Refusal> {
        let (a, b) = (self.shape(0)?, self.shape(second)?);
        let ([batches @ .., rows, depth], [others @ .., _, columns]) = (a, b) else {
            return Err(format!("it multiplies {a:?} by {b:?}, which are not matrices").into());
        };
        let mut shape = broadcast(&[batches, others]);
        shape.extend([*rows, *columns]);
        let macs = elements(&shape).saturating_mul(*depth);
        Ok(Inferred { macs, ..shape.into() })
    }

    fn gemm(&self) -> Result<Inferred, Refusal> {
        let (a, b) = (self.shape(0)?, self.shape(1)?);
        let (&[a_rows, a_columns], &[b_rows, b_columns]) = (a, b) else {
            return Err(format!("it multiplies {a:?} by {b:?}, which are not matrices").into());
        };
        let (rows, depth) =
            if self.int("transA", 0) == 0 { (a_rows, a_columns) } else { (a_columns, a_rows) };
        let columns = if self.int("transB", 0) == 0 { b_columns } else { b_rows };
        let bias = self.optional(2).map_or(&[][..], |fact| &fact.shape);
        let shape = broadcast(&[&[rows, columns], bias]);
        let macs = elements(&shape).saturating_mul(depth);
        Ok(Inferred { macs, ..shape.into() })
    }

    fn constant(&self) -> Result<Fact, Refusal> {
        let [value] = &self.proto.attribute[..] else {
            return Err("it does not have exactly one value".into());
        };
        if let Some(tensor) = &value.t {
            let shape = tensors::shape(tensor)?;
            return Ok(Fact { shape, known: tensors::known_elements(tensor), constant: true });
        }
        let (is_list, numbers): (bool, Vec<f64>) = match AttributeType::try_from(value.r#type) {
            Ok(AttributeType::Int) => (false, vec![value.i as f64]),
            Ok(AttributeType::Float) => (false, vec![f64::from(value.f)]),
            Ok(AttributeType::Ints) => (true, value.ints.iter().map(|value| *value as f64).collect()),
            Ok(AttributeType::Floats) => (true, value.floats.iter().map(|value| f64::from(*value)).collect()),
            _ => return Err("its value is of a type that is not supported".into()),
        };
        let shape = if is_list { vec![numbers.len() as u64] } else { Vec::new() };
        Ok(Fact { shape, known: Some(numbers), constant: true })
    }

    fn tile(&self) -> Result<Vec<u64>, Refusal> {
        let (from, repeats) = (self.shape(0)?, self.sizes(1, "repeats")?);
        if self.inputs.len() > 2 || repeats.len() != from.len() {
            return Err(format!("it repeats {from:?} {repeats:?} times").into());
        }
        Ok(from.iter().zip(repeats).map(|(dim, times)| dim.saturating_mul(times)).collect())
    }

    fn pad(&self) -> Result<Vec<u64>, Refusal> {
        let from = self.shape(0)?;
        let pads = self.list(1, "pads")?.ok_or("its pads are missing")?;
        if pads.len() != 2 * from.len() || self.optional(3).is_some() {
            return Err(format!("its pads are {pads:?} for {from:?}").into());
        }
        let (before, after) = pads.split_at(from.len());
        let sides = from.iter().zip(before).zip(after);
        sides.map(|((dim, before), after)| to_dim(*dim as f64 + before + after)).collect()
    }

    fn resize(&self, operator: &str) -> Result<Vec<u64>, Refusal> {
        let from = self.shape(0)?;
        // The sizes, or otherwise the scales. In old versions the scales are the second input, which is now the region of
        // interest.
        if self.optional(3).is_some_and(|sizes| sizes.shape != [0]) {
            return self.sizes(3, "sizes");
        }
        let scales = if operator == "Upsample" || self.inputs.len() == 2 { 1 } else { 2 };
        let scales = self.list(scales, "scales")?.ok_or("its scales are missing")?;
        if scales.len() != from.len() {
            return Err(format!("its scales are {scales:?} for {from:?}").into());
        }
        from.iter().zip(&scales).map(|(dim, scale)| to_dim((*dim as f64 * scale).floor())).collect()
    }

    fn range(&self) -> Result<Vec<u64>, Refusal> {
        let number = |index: usize| match self.input(index)?.known.as_deref() {
            Some([number]) => Ok(*number),
            _ => Err(Refusal::from("its limits are not known before it runs")),
        };
        let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
        Ok(vec![to_dim(((limit - start) / step).ceil().max(0.0))?])
    }

    fn reshape(&self) -> Result<Fact, Refusal> {
        let from = self.input(0)?;
        let wanted = self.list(1, "shape")?.ok_or("its shape is missing")?;
        let kept =
            |axis: usize| from.shape.get(axis).copied().ok_or("its shape keeps an axis that does not exist");
        let mut shape = Vec::new();
        for (axis, dim) in wanted.iter().enumerate() {
            shape.push(match *dim {
                -1.0 => 1,
                0.0 if self.int("allowzero", 0) == 0 => kept(axis)?,
                dim => to_dim(dim)?,
            });
        }
        let remaining = elements(&from.shape).checked_div(elements(&shape)).unwrap_or(0);
        let open = wanted.iter().position(|dim| *dim == -1.0);
        if let Some(dim) = open.and_then(|open| shape.get_mut(open)) {
            *dim = remaining;
        }
        Ok(Fact { shape, known: from.known.clone(), constant: false })
    }

    fn flatten(&self) -> Result<Vec<u64>, Refusal> {
        let from = self.shape(0)?;
        let axis = self.int("axis", 1);
        let axis = if axis == from.len() as i64 { from.len() } else { self.axis(axis, from.len())? };
        let (before, after) = from.split_at(axis);
        Ok(vec![elements(before), elements(after)])
    }

    fn squeeze(&self, operator: &str) -> Result<Fact, Refusal> {
        let from = self.input(0)?;
        let axes = self.list(1, "axes")?;
        let shape = if operator == "Unsqueeze" {
            let rank = from.shape.len() + axes.as_ref().map_or(0, Vec::len);
            let axes = self.axes(1, rank)?.ok_or("its axes are missing")?;
            let mut kept = from.shape.iter();
            (0..rank)
                .map(|axis| if axes.contains(&axis) { 1 } else { kept.next().copied().unwrap_or(1) })
                .collect()
        } else {
            let axes = self.axes(1, from.shape.len())?;
            let is_removed =
                |axis: usize, dim: u64| axes.as_ref().map_or(dim == 1, |axes| axes.contains(&axis));
            let kept = from.shape.iter().enumerate().filter(|(axis, dim)| !is_removed(*axis, **dim));
            kept.map(|(_, dim)| *dim).collect()
        };
        Ok(Fact { shape, known: from.known.clone(), constant: false })
    }

    fn transpose(&self) -> Result<Vec<u64>, Refusal> {
        let from = self.shape(0)?;
        let Some(order) = self.ints("perm") else { return Ok(from.iter().rev().copied().collect()) };
        let mut axes =
            order.iter().map(|axis| self.axis(*axis, from.len())).collect::<Result<Vec<_>, _>>()?;
        let shape = axes.iter().filter_map(|axis| from.get(*axis).copied()).collect();
        axes.sort_unstable();
        match axes.iter().copied().eq(0..from.len()) {
            true => Ok(shape),
            false => Err(format!("its perm {order:?} does not have each of {} axes once", from.len()).into()),
        }
    }

    fn concat(&self) -> Result<Fact, Refusal> {
        let first = self.shape(0)?;
        let axis = self.axis(self.int("axis", 1), first.len())?;
        let parts: Vec<&Fact> = self.inputs.iter().flatten().copied().collect();
        let mut total = 0u64;
        for part in &parts {
            let dim = part.shape.get(axis).ok_or("its inputs do not have the same axes")?;
            total = total.saturating_add(*dim);
        }
        let shape = with_dim(first, axis, total);
        let known: Option<Vec<&[f64]>> = parts.iter().map(|part| part.known.as_deref()).collect();
        let known = known.filter(|_| shape.len() == 1).map(|parts| parts.concat());
        Ok(Fact { shape, known, constant: false })
    }

    fn split(&self) -> Result<Inferred, Refusal> {
        let from = self.shape(0)?;
        let axis = self.axis(self.int("axis", 0), from.len())?;
        let dim = from.get(axis).copied().unwrap_or(0);
        let outputs = self.proto.output.len().max(1) as u64;
        let parts = match self.list(1, "split")? {
            Some(parts) => parts.iter().map(|part| to_dim(*part)).collect::<Result<Vec<_>, _>>()?,
            None => vec![dim.div_ceil(outputs); outputs as usize],
        };
        let part = |size: u64| Fact { shape: with_dim(from, axis, size.min(dim)), ..Fact::default() };
        Ok(Inferred { facts: parts.into_iter().map(part).collect(), buffer: 0, macs: 0 })
    }

    fn slice(&self) -> Result<Fact, Refusal> {
        let from = self.input(0)?;
        let starts = self.list(1, "starts")?.ok_or("its starts are missing")?;
        let ends = self.list(2, "ends")?.ok_or("its ends are missing")?;
        let axes = self.axes(3, from.shape.len())?.unwrap_or_else(|| (0..starts.len()).collect());
        let steps = self.list(4, "steps")?.unwrap_or_else(|| vec![1.0; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0.0) {
            return Err("its starts, ends, axes and steps do not fit each other".into());
        }
        let mut fact = Fact { constant: false, ..from.clone() };
        let ranges = starts.into_iter().zip(ends).zip(steps);
        for (axis, ((start, end), step)) in axes.into_iter().zip(ranges) {
            let dim = *from.shape.get(axis).ok_or("its axes do not exist")? as f64;
            let from_end = |index: f64| if index < 0.0 { index + dim } else { index };
            // Backwards it ends before the first element, at -1.
            let (min, max) = if step > 0.0 { (0.0, dim) } else { (-1.0, dim - 1.0) };
            let [start, end] = [start, end].map(|index| from_end(index).clamp(min, max.max(min)));
            let count = to_dim(((end - start) / step).ceil().max(0.0))?;
            fact.shape = with_dim(&fact.shape, axis, count);
            let select = |known: Vec<f64>| {
                let element = |number: u64| known.get((start + number as f64 * step) as usize).copied();
                (0..count).map(element).collect()
            };
            fact.known = fact.known.filter(|_| from.shape.len() == 1).and_then(select);
        }
        Ok(fact)
    }

    fn gather(&self) -> Result<Fact, Refusal> {
        let (data, indices) = (self.input(0)?, self.input(1)?);
        let axis = self.axis(self.int("axis", 0), data.shape.len())?;
        let (before, rest) = data.shape.split_at(axis);
        let shape = [before, &indices.shape, rest.get(1..).unwrap_or_default()].concat();
        let known = data.known.as_ref().zip(indices.known.as_ref()).filter(|_| data.shape.len() == 1);
        let known = known.and_then(|(data, indices)| {
            let from_end = |index: f64| if index < 0.0 { index + data.len() as f64 } else { index };
            indices.iter().map(|index| data.get(from_end(*index) as usize).copied()).collect()
        });
        Ok(Fact { shape, known, constant: false })
    }

    fn shape_of(&self) -> Result<Fact, Refusal> {
        if self.attribute("start").is_some() || self.attribute("end").is_some() {
            return Err("its result is a part of a shape, which is not supported".into());
        }
        let known: Vec<f64> = self.shape(0)?.iter().map(|dim| *dim as f64).collect();
        Ok(Fact { shape: vec![known.len() as u64], known: Some(known), constant: false })
    }

    fn reduce(&self) -> Result<Vec<u64>, Refusal> {
        let from = self.shape(0)?;
        let axes = self.axes(1, from.len())?.filter(|axes| !axes.is_empty());
        let keeps_dims = self.int("keepdims", 1) != 0;
        let is_reduced = |axis: usize| axes.as_ref().is_none_or(|axes| axes.contains(&axis));
        let dims = from.iter().enumerate().filter(|(axis, _)| keeps_dims || !is_reduced(*axis));
        Ok(dims.map(|(axis, dim)| if is_reduced(axis) { 1 } else { *dim }).collect())
    }
}

/// The shape to which these shapes are broadcast: along each axis, counted from the last, the largest dimension.
fn broadcast(shapes: &[&[u64]]) -> Vec<u64> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let dim = |axis: usize| {
        let dim_of = |shape: &&[u64]| {
            (axis + shape.len()).checked_sub(rank).and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
        };
        let dims = shapes.iter().map(dim_of);
        // An empty tensor makes the result empty.
        if dims.clone().any(|dim| dim == 0) { 0 } else { dims.max().unwrap_or(1) }
    };
    (0..rank).map(dim).collect()
}

/// A shape with another size of one axis.
fn with_dim(shape: &[u64], axis: usize, size: u64) -> Vec<u64> {
    shape.iter().enumerate().map(|(index, dim)| if index == axis { size } else { *dim }).collect()
}

/// Converts a number to a dimension.
fn to_dim(size: f64) -> Result<u64, Refusal> {
    match size {
        size if (0.0..=MAX_DIM).contains(&size) && size.fract() == 0.0 => Ok(size as u64),
        size => Err(format!("{size} is not a valid size").into()),
    }
}
