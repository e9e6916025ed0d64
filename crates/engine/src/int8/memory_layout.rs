//! The layout of the values of a network in memory, and which of them share memory.

use ostiary_kernels::{Tensor, Window};

use super::layer::{LayerGraph, Op, Source, Target, ValueId};

/// The size of the buffers, bytes: values with their borders, and weights in the layout of the kernels,
/// both with channels rounded up.
pub fn buffer_size(network: &LayerGraph, tensors: &[Tensor]) -> usize {
    let rounded = |channels: usize| channels.max(1).saturating_add(Tensor::LANES);
    let product =
        |factors: &[usize]| factors.iter().fold(1usize, |product, factor| product.saturating_mul(*factor));
    let values = tensors.iter().map(|tensor| {
        let [top, left, bottom, right] = tensor.border;
        let (rows, columns) = (top + tensor.height + bottom, left + tensor.width + right);
        product(&[tensor.images, rows, columns, rounded(tensor.channels)])
    });
    let largest = values.max().unwrap_or(0);
    let layers = network.layers.iter().map(|layer| {
        let floats = match layer.target {
            Target::Floats([channels, height, width]) => {
                product(&[4, network.images, height, width, rounded(channels)])
            }
            Target::Bytes(_) => 0,
        };
        let weights = match &layer.op {
            Op::Conv { input, window: Window { kernel: [rows, columns], .. }, filter } => {
                product(&[*rows, *columns, rounded(tensors[*input].channels), rounded(filter.bias.len())])
            }
            _ => 0,
        };
        floats.saturating_add(weights)
    });
    layers.fold(largest, usize::saturating_add)
}

/// The layout of each value. Its border is as wide as the padding of the layers that read it.
pub fn layouts(network: &LayerGraph) -> Vec<Tensor> {
    let mut tensors: Vec<Tensor> = network
        .values
        .iter()
        .map(|value| Tensor::new(network.images, value.map[1], value.map[2], value.map[0]))
        .collect();
    if let Some(input) = tensors.first_mut() {
        input.pitch = 4;
    }
    for layer in &network.layers {
        if let Op::Conv { input, window, .. } | Op::Depthwise { input, window, .. } = &layer.op {
            let border = &mut tensors[*input].border;
            border.iter_mut().zip(window.padding).for_each(|(side, padding)| *side = padding.max(*side));
        }
    }
    tensors
}

/// Assigns memory to the values. Returns the sizes of the slots and the slot of each value. A slot is reused after the last
/// use of its value.
pub fn assign_slots(network: &LayerGraph, tensors: &[Tensor]) -> (Vec<usize>, Vec<usize>) {
    let mut last_use = vec![0; tensors.len()];
    for (index, layer) in network.layers.iter().enumerate() {
        layer.op.inputs().iter().for_each(|input| last_use[*input] = index);
    }
    for output in &network.outputs {
        if let Source::Value(value) = output.source {
            last_use[value] = usize::MAX;
        }
    }
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut slot_of_value = vec![0; tensors.len()];
    let mut assign = |value: ValueId, slots: &mut Vec<usize>, free: &mut Vec<usize>| {
        let size = tensors[value].buffer_len();
        // Best fit: the smallest slot that is large enough, or otherwise the largest one.
        let best = (0..free.len()).min_by_key(|index| {
            let slot_size = slots[free[*index]];
            if slot_size >= size { (0, slot_size) } else { (1, usize::MAX - slot_size) }
        });
        let slot = match best {
            Some(index) => free.swap_remove(index),
            None => {
                slots.push(0);
                slots.len() - 1
            }
        };
        slots[slot] = slots[slot].max(size);
        slot_of_value[value] = slot;
        slot
    };
    if !tensors.is_empty() {
        assign(0, &mut slots, &mut free);
    }
    let mut live: Vec<(ValueId, usize)> = vec![(0, 0)];
    for (index, layer) in network.layers.iter().enumerate() {
        if let Target::Bytes(value) = layer.target {
            let slot = assign(value, &mut slots, &mut free);
            live.push((value, slot));
        }
        live.retain(|(value, slot)| {
            let is_unused = last_use[*value] <= index;
            if is_unused {
                free.push(*slot);
            }
            !is_unused
        });
    }
    (slots, slot_of_value)
}
