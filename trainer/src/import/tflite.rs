//! Converts a TFLite network to ONNX.
//!
//! NHWC becomes NCHW, the batch becomes 1, `SAME` becomes explicit padding, and the spelled-out PReLU
//! `relu(x) + (x - |x|) * slope / 2` becomes `PRelu`. An operator, option or layout that the converter does
//! not know is an error: it never guesses.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use tract_tflite::tflite::{
    ActivationFunctionType, BuiltinOperator, Model, Operator, Padding, SubGraph, Tensor, TensorType,
    root_as_model,
};

use crate::onnx::graph::{Dim, Graph, INPUT, int, ints};

/// Converts the network; `flatbuffer` is the published file.
pub fn convert(flatbuffer: &[u8]) -> Result<Vec<u8>> {
    let model = root_as_model(flatbuffer).context("not a TFLite file")?;
    let subgraphs = model.subgraphs().context("has no graph")?;
    ensure!(subgraphs.len() == 1, "has {} graphs; one is known", subgraphs.len());
    let source = Source::new(model, subgraphs.get(0))?;
    let [input] = source.graph.inputs().map(|i| i.iter().collect::<Vec<_>>()).unwrap_or_default()[..] else {
        bail!("does not have one input")
    };
    let [output] = source.graph.outputs().map(|o| o.iter().collect::<Vec<_>>()).unwrap_or_default()[..]
    else {
        bail!("does not have one output")
    };
    let mut graph = Graph::new("network");
    let [height, width, channels] = source.map_shape(input)?;
    graph.input(INPUT, &[Dim::Fixed(1), Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]);
    let prelus = source.spelled_out_prelus()?;
    let absorbed: BTreeSet<usize> = prelus.values().flat_map(|prelu| prelu.absorbed).collect();
    let mut convert = Convert { source: &source, graph, names: BTreeMap::from([(input, INPUT.to_owned())]) };
    for (index, operator) in source.operators.iter().enumerate() {
        if absorbed.contains(&index) {
            continue;
        }
        let made = match prelus.get(&index) {
            Some(prelu) => convert.prelu(prelu.input, &prelu.slope),
            None => convert.operator(operator),
        };
        let output = operator.output()?;
        let made = made.with_context(|| format!("operator {index}, {:?}", operator.code))?;
        convert.names.insert(output, made);
    }
    let made = convert.name(output)?;
    let shape = source.shape(output)?;
    let numbers = numbers_of(shape.get(1..).unwrap_or_default());
    let numbers = numbers.with_context(|| format!("its output has shape {shape:?}"))?;
    let mut graph = convert.graph;
    graph.output(&made, "embedding", &[Dim::Fixed(1), Dim::Fixed(numbers)]);
    Ok(graph.encode())
}

/// The TFLite graph, with what has to be looked up more than once.
struct Source<'a> {
    model: Model<'a>,
    graph: SubGraph<'a>,
    operators: Vec<Op<'a>>,
    /// Which operator makes a tensor.
    makers: BTreeMap<i32, usize>,
    /// How many operators use a tensor.
    uses: BTreeMap<i32, usize>,
}

struct Op<'a> {
    code: BuiltinOperator,
    inputs: Vec<i32>,
    outputs: Vec<i32>,
    operator: Operator<'a>,
}

impl Op<'_> {
    fn output(&self) -> Result<i32> {
        match self.outputs[..] {
            [output] => Ok(output),
            _ => bail!("{:?} has {} outputs", self.code, self.outputs.len()),
        }
    }
}

/// Five operators that are one PReLU; it is written where the last of them, the sum, stood.
struct SpelledOutPrelu {
    input: i32,
    slope: Vec<f32>,
    /// The other four.
    absorbed: [usize; 4],
}

impl<'a> Source<'a> {
    fn new(model: Model<'a>, graph: SubGraph<'a>) -> Result<Self> {
        let codes = model.operator_codes().context("has no operator codes")?;
        let mut operators = Vec::new();
        for operator in graph.operators().context("has no operators")? {
            let index = operator.opcode_index() as usize;
            ensure!(index < codes.len(), "names operator code {index} of {}", codes.len());
            let code = codes.get(index);
            // Files of before 2020 have the code in the deprecated byte; newer ones fill both.
            let code = BuiltinOperator(code.builtin_code().0.max(code.deprecated_builtin_code().into()));
            operators.push(Op {
                code,
                inputs: operator.inputs().map(|i| i.iter().collect()).unwrap_or_default(),
                outputs: operator.outputs().map(|o| o.iter().collect()).unwrap_or_default(),
                operator,
            });
        }
        let mut makers = BTreeMap::new();
        let mut uses = BTreeMap::new();
        for (index, operator) in operators.iter().enumerate() {
            makers.extend(operator.outputs.iter().map(|tensor| (*tensor, index)));
            operator.inputs.iter().for_each(|tensor| *uses.entry(*tensor).or_default() += 1);
        }
        Ok(Self { model, graph, operators, makers, uses })
    }

    fn tensor(&self, index: i32) -> Result<Tensor<'a>> {
        let tensors = self.graph.tensors().context("has no tensors")?;
        ensure!((0..tensors.len() as i32).contains(&index), "names tensor {index} of {}", tensors.len());
        Ok(tensors.get(index as usize))
    }

    fn shape(&self, index: i32) -> Result<Vec<usize>> {
        let shape = self.tensor(index)?.shape().with_context(|| format!("tensor {index} has no shape"))?;
        shape
            .iter()
            .map(|d| usize::try_from(d).with_context(|| format!("tensor {index} has dimension {d}")))
            .collect()
    }

    /// Height, width and channels of a feature map.
    fn map_shape(&self, index: i32) -> Result<[usize; 3]> {
        match self.shape(index)?[..] {
            [_, height, width, channels] => Ok([height, width, channels]),
            ref other => bail!("tensor {index} has shape {other:?}; a feature map has four dimensions"),
        }
    }

    /// The numbers of a constant; `None` where an operator makes the tensor.
    fn constant(&self, index: i32) -> Result<Option<Vec<f32>>> {
        let tensor = self.tensor(index)?;
        let buffers = self.model.buffers().context("has no buffers")?;
        let buffer = tensor.buffer() as usize;
        ensure!(buffer < buffers.len(), "tensor {index} names buffer {buffer} of {}", buffers.len());
        let Some(bytes) = buffers.get(buffer).data().filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        ensure!(tensor.type_() == TensorType::FLOAT32, "tensor {index} is {:?}, not FLOAT32", tensor.type_());
        let values: Vec<f32> = bytes.bytes().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let shape = self.shape(index)?;
        ensure!(
            numbers_of(&shape) == Some(values.len()),
            "tensor {index} holds {} numbers, not {shape:?}",
            values.len()
        );
        Ok(Some(values))
    }

    fn weights(&self, index: i32) -> Result<Vec<f32>> {
        self.constant(index)?.with_context(|| format!("tensor {index} is not a constant"))
    }

    /// The operator of this kind that makes a tensor which nothing else uses.
    fn only_maker(&self, tensor: i32, code: BuiltinOperator) -> Option<(usize, &Op<'a>)> {
        let index = *self.makers.get(&tensor)?;
        let operator = &self.operators[index];
        (operator.code == code && self.uses.get(&tensor) == Some(&1)).then_some((index, operator))
    }

    /// All spelled-out PReLUs, by the index of their sum.
    fn spelled_out_prelus(&self) -> Result<BTreeMap<usize, SpelledOutPrelu>> {
        let mut found = BTreeMap::new();
        for (index, operator) in self.operators.iter().enumerate() {
            if operator.code == BuiltinOperator::ADD
                && let [left, right] = operator.inputs[..]
            {
                let prelu = match self.prelu_of(left, right)? {
                    None => self.prelu_of(right, left)?,
                    prelu => prelu,
                };
                prelu.map(|prelu| found.insert(index, prelu));
            }
        }
        Ok(found)
    }

    /// `relu(x) + half * (x - |x|)`, where `half` is a constant a channel: below zero that is `2 * half * x`.
    fn prelu_of(&self, positive: i32, negative: i32) -> Result<Option<SpelledOutPrelu>> {
        let parts = || {
            let (relu, relu_op) = self.only_maker(positive, BuiltinOperator::RELU)?;
            let (product, product_op) = self.only_maker(negative, BuiltinOperator::MUL)?;
            let [x] = relu_op.inputs[..] else { return None };
            let [left, right] = product_op.inputs[..] else { return None };
            [(left, right), (right, left)].into_iter().find_map(|(half, difference)| {
                let (minus, minus_op) = self.only_maker(difference, BuiltinOperator::SUB)?;
                let [minuend, magnitude] = minus_op.inputs[..] else { return None };
                let (abs, abs_op) = self.only_maker(magnitude, BuiltinOperator::ABS)?;
                (minuend == x && abs_op.inputs[..] == [x]).then_some((x, half, [relu, product, minus, abs]))
            })
        };
        let Some((input, half, absorbed)) = parts() else { return Ok(None) };
        let Some(half) = self.constant(half)? else { return Ok(None) };
        let slope = half.iter().map(|half| 2.0 * half).collect();
        Ok(Some(SpelledOutPrelu { input, slope, absorbed }))
    }
}

struct Convert<'a> {
    source: &'a Source<'a>,
    graph: Graph,
    /// From a tensor to its name here.
    names: BTreeMap<i32, String>,
}

/// What the two kinds of convolution have in common.
struct Sliding {
    padding: Padding,
    stride: [i32; 2],
    dilation: [i32; 2],
    activation: ActivationFunctionType,
}

impl Convert<'_> {
    fn name(&self, tensor: i32) -> Result<String> {
        self.names.get(&tensor).cloned().with_context(|| format!("tensor {tensor} is used before it is made"))
    }

    fn operator(&mut self, op: &Op) -> Result<String> {
        match op.code {
            BuiltinOperator::CONV_2D => self.conv(op),
            BuiltinOperator::DEPTHWISE_CONV_2D => self.depthwise_conv(op),
            BuiltinOperator::ADD => {
                let [left, right] = op.inputs[..] else { bail!("does not have two inputs") };
                ensure!(self.source.shape(left)? == self.source.shape(right)?, "broadcasts");
                let options = op.operator.builtin_options_as_add_options().context("has no options")?;
                let (left, right) = (self.name(left)?, self.name(right)?);
                let sum = self.graph.node("Add", &[&left, &right], vec![]);
                self.activation(sum, options.fused_activation_function())
            }
            BuiltinOperator::RELU => {
                let input = self.name(*op.inputs.first().context("has no input")?)?;
                Ok(self.graph.node("Relu", &[&input], vec![]))
            }
            BuiltinOperator::RESHAPE => {
                let input = *op.inputs.first().context("has no input")?;
                let [height, width, channels] = self.source.map_shape(input)?;
                let to = self.source.shape(op.output()?)?;
                // Only where the order of the numbers is the same in both layouts.
                ensure!(
                    height == 1 && width == 1 && to.get(1..) == Some(&[channels]),
                    "reshapes {height}x{width}x{channels} to {to:?}"
                );
                let input = self.name(input)?;
                Ok(self.graph.node("Flatten", &[&input], vec![int("axis", 1)]))
            }
            _ => bail!("is not known to the converter"),
        }
    }

    fn conv(&mut self, op: &Op) -> Result<String> {
        let options = op.operator.builtin_options_as_conv_2_doptions().context("has no options")?;
        let [_, kernel, _] = op.inputs[..] else { bail!("has no kernel and bias") };
        let values = self.source.weights(kernel)?;
        let [outputs, rows, columns, inputs] = self.source.shape(kernel)?[..] else {
            bail!("has no 4-d kernel")
        };
        let mut turned = Vec::with_capacity(values.len());
        for output in values.chunks_exact(rows * columns * inputs) {
            for input in 0..inputs {
                turned.extend((0..rows * columns).map(|place| output[place * inputs + input]));
            }
        }
        let kernel = self.graph.constant("kernel", &[outputs, inputs, rows, columns], &turned);
        let sliding = Sliding {
            padding: options.padding(),
            stride: [options.stride_h(), options.stride_w()],
            dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
            activation: options.fused_activation_function(),
        };
        self.slide(op, kernel, [rows, columns], 1, &sliding)
    }

    fn depthwise_conv(&mut self, op: &Op) -> Result<String> {
        let options = op.operator.builtin_options_as_depthwise_conv_2_doptions().context("has no options")?;
        let [_, kernel, _] = op.inputs[..] else { bail!("has no kernel and bias") };
        let values = self.source.weights(kernel)?;
        let [1, rows, columns, channels] = self.source.shape(kernel)?[..] else {
            bail!("has no depthwise kernel")
        };
        ensure!(options.depth_multiplier() == 1, "multiplies its depth");
        let mut turned = Vec::with_capacity(values.len());
        for channel in 0..channels {
            turned.extend((0..rows * columns).map(|place| values[place * channels + channel]));
        }
        let kernel = self.graph.constant("kernel", &[channels, 1, rows, columns], &turned);
        let sliding = Sliding {
            padding: options.padding(),
            stride: [options.stride_h(), options.stride_w()],
            dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
            activation: options.fused_activation_function(),
        };
        self.slide(op, kernel, [rows, columns], channels, &sliding)
    }

    fn slide(
        &mut self,
        op: &Op,
        kernel: String,
        size: [usize; 2],
        groups: usize,
        how: &Sliding,
    ) -> Result<String> {
        let [input, _, bias] = op.inputs[..] else { bail!("has no kernel and bias") };
        ensure!(how.dilation == [1, 1], "is dilated");
        let stride = how.stride.map(|s| s.max(1) as usize);
        let [height, width, _] = self.source.map_shape(input)?;
        let pads = match how.padding {
            Padding::VALID => [0; 4],
            Padding::SAME => {
                let [top, bottom] = same_pads(height, size[0], stride[0]);
                let [left, right] = same_pads(width, size[1], stride[1]);
                [top, left, bottom, right]
            }
            other => bail!("has padding {other:?}"),
        };
        let values = self.source.weights(bias)?;
        let bias = self.graph.constant("bias", &[values.len()], &values);
        let input = self.name(input)?;
        let attributes = vec![
            ints("kernel_shape", &size),
            ints("strides", &stride),
            ints("pads", &pads),
            int("group", groups as i64),
        ];
        let made = self.graph.node("Conv", &[&input, &kernel, &bias], attributes);
        self.activation(made, how.activation)
    }

    fn activation(&mut self, value: String, activation: ActivationFunctionType) -> Result<String> {
        match activation {
            ActivationFunctionType::NONE => Ok(value),
            ActivationFunctionType::RELU => Ok(self.graph.node("Relu", &[&value], vec![])),
            other => bail!("has the fused activation {other:?}"),
        }
    }

    fn prelu(&mut self, input: i32, slope: &[f32]) -> Result<String> {
        let slope = self.graph.constant("slope", &[slope.len(), 1, 1], slope);
        let input = self.name(input)?;
        Ok(self.graph.node("PRelu", &[&input, &slope], vec![]))
    }
}

/// How many numbers a tensor of this shape has; `None` where they cannot be counted.
fn numbers_of(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |numbers, dimension| numbers.checked_mul(*dimension))
}

/// TensorFlow's `SAME`: as many outputs as `ceil(size / stride)`; an odd pixel of padding goes to the end.
fn same_pads(size: usize, kernel: usize, stride: usize) -> [usize; 2] {
    let all = ((size.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(size);
    [all / 2, all - all / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        assert_eq!(same_pads(112, 3, 2), [0, 1]);
        assert_eq!(same_pads(113, 3, 2), [1, 1]);
        assert_eq!(same_pads(56, 3, 1), [1, 1]);
        assert_eq!(same_pads(7, 7, 1), [3, 3]);
        assert_eq!(same_pads(7, 1, 1), [0, 0]);
    }

    #[test]
    fn numbers_that_cannot_be_counted_are_none() {
        assert_eq!(numbers_of(&[2, 3, 4]), Some(24));
        assert_eq!(numbers_of(&[]), Some(1));
        assert_eq!(numbers_of(&[1 << 31, 1 << 31, 4]), None);
    }

    #[test]
    fn what_is_not_tflite_is_refused() {
        for bytes in [&b""[..], b"TFL3", &[0xff; 64]] {
            assert!(convert(bytes).unwrap_err().to_string().contains("not a TFLite file"));
        }
    }
}
