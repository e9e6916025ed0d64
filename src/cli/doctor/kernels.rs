//! Checks which kernels run the networks, and whether they suit the processor.

use ostiary_config::{Backend, Origin};
use ostiary_core::Precision;
use ostiary_kernels::Isa;

use super::CheckContext;
use super::finding::Finding;
use crate::kernel_path::KernelPath;

/// How people who are enrolled with 8 bits are known with floats too.
const REEMBED_FIX: &str =
    "stop the door, run `ostiary people reembed --set engine.precision=fp32`, and start the door";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let engine = &context.config().engine;
    if engine.backend == Backend::Ort {
        return vec![Finding::ok("onnxruntime runs the networks, not the kernels of this program")];
    }
    let kernels = KernelPath::new(&context.host.read_text("/proc/cpuinfo").unwrap_or_default());
    let origin = context.loaded.origin("engine.precision").unwrap_or(&Origin::Default);
    let path = path_finding(&kernels.to_string(), kernels.isa(), engine.precision, origin);
    let withheld = kernels.withheld();
    let withheld = (!withheld.is_empty()).then(|| {
        Finding::warning(
            format!("/proc/cpuinfo lists features that the system does not offer: {}", withheld.join(", ")),
            "update the system's kernel; in a virtual machine, give it all features of the processor",
        )
    });
    let remarks = kernels.remarks().into_iter().map(Finding::ok);
    [path].into_iter().chain(withheld).chain(remarks).collect()
}

/// Which kernels run the networks, and whether another precision would be faster. `kernels` is the reason for `isa`.
fn path_finding(kernels: &str, isa: Isa, precision: Precision, origin: &Origin) -> Finding {
    match (isa, precision, origin) {
        (Isa::Scalar, Precision::Fp32, Origin::Chosen) => {
            Finding::ok(format!("{kernels}, so fp32 was chosen, which is faster here"))
        }
        (Isa::Scalar, Precision::Int8, Origin::Default) => Finding::warning(
            format!(
                "{kernels}; they are slower than fp32, but the people are enrolled with int8 alone, so it is kept"
            ),
            REEMBED_FIX,
        ),
        (Isa::Scalar, Precision::Int8, _) => Finding::warning(
            format!("{kernels}; they are slower than fp32, but engine.precision is \"int8\" ({origin})"),
            format!("remove engine.precision there, {REEMBED_FIX}"),
        ),
        (_, Precision::Fp32, _) => {
            Finding::ok(format!("{kernels}, not used, because engine.precision is \"fp32\""))
        }
        (_, Precision::Int8, _) => Finding::ok(kernels),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn int8_on_scalar_kernels_is_a_warning_and_fp32_is_not() {
        let set = Origin::Flag("--set");
        let of = |isa, precision, origin| path_finding("int8 kernels: x", isa, precision, origin);
        let (int8, fp32) = (Precision::Int8, Precision::Fp32);
        for (finding, status, part) in [
            (of(Isa::Scalar, fp32, &Origin::Chosen), Status::Ok, "so fp32 was chosen"),
            (of(Isa::Scalar, fp32, &set), Status::Ok, "engine.precision is \"fp32\""),
            (of(Isa::Scalar, int8, &set), Status::Warning, "engine.precision is \"int8\" (--set)"),
            (of(Isa::Scalar, int8, &Origin::Default), Status::Warning, "enrolled with int8 alone"),
            (of(Isa::Sse41, int8, &Origin::Default), Status::Ok, "int8 kernels: x"),
        ] {
            assert!(finding.status == status && finding.found.contains(part), "{finding}");
        }
    }
}
