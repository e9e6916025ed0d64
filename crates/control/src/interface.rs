//! The types and traits of the control API, generated from `io.ostiary.Door.varlink`.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    clippy::all,
    clippy::unwrap_used,
    clippy::missing_errors_doc,
    reason = "generated"
)]

include!(concat!(env!("OUT_DIR"), "/io.ostiary.Door.rs"));
