//! Converts a TFLite network to ONNX.
//!
//! NHWC becomes NCHW, the batch becomes 1, `SAME` becomes explicit padding, and the decomposed PReLU
//! `relu(x) + (x - |x|) * slope / 2` becomes `PRelu`. An operator, option or layout that the converter does not know is an
//! error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use tract_tflite::tflite::{
    ActivationFunctionType, BuiltinOperator, Model, Operator, Padding, SubGraph, Tensor, TensorType,
    root_as_model,
};

use crate::onnx::graph::{Dim, Graph, INPUT, int, ints};

/// Converts a network. `flatbuffer` is the published file; returns the bytes of the ONNX file.
///
/// # Errors
/// If the file is not TFLite, or has an operator, option or layout that is not supported.
pub fn convert(flatbuffer: &[u8]) -> Result<Vec<u8>> {
    let model = root_as_model(flatbuffer).context("not a TFLite file")?;
    let subgraphs = model.subgraphs().context("the file has no graph")?;
    ensure!(subgraphs.len() == 1, "the file has {} graphs; only one is supported", subgraphs.len());
    let source = TfliteGraph::new(model, subgraphs.get(0))?;
    let [input] = source.graph.inputs().map(|i| i.iter().collect::<Vec<_>>()).unwrap_or_default()[..] else {
        bail!("the graph must have one input")
    };
    let [output] = source.graph.outputs().map(|o| o.iter().collect::<Vec<_>>()).unwrap_or_default()[..]
    else {
        bail!("the graph must have one output")
    };
    let mut graph = Graph::new("network");
    let [height, width, channels] = source.map_shape(input)?;
    graph.input(INPUT, &[Dim::Fixed(1), Dim::Fixed(channels), Dim::Fixed(height), Dim::Fixed(width)]);
    let prelus = source.decomposed_prelus()?;
    let fused: BTreeSet<usize> = prelus.values().flat_map(|prelu| prelu.fused).collect();
    let mut convert =
        Converter { source: &source, graph, names: BTreeMap::from([(input, INPUT.to_owned())]) };
    for (index, operator) in source.operators.iter().enumerate() {
        if fused.contains(&index) {
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
    let numbers = element_count(shape.get(1..).unwrap_or_default());
    let numbers = numbers.with_context(|| format!("its output has shape {shape:?}"))?;
    let mut graph = convert.graph;
    graph.output(&made, "embedding", &[Dim::Fixed(1), Dim::Fixed(numbers)]);
    Ok(graph.encode())
}

/// The TFLite graph, with indices of its operators.
struct TfliteGraph<'a> {
    model: Model<'a>,
    graph: SubGraph<'a>,
    operators: Vec<Op<'a>>,
    /// Index of the operator that makes a tensor.
    makers: BTreeMap<i32, usize>,
    /// Number of operators that use a tensor.
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

/// Five operators that together are a PReLU. It is written in the place of the last one, the sum.
struct DecomposedPrelu {
    input: i32,
    slope: Vec<f32>,
    /// Indices of the other four operators.
    fused: [usize; 4],
}

impl<'a> TfliteGraph<'a> {
    fn new(model: Model<'a>, graph: SubGraph<'a>) -> Result<Self> {
        let codes = model.operator_codes().context("has no operator codes")?;
        let mut operators = Vec::new();
        for operator in graph.operators().context("has no operators")? {
            let index = operator.opcode_index() as usize;
            ensure!(index < codes.len(), "names operator code {index} of {}", codes.len());
            let code = codes.get(index);
            // Files from before 2020 have the code in the deprecated byte; newer files have it in both.
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

    /// The values of a constant; `None` if an operator makes the tensor.
    fn constant(&self, index: i32) -> Result<Option<Vec<f32>>> {
        let tensor = self.tensor(index)?;
        let buffers = self.model.buffers().context("has no buffers")?;
        let buffer = tensor.buffer() as usize;
        ensure!(buffer < buffers.len(), "tensor {index} names buffer {buffer} of {}", buffers.len());
        let Some(bytes) = buffers.get(buffer).data().filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        ensure!(tensor.type_() == TensorType::FLOAT32, "tensor {index} is {:?}, not FLOAT32", tensor.type_());
        let shape = self.shape(index)?;
        let values = floats(bytes.bytes(), &shape);
        let values = values
            .with_context(|| format!("tensor {index} does not have the values of its shape {shape:?}"))?;
        Ok(Some(values))
    }

    fn weights(&self, index: i32) -> Result<Vec<f32>> {
        self.constant(index)?.with_context(|| format!("tensor {index} is not a constant"))
    }

    /// The operator that makes a tensor, if it has this code and the tensor is used only once.
    fn only_maker(&self, tensor: i32, code: BuiltinOperator) -> Option<(usize, &Op<'a>)> {
        let index = *self.makers.get(&tensor)?;
        let operator = self.operators.get(index)?;
        (operator.code == code && self.uses.get(&tensor) == Some(&1)).then_some((index, operator))
    }

    /// All decomposed PReLUs, by the index of their sum.
    fn decomposed_prelus(&self) -> Result<BTreeMap<usize, DecomposedPrelu>> {
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

    /// Recognizes `relu(x) + half * (x - |x|)` with a constant `half` for each channel. Below zero this is `2 * half * x`.
    fn prelu_of(&self, positive: i32, negative: i32) -> Result<Option<DecomposedPrelu>> {
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
        let Some((input, half, fused)) = parts() else { return Ok(None) };
        let Some(half) = self.constant(half)? else { return Ok(None) };
        let slope = half.iter().map(|half| 2.0 * half).collect();
        Ok(Some(DecomposedPrelu { input, slope, fused }))
    }
}

struct Converter<'a> {
    source: &'a TfliteGraph<'a>,
    graph: Graph,
    /// From a tensor to its name here.
    names: BTreeMap<i32, String>,
}

/// Options that both kinds of convolution have.
struct ConvOptions {
    padding: Padding,
    stride: [i32; 2],
    dilation: [i32; 2],
    activation: ActivationFunctionType,
}

impl Converter<'_> {
    fn name(&self, tensor: i32) -> Result<String> {
        self.names.get(&tensor).cloned().with_context(|| format!("tensor {tensor} is used before it is made"))
    }

    fn operator(&mut self, op: &Op) -> Result<String> {
        match op.code {
            BuiltinOperator::CONV_2D => self.conv(op),
            BuiltinOperator::DEPTHWISE_CONV_2D => self.depthwise_conv(op),
            BuiltinOperator::ADD => {
                let [left, right] = op.inputs[..] else { bail!("does not have two inputs") };
                ensure!(
                    self.source.shape(left)? == self.source.shape(right)?,
                    "must have two inputs of one shape"
                );
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
                // Supported only if the order of the values is the same in both layouts.
                ensure!(
                    height == 1 && width == 1 && to.get(1..) == Some(&[channels]),
                    "reshapes {height}x{width}x{channels} to {to:?}"
                );
                let input = self.name(input)?;
                Ok(self.graph.node("Flatten", &[&input], vec![int("axis", 1)]))
            }
            _ => bail!("is not supported by the converter"),
        }
    }

    fn conv(&mut self, op: &Op) -> Result<String> {
        let options = op.operator.builtin_options_as_conv_2_doptions().context("has no options")?;
        let [_, kernel, _] = op.inputs[..] else { bail!("has no kernel and bias") };
        let values = self.source.weights(kernel)?;
        let [outputs, rows, columns, inputs] = self.source.shape(kernel)?[..] else {
            bail!("has no 4-d kernel")
        };
        let mut transposed = Vec::with_capacity(values.len());
        for output in values.chunks_exact(rows * columns * inputs) {
            for input in 0..inputs {
                transposed.extend(output.iter().skip(input).step_by(inputs));
            }
        }
        let kernel = self.graph.constant("kernel", &[outputs, inputs, rows, columns], &transposed);
        let conv_options = ConvOptions {
            padding: options.padding(),
            stride: [options.stride_h(), options.stride_w()],
            dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
            activation: options.fused_activation_function(),
        };
        self.add_conv(op, kernel, [rows, columns], 1, &conv_options)
    }

    fn depthwise_conv(&mut self, op: &Op) -> Result<String> {
        let options = op.operator.builtin_options_as_depthwise_conv_2_doptions().context("has no options")?;
        let [_, kernel, _] = op.inputs[..] else { bail!("has no kernel and bias") };
        let values = self.source.weights(kernel)?;
        let [1, rows, columns, channels] = self.source.shape(kernel)?[..] else {
            bail!("has no depthwise kernel")
        };
        ensure!(options.depth_multiplier() == 1, "must have a depth multiplier of 1");
        let mut transposed = Vec::with_capacity(values.len());
        for channel in 0..channels {
            transposed.extend(values.iter().skip(channel).step_by(channels));
        }
        let kernel = self.graph.constant("kernel", &[channels, 1, rows, columns], &transposed);
        let conv_options = ConvOptions {
            padding: options.padding(),
            stride: [options.stride_h(), options.stride_w()],
            dilation: [options.dilation_h_factor(), options.dilation_w_factor()],
            activation: options.fused_activation_function(),
        };
        self.add_conv(op, kernel, [rows, columns], channels, &conv_options)
    }

    fn add_conv(
        &mut self,
        op: &Op,
        kernel: String,
        size: [usize; 2],
        groups: usize,
        how: &ConvOptions,
    ) -> Result<String> {
        let [input, _, bias] = op.inputs[..] else { bail!("has no kernel and bias") };
        ensure!(how.dilation == [1, 1], "must not be dilated");
        let [stride_y, stride_x] = how.stride.map(|s| s.max(1) as usize);
        let [kernel_height, kernel_width] = size;
        let [height, width, _] = self.source.map_shape(input)?;
        let pads = match how.padding {
            Padding::VALID => [0; 4],
            Padding::SAME => {
                let [top, bottom] = same_pads(height, kernel_height, stride_y);
                let [left, right] = same_pads(width, kernel_width, stride_x);
                [top, left, bottom, right]
            }
            other => bail!("has padding {other:?}"),
        };
        let values = self.source.weights(bias)?;
        let bias = self.graph.constant("bias", &[values.len()], &values);
        let input = self.name(input)?;
        let attributes = vec![
            ints("kernel_shape", &size),
            ints("strides", &[stride_y, stride_x]),
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

/// The values of a tensor with data; `None` if the data have not the length of the shape, or a dimension is 0.
fn floats(data: &[u8], shape: &[usize]) -> Option<Vec<f32>> {
    let (values, rest) = data.as_chunks();
    let fits = rest.is_empty() && !values.is_empty() && element_count(shape) == Some(values.len());
    fits.then(|| values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}

/// Number of values of a tensor of this shape; `None` if it overflows.
fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |numbers, dimension| numbers.checked_mul(*dimension))
}

/// TensorFlow's `SAME` padding, which gives `ceil(size / stride)` outputs. An odd pixel of padding goes to the end.
fn same_pads(size: usize, kernel: usize, stride: usize) -> [usize; 2] {
    let all = ((size.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(size);
    [all / 2, all - all / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_that_of_tensorflow() {
        assert_eq!(same_pads(112, 3, 2), [0, 1]);
        assert_eq!(same_pads(113, 3, 2), [1, 1]);
        assert_eq!(same_pads(56, 3, 1), [1, 1]);
        assert_eq!(same_pads(7, 7, 1), [3, 3]);
        assert_eq!(same_pads(7, 1, 1), [0, 0]);
    }

    #[test]
    fn an_overflowing_number_of_values_is_none() {
        assert_eq!(element_count(&[2, 3, 4]), Some(24));
        assert_eq!(element_count(&[]), Some(1));
        assert_eq!(element_count(&[1 << 31, 1 << 31, 4]), None);
    }

    #[test]
    fn data_must_have_the_length_of_the_shape() {
        assert_eq!(floats(&1.5f32.to_le_bytes(), &[1, 1]), Some(vec![1.5]));
        for (data, shape) in [(&[0; 4][..], &[2][..]), (&[0; 5], &[1]), (&[0; 3], &[0, 1]), (&[], &[0])] {
            assert_eq!(floats(data, shape), None, "{shape:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        for bytes in [&b""[..], b"TFL3", &[0xff; 64]] {
            assert!(convert(bytes).unwrap_err().to_string().contains("not a TFLite file"));
        }
    }
}
