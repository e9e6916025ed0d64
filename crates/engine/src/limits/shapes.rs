//! Computes the shape of every value of a graph for one input, and checks the memory and the time that a run needs.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, ModelProto};

use super::fact::Fact;
use super::shape_inference::{Inferred, infer};
use super::{LimitError, MAX_RANK, Refusal, elements, tensors};

/// The limits for an input of a size. The feature maps of a detector grow with the picture, so the limits do, too.
struct Limits {
    /// Elements of a value, and of the buffer that an engine may use for a convolution.
    value: u64,
    /// Elements of all values that are needed at the same time.
    live: u64,
    /// Multiplications of a run.
    macs: u64,
}

impl Limits {
    /// `input` is the number of elements of the input.
    fn of(input: u64) -> Self {
        Self {
            value: (1 << 26) + 64 * input,
            live: (1 << 27) + 256 * input,
            macs: (1 << 37) + (1 << 17) * input,
        }
    }
}

/// Checks that a run on an input of this shape (batch, channels, height, width) stays within the limits.
///
/// # Errors
/// Names the node that exceeds a limit, has an empty result, or whose result has a size that depends on the pixels.
pub fn check(file: &ModelProto, input: &[usize]) -> Result<(), LimitError> {
    let Some(graph) = &file.graph else { return Ok(()) };
    let input: Vec<u64> = input.iter().map(|dim| *dim as u64).collect();
    let limits = Limits::of(elements(&input));
    let (mut facts, mut uses) = (initial_facts(graph, input)?, count_uses(graph));
    let (mut live, mut total_macs) = (0, 0);
    for node in &graph.node {
        let name = node.output.first().filter(|_| node.name.is_empty()).unwrap_or(&node.name);
        let failed = |why: Refusal| LimitError::new(format!("node {name} ({})", node.op_type), why);
        let known = |input: &String| match facts.get(input.as_str()) {
            _ if input.is_empty() => Ok(None),
            None => Err(Refusal(format!("no node before it computes its input {input}"))),
            fact => Ok(fact),
        };
        let inputs: Vec<_> = node.input.iter().map(known).collect::<Result<_, _>>().map_err(failed)?;
        let constant = inputs.iter().flatten().all(|fact| fact.constant);
        let Inferred { facts: inferred, buffer, macs } = infer(node, &inputs).map_err(failed)?;
        if buffer > limits.value {
            let why = format!("it needs a buffer of {buffer} elements, and {} are allowed", limits.value);
            return Err(failed(why.into()));
        }
        total_macs = macs.saturating_add(total_macs);
        if total_macs > limits.macs {
            let why = format!(
                "up to here a run needs {total_macs} multiplications, and {} are allowed",
                limits.macs
            );
            return Err(failed(why.into()));
        }
        for (index, output) in node.output.iter().enumerate() {
            let Some(fact) = inferred.get(index).or(inferred.last()) else { continue };
            let size = elements(&fact.shape);
            if fact.shape.len() > MAX_RANK || size > limits.value {
                let why = format!(
                    "its result has the shape {:?}, and {} elements are allowed",
                    fact.shape, limits.value
                );
                return Err(failed(why.into()));
            }
            // Exporters write an empty constant for an input that an operator does not use.
            if size == 0 && node.op_type != "Constant" {
                let why = format!("its result has the shape {:?}, which has nothing in it", fact.shape);
                return Err(failed(why.into()));
            }
            live += size;
            facts.insert(output, Fact { constant, ..fact.clone() });
        }
        if live > limits.live {
            let why = format!("{live} elements are needed at the same time, and {} are allowed", limits.live);
            return Err(failed(why.into()));
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

/// The values before any node runs: the tensors of the file, and the input.
fn initial_facts(graph: &GraphProto, input: Vec<u64>) -> Result<HashMap<&str, Fact>, LimitError> {
    let mut facts = HashMap::new();
    for tensor in &graph.initializer {
        let place = || format!("tensor {}", tensor.name);
        let shape = tensors::shape(tensor).map_err(|why| LimitError::new(place(), why))?;
        facts.insert(
            tensor.name.as_str(),
            Fact { shape, known: tensors::known_elements(tensor), constant: true },
        );
    }
    let inputs: Vec<_> =
        graph.input.iter().filter(|input| !facts.contains_key(input.name.as_str())).collect();
    let [only] = inputs[..] else {
        return Err(LimitError::new("the graph", format!("it has {} inputs instead of one", inputs.len())));
    };
    facts.insert(&only.name, Fact { shape: input, ..Fact::default() });
    Ok(facts)
}

/// Number of uses of each value, by nodes and as outputs.
fn count_uses(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut uses = HashMap::new();
    let outputs = graph.output.iter().map(|output| &output.name);
    for name in graph.node.iter().flat_map(|node| &node.input).chain(outputs) {
        *uses.entry(name.as_str()).or_insert(0) += 1;
    }
    uses
}
