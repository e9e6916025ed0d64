//! From an ONNX graph with QuantizeLinear and DequantizeLinear to layers of bytes.
//!
//! A layer is a convolution or matrix product of a dequantized value with dequantized weights, then PRelu or Relu
//! where there is one, then QuantizeLinear; or a residual sum, or a max pool, between the two. What is at the
//! network's end stays real, with a Softmax where there is one. [`ImportError::Unknown`] is anything else: tract's own
//! operators run it.

use std::collections::HashMap;

use ostiary_core::Input;
use ostiary_kernels::Window;
use tract_onnx::pb::NodeProto;

use super::graph::{Constant, Graph, int, ints, text};
use super::layer::{Filter, Layer, Network, Op, Output, QuantParams, Source, Target, Value, ValueId};

/// Why a graph is not made into layers.
#[derive(Debug, PartialEq)]
pub enum ImportError {
    /// There is something in it that no kernel does.
    Unknown(String),
    /// It cannot be right: neither can tract run it.
    Broken(String),
}

/// What a name in the graph stands for.
#[derive(Debug, Clone)]
enum Meaning {
    /// Bytes on a grid that is not yet told: an output of QuantizeLinear, or the input.
    Bytes(ValueId),
    /// A value on its grid, made real.
    Real(ValueId),
    /// The same with its map flattened.
    Flat(ValueId),
    /// What a layer gives before it is quantized.
    Pending(Box<Pending>),
    /// The end of the network: what a layer gives, with so many dimensions.
    End {
        layer: usize,
        softmax: bool,
        rank: usize,
    },
    /// The input in real numbers.
    Pixels,
    Weights {
        signed: String,
        scale: Vec<f32>,
        axis: usize,
    },
}

#[derive(Debug, Clone)]
struct Pending {
    name: String,
    op: Op,
    map: [usize; 3],
    /// A matrix product has two dimensions, a convolution four.
    rank: usize,
    /// Whether its grid must be its input's: pooling and flattening move values without changing them.
    kept: Option<QuantParams>,
}

/// Recognizes the layers for an input of `shape`: batch, 3, height, width.
pub fn import_qdq(graph: &Graph, input: &Input, shape: &[usize]) -> Result<Network, ImportError> {
    let &[images, 3, height, width] = shape else {
        return unknown(format!("an input of {shape:?}"));
    };
    let name = graph.input().ok_or_else(|| ImportError::Unknown("it has not one input".into()))?;
    let mut reader = Reader {
        graph,
        input,
        network: Network {
            images,
            values: Vec::new(),
            quantize: None,
            layers: Vec::new(),
            outputs: Vec::new(),
        },
        names: HashMap::new(),
        map: [3, height, width],
    };
    let first = if graph.input_is_bytes() { Meaning::Bytes(0) } else { Meaning::Pixels };
    reader.names.insert(name.to_owned(), first);
    for node in graph.nodes() {
        reader.node(node).map_err(|refusal| match refusal {
            ImportError::Unknown(why) => {
                ImportError::Unknown(format!("{} {}: {why}", node.op_type, node.name))
            }
            ImportError::Broken(why) => ImportError::Broken(format!("{} {}: {why}", node.op_type, node.name)),
        })?;
    }
    for output in graph.outputs() {
        reader.output(output)?;
    }
    Ok(reader.network)
}

fn unknown<T>(why: impl Into<String>) -> Result<T, ImportError> {
    Err(ImportError::Unknown(why.into()))
}

fn broken<T>(why: impl Into<String>) -> Result<T, ImportError> {
    Err(ImportError::Broken(why.into()))
}

struct Reader<'a> {
    graph: &'a Graph<'a>,
    input: &'a Input,
    network: Network,
    names: HashMap<String, Meaning>,
    /// Of the input.
    map: [usize; 3],
}

impl Reader<'_> {
    fn node(&mut self, node: &NodeProto) -> Result<(), ImportError> {
        let [output] = &node.output[..] else { return unknown("it has not one output") };
        let meaning = match node.op_type.as_str() {
            "QuantizeLinear" => self.quantize(node)?,
            "DequantizeLinear" => self.dequantize(node)?,
            "Conv" => self.conv(node)?,
            "MatMul" => self.dense(node)?,
            "Add" => self.add(node)?,
            "PRelu" | "Relu" => self.activation(node)?,
            "MaxPool" => self.max_pool(node)?,
            "Flatten" | "Reshape" => self.flatten(node)?,
            "Softmax" => self.softmax(node)?,
            _ => return unknown("no kernel does it"),
        };
        self.names.insert(output.clone(), meaning);
        Ok(())
    }

    fn meaning(&self, node: &NodeProto, index: usize) -> Result<Meaning, ImportError> {
        let name = node.input.get(index).ok_or_else(|| ImportError::Broken("an input is missing".into()))?;
        self.names
            .get(name)
            .cloned()
            .ok_or_else(|| ImportError::Unknown(format!("its input {name} is no activation")))
    }

    /// The scale and zero point of a node; both must be sound.
    fn quant(&self, node: &NodeProto) -> Result<QuantParams, ImportError> {
        let scale = self.scale(node)?;
        let zero_point = match node.input.get(2) {
            None => vec![0; scale.len()],
            Some(name) => match self.graph.unsigned(name) {
                Some(Constant { values, .. }) if values.len() == scale.len() => values,
                _ => return unknown("its zero point is not one byte for each scale"),
            },
        };
        if scale.len() > 1 && int(node, "axis").unwrap_or(1) != 1 {
            return unknown("its scales do not go with the channels");
        }
        Ok(QuantParams { scale, zero_point })
    }

    fn scale(&self, node: &NodeProto) -> Result<Vec<f32>, ImportError> {
        let scale = node.input.get(1).and_then(|name| self.graph.floats(name));
        let Some(Constant { values, .. }) = scale else { return unknown("its scale is no constant") };
        match values.iter().find(|scale| !(scale.is_normal() && **scale > 0.0)) {
            Some(scale) => broken(format!("a scale is {scale}; scales must be positive")),
            None if values.is_empty() => broken("it has no scale"),
            None => Ok(values),
        }
    }

    fn quantize(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        let quant = self.quant(node)?;
        match self.meaning(node, 0)? {
            Meaning::Pixels => {
                if !quant.is_uniform() {
                    return unknown("the input has quantization parameters for each channel");
                }
                let (scale, zero_point) = quant.channel(0);
                let table = std::array::from_fn(|pixel| {
                    let real = (pixel as f32 - self.input.mean) / self.input.divisor;
                    ((real / scale).round_ties_even() + f32::from(zero_point)).clamp(0.0, 255.0) as u8
                });
                self.network.quantize = Some(Box::new(table));
                self.input_value(quant)?;
                Ok(Meaning::Bytes(0))
            }
            Meaning::Pending(pending) => {
                if quant.scale.len() != 1 && quant.scale.len() != pending.map[0] {
                    return broken(format!("{} scales for {} channels", quant.scale.len(), pending.map[0]));
                }
                if pending.kept.as_ref().is_some_and(|kept| *kept != quant) {
                    return unknown("a pool between two different sets of quantization parameters");
                }
                let Pending { name, op, map, .. } = *pending;
                let value = self.network.values.len();
                self.network.values.push(Value { map, quant });
                self.network.layers.push(Layer { name, op, target: Target::Bytes(value) });
                Ok(Meaning::Bytes(value))
            }
            // Between equal grids, a value that was only flattened is the same bytes.
            Meaning::Flat(value) if self.network.values[value].quant == quant => Ok(Meaning::Flat(value)),
            _ => unknown("no layer ends here"),
        }
    }

    fn dequantize(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        if let Some(name) = node.input.first().filter(|name| self.graph.is_constant(name)) {
            let scale = self.scale(node)?;
            let zeros = node.input.get(2).and_then(|zero| self.graph.signed(zero));
            if node.input.len() > 2 && !zeros.is_some_and(|zeros| zeros.values.iter().all(|zero| *zero == 0))
            {
                return unknown("the weights' zero points are not 0");
            }
            let axis = usize::try_from(int(node, "axis").unwrap_or(1));
            let axis = axis.or_else(|_| unknown("the weights' axis counts from the end"))?;
            return Ok(Meaning::Weights { signed: name.clone(), scale, axis });
        }
        let quant = self.quant(node)?;
        match self.meaning(node, 0)? {
            Meaning::Bytes(0) if self.network.values.is_empty() => {
                self.input_value(quant)?;
                Ok(Meaning::Real(0))
            }
            Meaning::Bytes(value) if self.network.values[value].quant == quant => Ok(Meaning::Real(value)),
            Meaning::Flat(value) if self.network.values[value].quant == quant => Ok(Meaning::Flat(value)),
            _ => unknown("its quantization parameters are not those of its input"),
        }
    }

    /// The network's input as the first value.
    fn input_value(&mut self, quant: QuantParams) -> Result<(), ImportError> {
        if !self.network.values.is_empty() || !quant.is_uniform() {
            return unknown("the input has more than one set of quantization parameters");
        }
        self.network.values.push(Value { map: self.map, quant });
        Ok(())
    }

    fn conv(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        let Meaning::Real(input) = self.meaning(node, 0)? else {
            return unknown("its input is not quantized");
        };
        let Meaning::Weights { signed, scale, axis } = self.meaning(node, 1)? else {
            return unknown("its weights are not quantized");
        };
        let Some(Constant { shape, values }) = self.graph.signed(&signed) else {
            return unknown("its weights are not signed bytes");
        };
        let [outputs, inputs, rows, columns] = shape[..] else { return unknown("its kernel is not flat") };
        let Value { map: [channels, height, width], quant } = &self.network.values[input];
        let (channels, height, width, uniform) = (*channels, *height, *width, quant.is_uniform());
        let group = int(node, "group").unwrap_or(1).unsigned_abs() as usize;
        if ints(node, "dilations").is_some_and(|steps| steps.iter().any(|step| *step != 1)) {
            return unknown("it is dilated");
        }
        if inputs.checked_mul(group) != Some(channels) || outputs == 0 {
            return broken(format!(
                "its weights are of shape {shape:?} in {group} groups, for {channels} channels"
            ));
        }
        let window = window(node, [rows, columns], [height, width])?;
        let [down, across] = window.places(height, width);
        if down * across == 0 {
            return broken(format!("a {rows}x{columns} kernel does not fit a map of {height}x{width}"));
        }
        let depthwise = group == channels && outputs == channels && group > 1;
        if group != 1 && !depthwise {
            return unknown(format!("it has {group} groups"));
        }
        // The input has room for its three channels alone; only a full convolution reads it so.
        if depthwise && input == 0 {
            return unknown("a depthwise convolution of the input");
        }
        if !depthwise && !uniform {
            return unknown("its input has quantization parameters for each channel");
        }
        if depthwise && rows * columns > 121 {
            return unknown("its kernel is larger than 11x11");
        }
        let bias = match node.input.get(2) {
            None => vec![0.0; outputs],
            Some(name) => self.bias(name, outputs)?,
        };
        let weights =
            if depthwise { values } else { pixels_first(&values, [outputs, inputs, rows * columns]) };
        let filter =
            Filter { weights, scale: per_output(scale, axis, 0, outputs)?, bias, slope: vec![1.0; outputs] };
        let op = match depthwise {
            true => Op::Depthwise { input, window, filter },
            false => Op::Conv { input, window, filter },
        };
        let map = [outputs, down, across];
        Ok(pending(node, op, map, 4, None))
    }

    fn bias(&self, name: &str, outputs: usize) -> Result<Vec<f32>, ImportError> {
        match self.graph.floats(name) {
            Some(bias) if bias.values.len() == outputs => Ok(bias.values),
            Some(bias) => broken(format!("it has {} biases for {outputs} outputs", bias.values.len())),
            None => unknown("its bias is no constant"),
        }
    }

    /// A matrix product: a convolution whose kernel is the whole map.
    fn dense(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        let (Meaning::Flat(input) | Meaning::Real(input)) = self.meaning(node, 0)? else {
            return unknown("its input is not quantized");
        };
        let Meaning::Weights { signed, scale, axis } = self.meaning(node, 1)? else {
            return unknown("its weights are not quantized");
        };
        let Some(Constant { shape, values }) = self.graph.signed(&signed) else {
            return unknown("its weights are not signed bytes");
        };
        let [inputs, outputs] = shape[..] else { return unknown("its weights are no matrix") };
        let Value { map: [channels, height, width], quant } = &self.network.values[input];
        let (channels, height, width) = (*channels, *height, *width);
        if !quant.is_uniform() {
            return unknown("its input has quantization parameters for each channel");
        }
        if outputs == 0 || inputs != channels * height * width {
            return broken(format!(
                "its matrix of shape {shape:?} does not take {channels}x{height}x{width} numbers"
            ));
        }
        let mut upright = vec![0; values.len()];
        for (row, weights) in values.chunks_exact(outputs).enumerate() {
            for (output, weight) in weights.iter().enumerate() {
                upright[output * inputs + row] = *weight;
            }
        }
        let weights = pixels_first(&upright, [outputs, channels, height * width]);
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
    fn add(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        if let Some(name) = node.input.get(1).filter(|name| self.graph.is_constant(name)) {
            let Meaning::Pending(mut pending) = self.meaning(node, 0)? else {
                return unknown("a constant is added to what is no layer's end");
            };
            let Op::Conv { filter, .. } = &mut pending.op else { return unknown("a constant is added") };
            if pending.rank != 2 || self.graph.uses(&node.input[0]) != 1 {
                return unknown("a constant is added to what is no matrix product");
            }
            filter.bias = self.bias(name, filter.bias.len())?;
            pending.name.clone_from(&node.name);
            return Ok(Meaning::Pending(pending));
        }
        let (Meaning::Real(a), Meaning::Real(b)) = (self.meaning(node, 0)?, self.meaning(node, 1)?) else {
            return unknown("it does not add two quantized values");
        };
        if a == 0 || b == 0 {
            return unknown("it adds to the input");
        }
        let map = self.network.values[a].map;
        if map != self.network.values[b].map {
            return unknown("it adds values of two sizes");
        }
        Ok(pending(node, Op::Add { inputs: [a, b] }, map, 4, None))
    }

    fn activation(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        let Meaning::Pending(mut pending) = self.meaning(node, 0)? else {
            return unknown("no layer ends here");
        };
        if self.graph.uses(&node.input[0]) != 1 {
            return unknown("its input is also used without it");
        }
        let (Op::Conv { filter, .. } | Op::Depthwise { filter, .. }) = &mut pending.op else {
            return unknown("it does not follow a convolution");
        };
        if filter.slope.iter().any(|slope| *slope != 1.0) {
            return unknown("it follows another activation");
        }
        let outputs = filter.slope.len();
        filter.slope = match node.op_type.as_str() {
            "Relu" => vec![0.0; outputs],
            _ => {
                let slope = node.input.get(1).and_then(|name| self.graph.floats(name));
                let Some(Constant { values, .. }) = slope else { return unknown("its slope is no constant") };
                match values[..] {
                    [slope] => vec![slope; outputs],
                    _ if values.len() == outputs => values,
                    _ => return unknown(format!("{} slopes for {outputs} channels", values.len())),
                }
            }
        };
        Ok(Meaning::Pending(pending))
    }

    fn max_pool(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        let Meaning::Real(input) = self.meaning(node, 0)? else {
            return unknown("its input is not quantized");
        };
        if input == 0 {
            return unknown("a pool of the input");
        }
        let Value { map: [channels, height, width], quant } = self.network.values[input].clone();
        let Some(&[rows, columns]) = ints(node, "kernel_shape") else {
            return unknown("its kernel is not flat");
        };
        if ints(node, "dilations").is_some_and(|steps| steps.iter().any(|step| *step != 1))
            || int(node, "ceil_mode").unwrap_or(0) != 0
        {
            return unknown("it is dilated or rounds up");
        }
        let kernel = [rows, columns].map(|side| side.unsigned_abs() as usize);
        let window = window(node, kernel, [height, width])?;
        let [down, across] = window.places(height, width);
        if down * across == 0 {
            return broken(format!("a {rows}x{columns} kernel does not fit a map of {height}x{width}"));
        }
        Ok(pending(node, Op::MaxPool { input, window }, [channels, down, across], 4, Some(quant)))
    }

    fn flatten(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        if node.op_type == "Flatten" && int(node, "axis").unwrap_or(1) != 1 {
            return unknown("it does not keep the batch");
        }
        match self.meaning(node, 0)? {
            Meaning::Real(value) if node.op_type == "Flatten" => Ok(Meaning::Flat(value)),
            Meaning::Pending(pending) if pending.map[1..] == [1, 1] => match self.end(*pending, node)? {
                Meaning::End { layer, softmax, .. } => Ok(Meaning::End { layer, softmax, rank: 2 }),
                other => Ok(other),
            },
            _ => unknown("it flattens what is neither a quantized map nor the network's end"),
        }
    }

    fn softmax(&mut self, node: &NodeProto) -> Result<Meaning, ImportError> {
        // By default it goes along the last axis.
        let axis = int(node, "axis").unwrap_or(-1);
        let (layer, rank) = match self.meaning(node, 0)? {
            Meaning::Pending(pending) => match self.end(*pending, node)? {
                Meaning::End { layer, rank, .. } => (layer, rank),
                _ => return unknown("no layer ends here"),
            },
            Meaning::End { layer, softmax: false, rank } => (layer, rank),
            _ => return unknown("no layer ends here"),
        };
        if axis != 1 && !(axis == -1 && rank == 2) {
            return unknown("it does not go along the channels");
        }
        Ok(Meaning::End { layer, softmax: true, rank })
    }

    /// A layer whose numbers stay real. `node` is the one that takes them.
    fn end(&mut self, pending: Pending, node: &NodeProto) -> Result<Meaning, ImportError> {
        if node.input.first().is_some_and(|name| self.graph.uses(name) != 1) {
            return unknown("its input is also used without it");
        }
        self.ended(pending)
    }

    fn ended(&mut self, pending: Pending) -> Result<Meaning, ImportError> {
        let Op::Conv { .. } = &pending.op else {
            return unknown("the network ends in what is no convolution");
        };
        let layer = self.network.layers.len();
        let Pending { name, op, map, rank, .. } = pending;
        self.network.layers.push(Layer { name, op, target: Target::Floats(map) });
        Ok(Meaning::End { layer, softmax: false, rank })
    }

    fn output(&mut self, name: &str) -> Result<(), ImportError> {
        let meaning = self.names.get(name).cloned();
        let images = self.network.images;
        let output = match meaning {
            Some(Meaning::Pending(pending)) => match self.ended(*pending)? {
                Meaning::End { layer, rank, .. } => (Source::Layer(layer), false, rank),
                _ => return unknown("no layer ends here"),
            },
            Some(Meaning::End { layer, softmax, rank }) => (Source::Layer(layer), softmax, rank),
            Some(Meaning::Real(value)) => (Source::Value(value), false, 4),
            _ => return unknown(format!("its output {name} is no layer's end")),
        };
        let (source, softmax, rank) = output;
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

fn pending(node: &NodeProto, op: Op, map: [usize; 3], rank: usize, kept: Option<QuantParams>) -> Meaning {
    Meaning::Pending(Box::new(Pending { name: node.name.clone(), op, map, rank, kept }))
}

/// A scale for each output, along the axis that the outputs lie on.
fn per_output(scale: Vec<f32>, axis: usize, wanted: usize, outputs: usize) -> Result<Vec<f32>, ImportError> {
    match scale[..] {
        [scale] => Ok(vec![scale; outputs]),
        _ if axis != wanted => unknown("its weights' scales do not go with the outputs"),
        _ if scale.len() != outputs => broken(format!("{} scales for {outputs} outputs", scale.len())),
        _ => Ok(scale),
    }
}

/// From output, input, place to output, place, input.
fn pixels_first(weights: &[i8], [outputs, inputs, places]: [usize; 3]) -> Vec<i8> {
    let mut turned = Vec::with_capacity(weights.len());
    for output in 0..outputs {
        let of = &weights[output * inputs * places..][..inputs * places];
        turned.extend((0..places).flat_map(|place| (0..inputs).map(move |input| of[input * places + place])));
    }
    turned
}

/// The window of a convolution or pool over a map.
fn window(node: &NodeProto, kernel: [usize; 2], map: [usize; 2]) -> Result<Window, ImportError> {
    let stride = match ints(node, "strides") {
        None => [1, 1],
        Some(&[down, across]) if down > 0 && across > 0 => {
            [down, across].map(|step| step.unsigned_abs() as usize)
        }
        Some(other) => return unknown(format!("its strides are {other:?}")),
    };
    let padding = match text(node, "auto_pad") {
        None | Some(b"" | b"NOTSET") => match ints(node, "pads") {
            None => [0; 4],
            Some(&[top, left, bottom, right]) if [top, left, bottom, right].iter().all(|pad| *pad >= 0) => {
                [top, left, bottom, right].map(|pad| pad.unsigned_abs() as usize)
            }
            Some(other) => return unknown(format!("its pads are {other:?}")),
        },
        Some(b"VALID") => [0; 4],
        Some(same @ (b"SAME_UPPER" | b"SAME_LOWER")) => {
            let pads = [0, 1].map(|axis| {
                let places = map[axis].div_ceil(stride[axis]);
                ((places.saturating_sub(1)) * stride[axis] + kernel[axis]).saturating_sub(map[axis])
            });
            let before = pads.map(|pad| if same == b"SAME_UPPER" { pad / 2 } else { pad.div_ceil(2) });
            [before[0], before[1], pads[0] - before[0], pads[1] - before[1]]
        }
        Some(_) => return unknown("its padding is of an unknown kind"),
    };
    if kernel.contains(&0) || padding.iter().zip(kernel.iter().cycle()).any(|(pad, side)| pad >= side) {
        return unknown(format!("a kernel of {kernel:?} with pads {padding:?}"));
    }
    Ok(Window { kernel, stride, padding })
}
