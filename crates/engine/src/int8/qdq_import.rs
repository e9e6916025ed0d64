//! Converts an ONNX graph with QuantizeLinear and DequantizeLinear (QDQ) to 8-bit layers.
//!
//! A layer is a convolution or a matrix product of a dequantized value and dequantized weights, an optional PRelu or Relu, and
//! QuantizeLinear; or a residual sum, a max pool or a squeeze-and-excitation block between DequantizeLinear and
//! QuantizeLinear. The last layer gives floats, with an optional Softmax. Everything else is [`ImportError::Unsupported`];
//! tract runs it.

use std::collections::HashMap;

use ostiary_core::NetworkInput;
use ostiary_kernels::Window;
use tract_onnx::pb::NodeProto;

use super::gate_import::PartialGate;
use super::graph::{Constant, Graph, int, ints, text};
use super::import_error::{ImportError, invalid, unsupported};
use super::layer::{Filter, Layer, LayerGraph, Op, Output, QuantParams, Source, Target, Value, ValueId};

/// Largest kernel of a depthwise convolution: 11x11.
const MAX_DEPTHWISE_KERNEL: usize = 121;

/// What a name in the graph refers to.
#[derive(Debug, Clone)]
enum Symbol {
    /// An 8-bit value: an output of QuantizeLinear, or the input.
    Bytes(ValueId),
    /// A dequantized value.
    Real(ValueId),
    /// A dequantized value whose map was flattened.
    Flat(ValueId),
    /// The result of a layer before it is quantized.
    Pending(Box<Pending>),
    /// A part of the gate of a squeeze-and-excitation block.
    Gate(Box<PartialGate>),
    /// The floats at the end of the network: the result of a layer, with `rank` dimensions.
    End { layer: usize, softmax: bool, rank: usize },
    /// The input as floats.
    Pixels,
    /// Dequantized weights: the name of the constant, and its scales along an axis.
    Weights { signed: String, scale: Vec<f32>, axis: usize },
}

/// A layer whose result is not quantized yet.
#[derive(Debug, Clone)]
struct Pending {
    name: String,
    op: Op,
    /// Channels, height, width.
    map: [usize; 3],
    /// Number of dimensions: 2 of a matrix product, 4 of a convolution.
    rank: usize,
    /// The quantization parameters that the result must have, because a max pool does not change values.
    required_quant: Option<QuantParams>,
}

/// Converts a graph for an input of `shape`: batch, 3, height, width.
///
/// # Errors
/// The graph is invalid, or the kernels do not support something in it.
pub fn import_qdq(graph: &Graph, input: &NetworkInput, shape: &[usize]) -> Result<LayerGraph, ImportError> {
    let &[images, 3, height, width] = shape else {
        return unsupported(format!("an input of {shape:?}"));
    };
    let name =
        graph.input().ok_or_else(|| ImportError::Unsupported("it does not have exactly one input".into()))?;
    let mut importer = Importer {
        graph,
        input,
        network: LayerGraph {
            images,
            values: Vec::new(),
            quantize: None,
            layers: Vec::new(),
            outputs: Vec::new(),
        },
        symbols: HashMap::new(),
        map: [3, height, width],
    };
    let first = if graph.input_is_bytes() { Symbol::Bytes(0) } else { Symbol::Pixels };
    importer.symbols.insert(name.to_owned(), first);
    for node in graph.nodes() {
        importer.node(node).map_err(|error| match error {
            ImportError::Unsupported(why) => {
                ImportError::Unsupported(format!("{} {}: {why}", node.op_type, node.name))
            }
            ImportError::Invalid(why) => {
                ImportError::Invalid(format!("{} {}: {why}", node.op_type, node.name))
            }
        })?;
    }
    for output in graph.outputs() {
        importer.output(output)?;
    }
    Ok(importer.network)
}

/// The state of the conversion.
struct Importer<'a> {
    graph: &'a Graph<'a>,
    input: &'a NetworkInput,
    network: LayerGraph,
    symbols: HashMap<String, Symbol>,
    /// Channels, height and width of the input.
    map: [usize; 3],
}

impl Importer<'_> {
    fn node(&mut self, node: &NodeProto) -> Result<(), ImportError> {
        let [output] = &node.output[..] else { return unsupported("it does not have exactly one output") };
        let symbol = match node.op_type.as_str() {
            "QuantizeLinear" => self.quantize(node)?,
            "DequantizeLinear" => self.dequantize(node)?,
            "Conv" => self.conv(node)?,
            "MatMul" => self.dense(node)?,
            "Add" => self.add(node)?,
            "PRelu" | "Relu" | "Sigmoid" => self.activation(node)?,
            "GlobalAveragePool" => self.global_average_pool(node)?,
            "Mul" => self.multiply(node)?,
            "MaxPool" => self.max_pool(node)?,
            "Flatten" | "Reshape" => self.flatten(node)?,
            "Softmax" => self.softmax(node)?,
            _ => return unsupported("no kernel supports it"),
        };
        self.symbols.insert(output.clone(), symbol);
        Ok(())
    }

    fn input_symbol(&self, node: &NodeProto, index: usize) -> Result<Symbol, ImportError> {
        let name = node.input.get(index).ok_or_else(|| ImportError::Invalid("an input is missing".into()))?;
        self.symbols
            .get(name)
            .cloned()
            .ok_or_else(|| ImportError::Unsupported(format!("its input {name} is not an activation")))
    }

    /// Number of uses of the first input of a node.
    fn first_input_uses(&self, node: &NodeProto) -> usize {
        node.input.first().map_or(0, |name| self.graph.uses(name))
    }

    /// The quantization parameters of a node.
    fn quant_params(&self, node: &NodeProto) -> Result<QuantParams, ImportError> {
        let scale = self.scale(node)?;
        let zero_point = match node.input.get(2) {
            None => vec![0; scale.len()],
            Some(name) => match self.graph.unsigned(name) {
                Some(Constant { values, .. }) if values.len() == scale.len() => values,
                _ => return unsupported("its zero point is not one byte for each scale"),
            },
        };
        if scale.len() > 1 && int(node, "axis").unwrap_or(1) != 1 {
            return unsupported("its scales are not along the channels");
        }
        Ok(QuantParams { scale, zero_point })
    }

    /// The scales of a node; all must be positive.
    fn scale(&self, node: &NodeProto) -> Result<Vec<f32>, ImportError> {
        let scale = node.input.get(1).and_then(|name| self.graph.floats(name));
        let Some(Constant { values, .. }) = scale else { return unsupported("its scale is not a constant") };
        match values.iter().find(|scale| !(scale.is_normal() && **scale > 0.0)) {
            Some(scale) => invalid(format!("a scale is {scale}; scales must be positive")),
            None if values.is_empty() => invalid("it has no scale"),
            None => Ok(values),
        }
    }

    fn quantize(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let quant = self.quant_params(node)?;
        match self.input_symbol(node, 0)? {
            Symbol::Pixels => {
                if !quant.is_uniform() {
                    return unsupported("the input has quantization parameters for each channel");
                }
                let (scale, zero_point) = quant.channel(0);
                let table = std::array::from_fn(|pixel| {
                    let real = (pixel as f32 - self.input.mean) / self.input.divisor;
                    ((real / scale).round_ties_even() + f32::from(zero_point)).clamp(0.0, 255.0) as u8
                });
                self.network.quantize = Some(Box::new(table));
                self.add_input_value(quant)?;
                Ok(Symbol::Bytes(0))
            }
            Symbol::Pending(pending) => {
                if quant.scale.len() != 1 && quant.scale.len() != pending.map[0] {
                    return invalid(format!("{} scales for {} channels", quant.scale.len(), pending.map[0]));
                }
                if pending.required_quant.as_ref().is_some_and(|required| *required != quant) {
                    return unsupported("a pool between different quantization parameters");
                }
                let Pending { name, op, map, .. } = *pending;
                let value = self.network.values.len();
                self.network.values.push(Value { map, quant });
                self.network.layers.push(Layer { name, op, target: Target::Bytes(value) });
                Ok(Symbol::Bytes(value))
            }
            // With the same quantization parameters a flattened value has the same bytes.
            Symbol::Flat(value) if self.network.values[value].quant == quant => Ok(Symbol::Flat(value)),
            _ => unsupported("its input is not the result of a layer"),
        }
    }

    fn dequantize(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        if let Some(name) = node.input.first().filter(|name| self.graph.is_constant(name)) {
            let scale = self.scale(node)?;
            let zeros = node.input.get(2).and_then(|zero| self.graph.signed(zero));
            if node.input.len() > 2 && !zeros.is_some_and(|zeros| zeros.values.iter().all(|zero| *zero == 0))
            {
                return unsupported("the weights' zero points are not 0");
            }
            let axis = usize::try_from(int(node, "axis").unwrap_or(1));
            let axis = axis.or_else(|_| unsupported("the weights' axis counts from the end"))?;
            return Ok(Symbol::Weights { signed: name.clone(), scale, axis });
        }
        let quant = self.quant_params(node)?;
        match self.input_symbol(node, 0)? {
            Symbol::Bytes(0) if self.network.values.is_empty() => {
                self.add_input_value(quant)?;
                Ok(Symbol::Real(0))
            }
            Symbol::Bytes(value) if self.network.values[value].quant == quant => Ok(Symbol::Real(value)),
            Symbol::Flat(value) if self.network.values[value].quant == quant => Ok(Symbol::Flat(value)),
            _ => unsupported("its quantization parameters differ from those of its input"),
        }
    }

    /// Adds the input of the network as the first value.
    fn add_input_value(&mut self, quant: QuantParams) -> Result<(), ImportError> {
        if !self.network.values.is_empty() || !quant.is_uniform() {
            return unsupported("the input has more than one set of quantization parameters");
        }
        self.network.values.push(Value { map: self.map, quant });
        Ok(())
    }

    fn conv(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let input = match self.input_symbol(node, 0)? {
            Symbol::Real(input) => input,
            Symbol::Gate(gate) if self.first_input_uses(node) == 1 => {
                let channels = self.network.values[gate.input].map[0];
                return Ok(Symbol::Gate(Box::new(gate.conv(node, self.graph, channels)?)));
            }
            _ => return unsupported("its input is not quantized"),
        };
        let Symbol::Weights { signed, scale, axis } = self.input_symbol(node, 1)? else {
            return unsupported("its weights are not quantized");
        };
        let Some(Constant { shape, values }) = self.graph.signed(&signed) else {
            return unsupported("its weights are not signed bytes");
        };
        let [outputs, inputs, rows, columns] = shape[..] else {
            return unsupported("its kernel does not have two dimensions");
        };
        let Value { map: [channels, height, width], quant } = &self.network.values[input];
        let (channels, height, width, uniform) = (*channels, *height, *width, quant.is_uniform());
        let group = int(node, "group").unwrap_or(1).unsigned_abs() as usize;
        if ints(node, "dilations").is_some_and(|steps| steps.iter().any(|step| *step != 1)) {
            return unsupported("it is dilated");
        }
        if inputs.checked_mul(group) != Some(channels) || outputs == 0 {
            return invalid(format!(
                "its weights are of shape {shape:?} in {group} groups, for {channels} channels"
            ));
        }
        let window = window(node, [rows, columns], [height, width])?;
        let [down, across] = window.output_size(height, width);
        if down * across == 0 {
            return invalid(format!("a {rows}x{columns} kernel does not fit a map of {height}x{width}"));
        }
        let depthwise = group == channels && outputs == channels && group > 1;
        if group != 1 && !depthwise {
            return unsupported(format!("it has {group} groups"));
        }
        // The input has a pitch of 4, which only a full convolution can read.
        if depthwise && input == 0 {
            return unsupported("a depthwise convolution of the input");
        }
        if !depthwise && !uniform {
            return unsupported("its input has quantization parameters for each channel");
        }
        if depthwise && rows * columns > MAX_DEPTHWISE_KERNEL {
            return unsupported("its kernel is larger than 11x11");
        }
        let bias = match node.input.get(2) {
            None => vec![0.0; outputs],
            Some(name) => self.bias(name, outputs)?,
        };
        let weights =
            if depthwise { values } else { channels_last(&values, [outputs, inputs, rows * columns]) };
        let filter =
            Filter { weights, scale: per_output(scale, axis, 0, outputs)?, bias, slope: vec![1.0; outputs] };
        let op = match depthwise {
            true => Op::Depthwise { input, window, filter },
            false => Op::Conv { input, window, filter },
        };
        let map = [outputs, down, across];
        Ok(pending(node, op, map, 4, None))
    }

    /// A bias with one value for each output.
    fn bias(&self, name: &str, outputs: usize) -> Result<Vec<f32>, ImportError> {
        match self.graph.floats(name) {
            Some(bias) if bias.values.len() == outputs => Ok(bias.values),
            Some(bias) => invalid(format!("it has {} biases for {outputs} outputs", bias.values.len())),
            None => unsupported("its bias is not a constant"),
        }
    }

    /// A matrix product: a convolution whose kernel has the size of the map.
    fn dense(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let (Symbol::Flat(input) | Symbol::Real(input)) = self.input_symbol(node, 0)? else {
            return unsupported("its input is not quantized");
        };
        let Symbol::Weights { signed, scale, axis } = self.input_symbol(node, 1)? else {
            return unsupported("its weights are not quantized");
        };
        let Some(Constant { shape, values }) = self.graph.signed(&signed) else {
            return unsupported("its weights are not signed bytes");
        };
        let [inputs, outputs] = shape[..] else { return unsupported("its weights are not a matrix") };
        let Value { map: [channels, height, width], quant } = &self.network.values[input];
        let (channels, height, width) = (*channels, *height, *width);
        if !quant.is_uniform() {
            return unsupported("its input has quantization parameters for each channel");
        }
        if outputs == 0 || inputs != channels * height * width {
            return invalid(format!(
                "its matrix of shape {shape:?} does not take {channels}x{height}x{width} numbers"
            ));
        }
        let mut transposed = vec![0; values.len()];
        for (row, weights) in values.chunks_exact(outputs).enumerate() {
            for (output, weight) in weights.iter().enumerate() {
                transposed[output * inputs + row] = *weight;
            }
        }
        let weights = channels_last(&transposed, [outputs, channels, height * width]);
        let filter = Filter {
            weights,
            scale: per_output(scale, axis, 1, outputs)?,
            bias: vec![0.0; outputs],
            slope: vec![1.0; outputs],
        };
        let window = Window { kernel: [height, width], stride: [1, 1], padding: [0; 4] };
        Ok(pending(node, Op::Conv { input, window, filter }, [outputs, 1, 1], 2, None))
    }

    /// A bias after a matrix product, or a residual sum.
    fn add(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        if let Some(name) = node.input.get(1).filter(|name| self.graph.is_constant(name)) {
            let Symbol::Pending(mut pending) = self.input_symbol(node, 0)? else {
                return unsupported("a constant is added to something else than the result of a layer");
            };
            let Op::Conv { filter, .. } = &mut pending.op else { return unsupported("a constant is added") };
            if pending.rank != 2 || self.first_input_uses(node) != 1 {
                return unsupported("a constant is added to something else than a matrix product");
            }
            filter.bias = self.bias(name, filter.bias.len())?;
            pending.name.clone_from(&node.name);
            return Ok(Symbol::Pending(pending));
        }
        let (Symbol::Real(a), Symbol::Real(b)) = (self.input_symbol(node, 0)?, self.input_symbol(node, 1)?)
        else {
            return unsupported("it does not add two quantized values");
        };
        if a == 0 || b == 0 {
            return unsupported("it adds to the input");
        }
        let map = self.network.values[a].map;
        if map != self.network.values[b].map {
            return unsupported("it adds values of two sizes");
        }
        Ok(pending(node, Op::Add { inputs: [a, b] }, map, 4, None))
    }

    /// The averages of the channels of a map: the begin of a gate.
    fn global_average_pool(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        match self.input_symbol(node, 0)? {
            // The input has a pitch of 4, which the kernel cannot read.
            Symbol::Real(0) => unsupported("a pool of the input"),
            Symbol::Real(value) => {
                Ok(Symbol::Gate(Box::new(PartialGate::pool(value, &self.network.values[value])?)))
            }
            _ => unsupported("its input is not quantized"),
        }
    }

    /// The product of a map and the gate that was made from it: a squeeze-and-excitation block.
    fn multiply(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let (input, gate) = match (self.input_symbol(node, 0)?, self.input_symbol(node, 1)?) {
            (Symbol::Real(input), Symbol::Gate(gate)) | (Symbol::Gate(gate), Symbol::Real(input)) => {
                (input, gate)
            }
            _ => return unsupported("it does not multiply a map by a gate"),
        };
        if gate.input != input {
            return unsupported("it multiplies a map by the gate of another one");
        }
        let map = self.network.values[input].map;
        Ok(pending(node, Op::SqueezeExcite { input, weights: gate.complete()? }, map, 4, None))
    }

    fn activation(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let symbol = self.input_symbol(node, 0)?;
        if self.first_input_uses(node) != 1 {
            return unsupported("its input is also used without it");
        }
        let mut pending = match symbol {
            Symbol::Gate(gate) => return Ok(Symbol::Gate(Box::new(gate.activation(node)?))),
            Symbol::Pending(pending) if node.op_type != "Sigmoid" => pending,
            _ => return unsupported("its input is not the result of a layer"),
        };
        let (Op::Conv { filter, .. } | Op::Depthwise { filter, .. }) = &mut pending.op else {
            return unsupported("it does not follow a convolution");
        };
        if filter.slope.iter().any(|slope| *slope != 1.0) {
            return unsupported("it follows another activation");
        }
        let outputs = filter.slope.len();
        filter.slope = match node.op_type.as_str() {
            "Relu" => vec![0.0; outputs],
            _ => {
                let slope = node.input.get(1).and_then(|name| self.graph.floats(name));
                let Some(Constant { values, .. }) = slope else {
                    return unsupported("its slope is not a constant");
                };
                match values[..] {
                    [slope] => vec![slope; outputs],
                    _ if values.len() == outputs => values,
                    _ => return unsupported(format!("{} slopes for {outputs} channels", values.len())),
                }
            }
        };
        Ok(Symbol::Pending(pending))
    }

    fn max_pool(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        let Symbol::Real(input) = self.input_symbol(node, 0)? else {
            return unsupported("its input is not quantized");
        };
        if input == 0 {
            return unsupported("a pool of the input");
        }
        let Value { map: [channels, height, width], quant } = self.network.values[input].clone();
        let Some(&[rows, columns]) = ints(node, "kernel_shape") else {
            return unsupported("its kernel does not have two dimensions");
        };
        if ints(node, "dilations").is_some_and(|steps| steps.iter().any(|step| *step != 1))
            || int(node, "ceil_mode").unwrap_or(0) != 0
        {
            return unsupported("it is dilated or rounds up");
        }
        let kernel = [rows, columns].map(|side| side.unsigned_abs() as usize);
        let window = window(node, kernel, [height, width])?;
        let [down, across] = window.output_size(height, width);
        if down * across == 0 {
            return invalid(format!("a {rows}x{columns} kernel does not fit a map of {height}x{width}"));
        }
        Ok(pending(node, Op::MaxPool { input, window }, [channels, down, across], 4, Some(quant)))
    }

    fn flatten(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        if node.op_type == "Flatten" && int(node, "axis").unwrap_or(1) != 1 {
            return unsupported("it does not keep the batch");
        }
        match self.input_symbol(node, 0)? {
            Symbol::Real(value) if node.op_type == "Flatten" => Ok(Symbol::Flat(value)),
            Symbol::Pending(pending) if pending.map[1..] == [1, 1] => match self.end_at(*pending, node)? {
                Symbol::End { layer, softmax, .. } => Ok(Symbol::End { layer, softmax, rank: 2 }),
                other => Ok(other),
            },
            _ => unsupported("it flattens neither a quantized map nor the end of the network"),
        }
    }

    fn softmax(&mut self, node: &NodeProto) -> Result<Symbol, ImportError> {
        // The default is the last axis.
        let axis = int(node, "axis").unwrap_or(-1);
        let (layer, rank) = match self.input_symbol(node, 0)? {
            Symbol::Pending(pending) => match self.end_at(*pending, node)? {
                Symbol::End { layer, rank, .. } => (layer, rank),
                _ => return unsupported("its input is not the result of a layer"),
            },
            Symbol::End { layer, softmax: false, rank } => (layer, rank),
            _ => return unsupported("its input is not the result of a layer"),
        };
        if axis != 1 && !(axis == -1 && rank == 2) {
            return unsupported("it is not along the channels");
        }
        Ok(Symbol::End { layer, softmax: true, rank })
    }

    /// Ends the network with a layer whose result stays floats; `node` reads them.
    fn end_at(&mut self, pending: Pending, node: &NodeProto) -> Result<Symbol, ImportError> {
        if self.first_input_uses(node) != 1 {
            return unsupported("its input is also used without it");
        }
        self.add_last_layer(pending)
    }

    /// Adds a layer whose result is floats.
    fn add_last_layer(&mut self, pending: Pending) -> Result<Symbol, ImportError> {
        let Op::Conv { .. } = &pending.op else {
            return unsupported("the network does not end with a convolution");
        };
        let layer = self.network.layers.len();
        let Pending { name, op, map, rank, .. } = pending;
        self.network.layers.push(Layer { name, op, target: Target::Floats(map) });
        Ok(Symbol::End { layer, softmax: false, rank })
    }

    fn output(&mut self, name: &str) -> Result<(), ImportError> {
        let symbol = self.symbols.get(name).cloned();
        let images = self.network.images;
        let (source, softmax, rank) = match symbol {
            Some(Symbol::Pending(pending)) => match self.add_last_layer(*pending)? {
                Symbol::End { layer, rank, .. } => (Source::Layer(layer), false, rank),
                _ => return unsupported("its input is not the result of a layer"),
            },
            Some(Symbol::End { layer, softmax, rank }) => (Source::Layer(layer), softmax, rank),
            Some(Symbol::Real(value)) => (Source::Value(value), false, 4),
            _ => return unsupported(format!("its output {name} is not the result of a layer")),
        };
        let [channels, rows, columns] = match source {
            Source::Layer(layer) => match self.network.layers[layer].target {
                Target::Floats(map) => map,
                Target::Bytes(value) => self.network.values[value].map,
            },
            Source::Value(value) => self.network.values[value].map,
        };
        let shape = if rank == 2 { vec![images, channels] } else { vec![images, channels, rows, columns] };
        self.network.outputs.push(Output { source, softmax, shape });
        Ok(())
    }
}

fn pending(
    node: &NodeProto,
    op: Op,
    map: [usize; 3],
    rank: usize,
    required_quant: Option<QuantParams>,
) -> Symbol {
    Symbol::Pending(Box::new(Pending { name: node.name.clone(), op, map, rank, required_quant }))
}

/// One scale for each output. `axis` is the axis of the scales, `output_axis` the axis of the outputs.
fn per_output(
    scale: Vec<f32>,
    axis: usize,
    output_axis: usize,
    outputs: usize,
) -> Result<Vec<f32>, ImportError> {
    match scale[..] {
        [scale] => Ok(vec![scale; outputs]),
        _ if axis != output_axis => unsupported("the scales of its weights are not along the outputs"),
        _ if scale.len() != outputs => invalid(format!("{} scales for {outputs} outputs", scale.len())),
        _ => Ok(scale),
    }
}

/// Reorders weights from output, input, position to output, position, input.
fn channels_last(weights: &[i8], [outputs, inputs, positions]: [usize; 3]) -> Vec<i8> {
    let mut reordered = Vec::with_capacity(weights.len());
    for output in 0..outputs {
        let of_output = &weights[output * inputs * positions..][..inputs * positions];
        reordered.extend(
            (0..positions)
                .flat_map(|position| (0..inputs).map(move |input| of_output[input * positions + position])),
        );
    }
    reordered
}

/// The window of a convolution or pool over a map.
fn window(node: &NodeProto, kernel: [usize; 2], map: [usize; 2]) -> Result<Window, ImportError> {
    let stride = match ints(node, "strides") {
        None => [1, 1],
        Some(&[down, across]) if down > 0 && across > 0 => {
            [down, across].map(|step| step.unsigned_abs() as usize)
        }
        Some(other) => return unsupported(format!("its strides are {other:?}")),
    };
    let padding = match text(node, "auto_pad") {
        None | Some(b"" | b"NOTSET") => match ints(node, "pads") {
            None => [0; 4],
            Some(&[top, left, bottom, right]) if [top, left, bottom, right].iter().all(|pad| *pad >= 0) => {
                [top, left, bottom, right].map(|pad| pad.unsigned_abs() as usize)
            }
            Some(other) => return unsupported(format!("its pads are {other:?}")),
        },
        Some(b"VALID") => [0; 4],
        Some(same @ (b"SAME_UPPER" | b"SAME_LOWER")) => {
            let pads = [0, 1].map(|axis| {
                let positions = map[axis].div_ceil(stride[axis]);
                ((positions.saturating_sub(1)) * stride[axis] + kernel[axis]).saturating_sub(map[axis])
            });
            let before = pads.map(|pad| if same == b"SAME_UPPER" { pad / 2 } else { pad.div_ceil(2) });
            [before[0], before[1], pads[0] - before[0], pads[1] - before[1]]
        }
        Some(_) => return unsupported("its padding is of an unknown kind"),
    };
    if kernel.contains(&0) || padding.iter().zip(kernel.iter().cycle()).any(|(pad, side)| pad >= side) {
        return unsupported(format!("a kernel of {kernel:?} with pads {padding:?}"));
    }
    Ok(Window { kernel, stride, padding })
}
