//! What trains: the processor, or a GPU.

use std::str::FromStr;

use anyhow::{Result, ensure};
use tch::{Cuda, Device};

/// As the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Cpu,
    Cuda(usize),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match (name, name.strip_prefix("cuda:").map(str::parse)) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(number)),
            _ => Err("it is none of cpu, cuda, cuda:N".into()),
        }
    }
}

/// The chosen device, if it is there; without a choice a GPU where there is one.
pub fn choose(choice: Option<Choice>) -> Result<Device> {
    match choice {
        None => Ok(Device::cuda_if_available()),
        Some(Choice::Cpu) => Ok(Device::Cpu),
        Some(Choice::Cuda(number)) => {
            let there = if Cuda::is_available() { Cuda::device_count() } else { 0 };
            ensure!(
                (number as i64) < there,
                "GPU {number} was asked for, and torch sees {there}; check the driver (nvidia-smi), and that the libtorch \
                 in use is one with CUDA (LD_LIBRARY_PATH)"
            );
            Ok(Device::Cuda(number))
        }
    }
}
