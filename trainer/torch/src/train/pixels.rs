//! Conversion of pictures from bytes to the input of networks.

use ostiary_trainer::net::{DIVISOR, MEAN, SIDE};
use tch::{Device, Kind, TchError, Tensor};

use super::training_set::Batch;

/// The pictures of a batch on a device, `[batch, 3, SIDE, SIDE]`, floats from 0 to 255.
///
/// # Errors
/// Those of torch.
pub fn on_device(batch: &Batch, device: Device) -> Result<Tensor, TchError> {
    let shape = [batch.labels.len() as i64, 3, SIDE as i64, SIDE as i64];
    Tensor::f_from_slice(&batch.pixels)?.f_view(shape)?.f_to_device(device)?.f_to_kind(Kind::Float)
}

/// The input of networks for pictures from 0 to 255.
///
/// # Errors
/// Those of torch.
pub fn normalized(pictures: &Tensor) -> Result<Tensor, TchError> {
    pictures.f_sub_scalar(f64::from(MEAN))?.f_div_scalar(f64::from(DIVISOR))
}

/// The same pictures with the channels of a pixel next to each other in memory (PyTorch's `channels_last`), an order that all layers
/// keep. cuDNN's kernels for tensor cores need it and would otherwise convert at each layer: docs/TRAINING.md, "Speed".
///
/// # Errors
/// Those of torch.
pub fn channels_last(pictures: &Tensor) -> Result<Tensor, TchError> {
    pictures.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_last_changes_only_the_order_in_memory() {
        let pictures = Tensor::arange(2 * 3 * 4 * 5, (Kind::Float, Device::Cpu)).view([2, 3, 4, 5]);
        let same = channels_last(&pictures).unwrap();
        assert_eq!((same.size(), same.stride()), (vec![2, 3, 4, 5], vec![60, 1, 15, 3]));
        assert_eq!(same, pictures);
    }
}
