//! The program: its commands, the daemon's threads, the demo, and annotation of frames.
//!
//! Input: the command line, the configuration and the devices of the host. Output: what a command prints, or a door that opens
//! for enrolled people, with the reason for every decision. The work is done by the crates in `crates/`, in the order
//! `capture`, `vision` and `pipeline`, `facebank`, `access`, `devices` and `events`; `ARCHITECTURE.md` lists them. [`daemon`]
//! connects them with threads and queues.

pub mod annotate;
mod archive_file;
mod backup;
mod board_temperature;
pub mod cli;
pub mod daemon;
pub mod demo;
mod enrollment;
mod error_rate;
pub mod explain;
mod kernel_path;
mod listed_person;
mod liveness_advice;
mod liveness_conditions;
mod liveness_problem;
mod liveness_standing;
mod liveness_summary;
mod liveness_test;
mod model_bundles;
mod people_change;
mod people_check;
mod precision_choice;
pub mod replay;
pub mod report;
mod shown_setting;
mod snapshot_store;
mod start_check;
pub mod wall_clock;
