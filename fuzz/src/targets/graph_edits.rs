//! Mutations of an ONNX graph: its nodes, names, shapes and attributes. Mutations of bytes would mostly change weights.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

/// Size of an edit, bytes: the kind of edit, the index of a node or tensor, the index of its input, output or attribute, the
/// index of a value in that (1 byte each), and a value (4 bytes, little-endian).
pub const EDIT: usize = 8;
/// The maximum number of edits; more would destroy the whole graph.
const MAX_EDITS: usize = 12;

/// Applies the edits to a graph. Every sequence of bytes is a valid list of edits; incomplete ones are ignored.
pub fn apply_edits(mut file: ModelProto, edits: &[u8]) -> ModelProto {
    if let Some(graph) = &mut file.graph {
        for [kind, which, part, index, number @ ..] in edits.as_chunks::<EDIT>().0.iter().take(MAX_EDITS) {
            edit(
                graph,
                *kind,
                usize::from(*which),
                usize::from(*part),
                usize::from(*index),
                i32::from_le_bytes(*number).into(),
            );
        }
    }
    file
}

/// The element with this index, modulo the length; `None` for an empty list.
fn nth<T>(list: &mut [T], number: usize) -> Option<&mut T> {
    let length = list.len();
    list.get_mut(number % length.max(1))
}

/// Applies one edit.
fn edit(graph: &mut GraphProto, kind: u8, which: usize, part: usize, index: usize, number: i64) {
    // The names of all values that a node can take as input.
    let names: Vec<String> = (graph.input.iter().map(|input| &input.name))
        .chain(graph.initializer.iter().map(|tensor| &tensor.name))
        .chain(graph.node.iter().flat_map(|node| &node.output))
        .cloned()
        .collect();
    let picked = number.unsigned_abs() as usize;
    let name = names.get(picked % names.len().max(1)).cloned().unwrap_or_default();
    let nodes = graph.node.len();
    match kind % 16 {
        0..=3 => edit_attribute(graph, which, part, index, number),
        4..=7 => {
            if let Some(node) = nth(&mut graph.node, which) {
                edit_names(node, kind % 4, part, name);
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
                edit_tensor(tensor, kind % 16, index, number);
            }
        }
    }
}

/// Changes the inputs or outputs of a node.
fn edit_names(node: &mut NodeProto, kind: u8, part: usize, name: String) {
    match kind {
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

/// Changes the shape, type or data of a constant.
fn edit_tensor(tensor: &mut TensorProto, kind: u8, index: usize, number: i64) {
    match kind {
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

/// Changes an attribute: a value, the length of its list, its type or its name.
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
            Some(value) => *value = number,
            None => attribute.i = number,
        },
    }
}
