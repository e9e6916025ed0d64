//! An ONNX file changed by what it means and not by its bytes, most of which are weights.

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

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
    let ops: Vec<String> = graph.node.iter().map(|node| node.op_type.clone()).collect();
    let name = names.get(number.unsigned_abs() as usize % names.len().max(1)).cloned().unwrap_or_default();
    match what % 16 {
        0..=3 => edit_attribute(graph, which, part, index, number),
        4 => change(graph, which, |node| drop(nth(&mut node.input, part).map(|input| *input = name))),
        5 => change(graph, which, |node| {
            drop((!node.input.is_empty()).then(|| node.input.remove(part % node.input.len())))
        }),
        6 => change(graph, which, |node| node.input.push(name)),
        7 => change(graph, which, |node| drop(nth(&mut node.output, part).map(|output| *output = name))),
        8 => {
            if let Some(op) = ops.get(number.unsigned_abs() as usize % ops.len().max(1)) {
                change(graph, which, |node| node.op_type.clone_from(op));
            }
        }
        9 if !graph.node.is_empty() => drop(graph.node.remove(which % graph.node.len())),
        10 if !graph.node.is_empty() => graph.node.swap(which % ops.len(), part % ops.len()),
        11 => drop(
            nth(&mut graph.initializer, which)
                .map(|tensor| nth(&mut tensor.dims, index).map(|dim| *dim = number)),
        ),
        12 => drop(nth(&mut graph.initializer, which).map(|tensor| tensor.dims.push(number))),
        13 => drop(nth(&mut graph.initializer, which).map(|tensor| tensor.data_type = number as i32 % 17)),
        14 => {
            if let Some(tensor) = nth(&mut graph.initializer, which) {
                let byte = nth(&mut tensor.raw_data, index).map(|byte| *byte = number as u8);
                if byte.is_none() || part % 4 == 0 {
                    tensor.raw_data.truncate(index);
                }
            }
        }
        _ => {
            drop(nth(&mut graph.initializer, which).map(|tensor| {
                (!tensor.dims.is_empty()).then(|| tensor.dims.remove(index % tensor.dims.len()))
            }))
        }
    }
}

fn change(graph: &mut GraphProto, which: usize, change: impl FnOnce(&mut NodeProto)) {
    if let Some(node) = nth(&mut graph.node, which) {
        change(node);
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
        1 => drop(attribute.ints.pop()),
        2 => attribute.r#type = number as i32 % 15,
        3 => attribute.name.clear(),
        _ if attribute.ints.is_empty() => attribute.i = number,
        _ => drop(nth(&mut attribute.ints, index).map(|place| *place = number)),
    }
}
