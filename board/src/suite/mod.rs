//! The tests, a file for each group. Each test checks one property and reports its measurements; [`TESTS`] describes them.

mod bad_input;
mod broker;
mod camera_faults;
mod gpio_input;
mod inputs;
mod main_path;
mod power_cut;
mod relay_at_rest;
mod soak;
mod storage;
mod time;
mod visit;

use crate::board::Board;

/// A test.
pub struct Test {
    /// Name on the command line.
    pub name: &'static str,
    /// The property that it checks.
    pub checks: &'static str,
    /// Whether it runs by default.
    pub group: Group,
    /// The equipment that it needs.
    pub needs: Needs,
    /// Runs the test; returns its measurements, or the check that failed.
    pub run: fn(&Board) -> anyhow::Result<String>,
}

/// When a test runs that is not selected by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// In every run.
    Default,
    /// Only with `--all`.
    All,
}

/// The equipment that a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Any board.
    Board,
    /// A camera to which frames can be played.
    Frames,
    /// The virtual board: injected camera faults, input levels, power control, or a remounted root file system.
    Virtual,
}

const fn test(
    name: &'static str,
    checks: &'static str,
    group: Group,
    needs: Needs,
    run: fn(&Board) -> anyhow::Result<String>,
) -> Test {
    Test { name, checks, group, needs, run }
}

use Group::{All, Default};
use Needs::{Board as Any, Frames, Virtual};

/// All tests, in the order in which they run.
#[rustfmt::skip]
pub const TESTS: &[Test] = &[
    test("input_line", "an input level that the tests set is visible on the board", Default, Virtual, gpio_input::input_line),
    test("ready", "the service becomes READY with the relay at rest", Default, Any, main_path::ready),
    test("enroll_from_camera", "a person is enrolled from the camera", Default, Frames, main_path::enroll_from_camera),
    test("stranger_refused", "the relay stays at rest for a stranger", Default, Frames, main_path::stranger_refused),
    test("person_opens", "the relay's pulse, the MQTT event and the journal's fields", Default, Frames, main_path::person_opens),
    test("reload", "SIGHUP applies a valid configuration and keeps the old one if the new one is invalid", Default, Frames, main_path::reload),
    test("doctor", "doctor reports no fault, and the relay's line as held by the daemon", Default, Any, main_path::doctor),
    test("request_to_exit", "each press of the exit button gives one pulse and one MQTT event", Default, Virtual, inputs::request_to_exit),
    test("kill_9_in_pulse", "the relay is at rest within 5 s after the daemon is killed", Default, Frames, relay_at_rest::kill_9),
    test("power_cut_in_enrollment", "the facebank is intact after a power cut during enrollment", Default, Virtual, power_cut::in_enrollment),
    test("power_cut_in_pulse", "the relay is at rest after a power cut, and the door works after the boot", Default, Virtual, power_cut::in_pulse),
    test("door_forced", "a door that opens without a grant is reported as forced, and one that opens after a grant is not", All, Virtual, inputs::door_forced),
    test("door_held_open", "a door that stays open is reported as held open, once", All, Virtual, inputs::door_held_open),
    test("inputs_chip_lost", "a GPIO chip that disappears opens nothing, and is read again when it returns", All, Virtual, inputs::chip_lost),
    test("pixel_formats", "YUYV, NV12 and GREY frames open the door", All, Frames, main_path::pixel_formats),
    test("stop_in_pulse", "a clean stop puts the relay to rest", All, Frames, relay_at_rest::clean_stop),
    test("sigstop_in_pulse", "a hung daemon cannot hold the relay on", All, Frames, relay_at_rest::sigstop),
    test("memory_limit_in_pulse", "the relay is at rest within 5 s after the daemon runs out of memory", All, Frames, relay_at_rest::memory_limit),
    test("failed_start", "a start that fails leaves the relay at rest", All, Any, relay_at_rest::failed_start),
    test("camera_disconnected", "a camera that is disconnected and reconnected is used again", All, Virtual, camera_faults::disconnected),
    test("camera_bad_frames", "the door works with damaged and lost frames", All, Virtual, camera_faults::bad_frames),
    test("camera_stalled", "a stream that stalls permanently is restarted", All, Virtual, camera_faults::stalled),
    test("camera_one_of_several", "of two cameras the configured one is used, and doctor reports both", All, Virtual, camera_faults::one_of_several),
    test("broker_away", "a broker gets every event once after an outage", All, Frames, broker::outage),
    test("state_full", "the door works with a full state folder", All, Virtual, storage::full),
    test("read_only_root", "the door works with a read-only root and a writable state folder", All, Virtual, storage::read_only_root),
    test("model_altered", "an altered model is refused", All, Any, storage::model_altered),
    test("clock_jumps", "a change of the clock does not change the length of a pulse", All, Frames, time::jumps),
    test("clock_synchronized", "with clock.trust = \"synchronized\" the daemon can ask systemd-timedated from inside the unit", All, Virtual, time::synchronized),
    test("boot_in_1970", "the door works on a board whose clock starts in 1970", All, Virtual, time::boot_in_1970),
    test("bad_input", "each bad input is reported in the journal and by doctor, with the relay at rest", All, Any, bad_input::each_is_reported),
    test("camera_taken", "a camera that another process uses is reported, and used after its release", All, Frames, bad_input::camera_taken),
    test("started_twice", "a second daemon is refused and does not disturb the first", All, Any, bad_input::started_twice),
    test("restarts", "restarts leak no processes, files or descriptors", All, Any, soak::restarts),
    test("soak", "memory and descriptors do not grow, and event ids have no gap", All, Frames, soak::frames),
];
