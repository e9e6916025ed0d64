//! The daemon: its threads and the bounded queues between them. With `cli`, the only module that connects all parts.
//!
//! Input: a [`Setup`] with the configuration, the relay (its line requested and at rest) and the outputs of events. Output:
//! the levels of the relay and the lamps, and events. [`run`] returns when the daemon ends.
//!
//! `capture_worker` captures frames. `vision_worker` processes them in a
//! [`RecognitionPipeline`](ostiary_pipeline::RecognitionPipeline), and decides. `input_worker` reads the exit button and the
//! door contact. `challenges` asks people to turn the head.
//! `door_worker` switches the relay, and does what people ask for with the types of `door_command`. `store_worker` stores events and passes them to the outputs. `supervisor`
//! is the main thread; it supervises the other threads through `workers`, handles signals, and checks the wall clock with
//! `clock_monitor`. `probation_run` rolls new models back if they fail in their first minutes. `control_api` answers the calls of the control
//! API, each connection in a thread of its own; those who watch get frames from `live_view`. The threads share `shared`, the
//! event store, and the slots (`latest`) in which `supervisor` puts a new configuration. `config_files` reads the configuration again.
//! Pictures of strangers go from `track_snapshots` of the vision thread through `snapshot_slots` to `snapshot_keeper` of the store thread.
//! `mqtt_commands` carries out commands of the broker; `slow_values` reads what it is shown of the board and of stored models.

mod active_prompt;
mod capture_worker;
mod challenges;
mod clock_monitor;
mod config_files;
mod control_api;
mod door_command;
mod door_worker;
mod error;
mod frame_demand;
mod input_worker;
mod jpeg;
mod latest;
mod live_view;
mod lockout_events;
mod mode_at_start;
pub mod mode_file;
mod mqtt_commands;
mod oom_score;
mod probation_run;
mod progress;
mod queue;
mod saved_state;
mod shared;
mod slow_values;
pub mod snapshot_keeper;
mod snapshot_slots;
mod store_worker;
mod supervisor;
#[cfg(test)]
mod testing;
mod track_snapshots;
mod vision_worker;
mod visit_file;
mod workers;

pub use config_files::ConfigFiles;
pub use control_api::live_jpeg;
pub use door_command::{DoorRefusal, DoorReply};
pub use error::{DaemonError, Fault};
pub use oom_score::allow_oom_kill;
pub use supervisor::{Setup, run};
pub use vision_worker::{FrameObserver, FrameResult};
