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
