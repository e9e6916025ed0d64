//! Pictures on their way from bytes to the network.

use ostiary_trainer::net::{DIVISOR, MEAN, SIDE};
use tch::{Device, Kind, TchError, Tensor};

use super::data::Batch;

/// A batch's pictures on a device, `[batch, 3, SIDE, SIDE]` from 0 to 255.
pub fn on_device(batch: &Batch, device: Device) -> Result<Tensor, TchError> {
    let shape = [batch.labels.len() as i64, 3, SIDE as i64, SIDE as i64];
    Tensor::f_from_slice(&batch.pixels)?.f_view(shape)?.f_to_device(device)?.f_to_kind(Kind::Float)
}

/// As networks take them.
pub fn normalized(pictures: &Tensor) -> Result<Tensor, TchError> {
    pictures.f_sub_scalar(f64::from(MEAN))?.f_div_scalar(f64::from(DIVISOR))
}
