//! The shape of every value of a graph for one input, and what memory and time they stand for.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, ModelProto};

use super::fact::Fact;
use super::rules::{self, Made};
use super::{LimitError, MAX_RANK, elements, tensors};

/// Limits for an input of so many numbers. A detector's maps grow with the picture, so that limits grow with the input.
struct Limits {
    /// Numbers of a value, and of what an engine lays out for a convolution.
    value: u64,
    /// Numbers of all values that are needed at the same time.
    live: u64,
    /// Multiplications of a run.
    work: u64,
}

impl Limits {
    fn of(input: u64) -> Self {
        Self {
            value: (1 << 26) + 64 * input,
            live: (1 << 27) + 256 * input,
            work: (1 << 37) + (1 << 17) * input,
        }
    }
}

/// Whether the network can run on an input of this shape (batch, channels, height, width) within limits of memory and
/// time.
///
/// # Errors
/// Names the node that asks for too much, that gives nothing, or whose result's size cannot be told beforehand.
pub fn check(file: &ModelProto, input: &[usize]) -> Result<(), LimitError> {
    let Some(graph) = &file.graph else { return Ok(()) };
    let input: Vec<u64> = input.iter().map(|dim| *dim as u64).collect();
    let limits = Limits::of(elements(&input));
    let (mut facts, mut uses) = (given(graph, input)?, uses(graph));
    let (mut live, mut work) = (0, 0);
    for node in &graph.node {
        let name = node.output.first().filter(|_| node.name.is_empty()).unwrap_or(&node.name);
        let failed = |why: String| LimitError::new(format!("node {name} ({})", node.op_type), why);
        let known = |input: &String| match facts.get(input.as_str()) {
            _ if input.is_empty() => Ok(None),
            None => Err(format!("its input {input} is of no node before it")),
            fact => Ok(fact),
        };
        let inputs: Vec<_> = node.input.iter().map(known).collect::<Result<_, _>>().map_err(failed)?;
        let constant = inputs.iter().flatten().all(|fact| fact.constant);
        let Made { facts: made, layout, macs } = rules::made(node, &inputs).map_err(failed)?;
        if layout > limits.value {
            return Err(failed(format!("it lays out {layout} numbers, and {} are allowed", limits.value)));
        }
        work = macs.saturating_add(work);
        if work > limits.work {
            return Err(failed(format!(
                "up to here a run takes {work} multiplications, and {} are allowed",
                limits.work
            )));
        }
        for (index, output) in node.output.iter().enumerate() {
            let Some(fact) = made.get(index).or(made.last()) else { continue };
            let size = elements(&fact.shape);
            if fact.shape.len() > MAX_RANK || size > limits.value {
                let why = format!(
                    "it gives a tensor of shape {:?}, and {} numbers are allowed",
                    fact.shape, limits.value
                );
                return Err(failed(why));
            }
            // Exporters write an empty constant where an operator has an input that it does not use.
            if size == 0 && node.op_type != "Constant" {
                return Err(failed(format!(
                    "it gives a tensor of shape {:?}, which has nothing in it",
                    fact.shape
                )));
            }
            live += size;
            facts.insert(output, Fact { constant, ..fact.clone() });
        }
        if live > limits.live {
            let why = format!("{live} numbers are needed at the same time, and {} are allowed", limits.live);
            return Err(failed(why));
        }
        for input in &node.input {
            let Some(left) = uses.get_mut(input.as_str()) else { continue };
            *left -= 1;
            let fact = facts.get(input.as_str()).filter(|fact| *left == 0 && !fact.constant);
            live -= fact.map_or(0, |fact| elements(&fact.shape)).min(live);
        }
    }
    Ok(())
}

/// What is there before any node runs: the tensors of the file, and the input.
fn given(graph: &GraphProto, input: Vec<u64>) -> Result<HashMap<&str, Fact>, LimitError> {
    let mut facts = HashMap::new();
    for tensor in &graph.initializer {
        let place = || format!("tensor {}", tensor.name);
        let shape = tensors::shape(tensor).map_err(|why| LimitError::new(place(), why))?;
        facts.insert(
            tensor.name.as_str(),
            Fact { shape, known: tensors::few_numbers(tensor), constant: true },
        );
    }
    let inputs: Vec<_> =
        graph.input.iter().filter(|input| !facts.contains_key(input.name.as_str())).collect();
    let [only] = inputs[..] else {
        return Err(LimitError::new(
            "the graph",
            format!("it has {} inputs, and must have one", inputs.len()),
        ));
    };
    facts.insert(&only.name, Fact { shape: input, ..Fact::default() });
    Ok(facts)
}

/// How many nodes and outputs take each value.
fn uses(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut uses = HashMap::new();
    let outputs = graph.output.iter().map(|output| &output.name);
    for name in graph.node.iter().flat_map(|node| &node.input).chain(outputs) {
        *uses.entry(name.as_str()).or_insert(0) += 1;
    }
    uses
}
