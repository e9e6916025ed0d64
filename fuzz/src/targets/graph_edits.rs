//! An ONNX file changed by what it means and not by its bytes, most of which are weights.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

/// Bytes of an edit: what is done, which node or tensor, which part of it, which number of that, and a number.
pub const EDIT: usize = 8;
/// The most edits; more leave nothing of the graph.
const MOST: usize = 12;

/// The graph with these edits. Whatever the bytes are, they are edits.
pub fn edited(mut file: ModelProto, edits: &[u8]) -> ModelProto {
    if let Some(graph) = &mut file.graph {
        for [what, which, part, index, number @ ..] in edits.as_chunks::<EDIT>().0.iter().take(MOST) {
            edit(
                graph,
                *what,
                usize::from(*which),
                usize::from(*part),
                usize::from(*index),
                i32::from_le_bytes(*number).into(),
            );
        }
    }
    file
}

fn nth<T>(list: &mut [T], number: usize) -> Option<&mut T> {
    let length = list.len();
    list.get_mut(number % length.max(1))
}

fn edit(graph: &mut GraphProto, what: u8, which: usize, part: usize, index: usize, number: i64) {
    // Every name that a node may take.
    let names: Vec<String> = (graph.input.iter().map(|input| &input.name))
        .chain(graph.initializer.iter().map(|tensor| &tensor.name))
        .chain(graph.node.iter().flat_map(|node| &node.output))
        .cloned()
        .collect();
    let picked = number.unsigned_abs() as usize;
    let name = names.get(picked % names.len().max(1)).cloned().unwrap_or_default();
    let nodes = graph.node.len();
    match what % 16 {
        0..=3 => edit_attribute(graph, which, part, index, number),
        4..=7 => {
            if let Some(node) = nth(&mut graph.node, which) {
                edit_names(node, what % 4, part, name);
            }
        }
        8 if nodes > 0 => {
            let op = graph.node[picked % nodes].op_type.clone();
            graph.node[which % nodes].op_type = op;
        }
        9 if nodes > 0 => {
            graph.node.remove(which % nodes);
        }
        10 if nodes > 0 => graph.node.swap(which % nodes, part % nodes),
        _ => {
            if let Some(tensor) = nth(&mut graph.initializer, which) {
                edit_tensor(tensor, what % 16, index, number);
            }
        }
    }
}

/// Changes what a node takes or gives.
fn edit_names(node: &mut NodeProto, what: u8, part: usize, name: String) {
    match what {
        0 => {
            if let Some(input) = nth(&mut node.input, part) {
                *input = name;
            }
        }
        1 if !node.input.is_empty() => {
            node.input.remove(part % node.input.len());
        }
        2 => {
            if let Some(output) = nth(&mut node.output, part) {
                *output = name;
            }
        }
        _ => node.input.push(name),
    }
}

/// Changes a constant's shape, type or numbers.
fn edit_tensor(tensor: &mut TensorProto, what: u8, index: usize, number: i64) {
    match what {
        11 => {
            if let Some(dim) = nth(&mut tensor.dims, index) {
                *dim = number;
            }
        }
        12 => tensor.dims.push(number),
        13 => tensor.data_type = number as i32 % 17,
        14 => tensor.raw_data.truncate(index),
        15 if !tensor.dims.is_empty() => {
            tensor.dims.remove(index % tensor.dims.len());
        }
        _ => {
            if let Some(byte) = nth(&mut tensor.raw_data, index) {
                *byte = number as u8;
            }
        }
    }
}

/// Changes a number of an attribute, or the list of them.
fn edit_attribute(graph: &mut GraphProto, which: usize, part: usize, index: usize, number: i64) {
    let mut nodes: Vec<&mut NodeProto> =
        graph.node.iter_mut().filter(|node| !node.attribute.is_empty()).collect();
    let Some(node) = nth(&mut nodes, which) else { return };
    let Some(attribute) = nth(&mut node.attribute, part) else { return };
    match index % 16 {
        0 => attribute.ints.push(number),
        1 => {
            attribute.ints.pop();
        }
        2 => attribute.r#type = number as i32 % 15,
        3 => attribute.name.clear(),
        _ => match nth(&mut attribute.ints, index) {
            Some(place) => *place = number,
            None => attribute.i = number,
        },
    }
}
