//! The device that trains: the processor, or a GPU.

use std::str::FromStr;

use anyhow::{Result, ensure};
use tch::{Cuda, Device};

/// A device, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// A GPU by number.
    Cuda(usize),
}

/// A name that is not the name of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of cpu, cuda, cuda:N")]
pub struct UnknownDevice;

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        match (name, name.strip_prefix("cuda:").map(str::parse)) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(number)),
            _ => Err(UnknownDevice),
        }
    }
}

/// The chosen device; without a choice a GPU if there is one, otherwise the processor.
///
/// # Errors
/// If the chosen GPU does not exist.
pub fn choose(choice: Option<DeviceChoice>) -> Result<Device> {
    match choice {
        None => Ok(Device::cuda_if_available()),
        Some(DeviceChoice::Cpu) => Ok(Device::Cpu),
        Some(DeviceChoice::Cuda(number)) => {
            let there = if Cuda::is_available() { Cuda::device_count() } else { 0 };
            ensure!(
                (number as i64) < there,
                "--device is GPU {number}, but torch finds {there}; check the driver (nvidia-smi), and that the libtorch in \
                 use has CUDA (LD_LIBRARY_PATH)"
            );
            Ok(Device::Cuda(number))
        }
    }
}
