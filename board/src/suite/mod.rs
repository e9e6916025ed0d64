//! The tests, a file for each group, in the order in which they run. Each shows one thing and says its figures.

mod bad_input;
mod broker;
mod camera_faults;
mod inputs;
mod lines;
mod main_path;
mod power_cut;
mod relay_rests;
mod soak;
mod storage;
mod time;
mod visit;

use crate::board::Board;

/// A test.
pub struct Test {
    pub name: &'static str,
    /// What it shows.
    pub shows: &'static str,
    pub when: When,
    pub needs: Needs,
    /// Its figures, or what was not so.
    pub run: fn(&Board) -> anyhow::Result<String>,
}

/// When a test is run that nobody asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// With `--all`.
    All,
}

/// What a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Any board.
    Board,
    /// Frames played to the camera.
    Frames,
    /// Faults of the camera, levels set from outside, a power switch, or a root that may be remounted.
    Virtual,
}

const fn test(
    name: &'static str,
    shows: &'static str,
    when: When,
    needs: Needs,
    run: fn(&Board) -> anyhow::Result<String>,
) -> Test {
    Test { name, shows, when, needs, run }
}

use Needs::{Board as Any, Frames, Virtual};
use When::{All, Always};

#[rustfmt::skip]
pub const TESTS: &[Test] = &[
    test("input_line", "a level set from outside is seen in the board", Always, Virtual, lines::input_line),
    test("ready", "the service becomes READY with the relay at rest", Always, Any, main_path::ready),
    test("enrol_from_camera", "a person becomes known before the camera", Always, Frames, main_path::enrol_from_camera),
    test("stranger_refused", "the relay never moves for a stranger", Always, Frames, main_path::stranger_refused),
    test("person_opens", "the relay's pulse, the MQTT event and the journal's fields", Always, Frames, main_path::person_opens),
    test("reload", "SIGHUP puts a configuration in force, or keeps the old one", Always, Frames, main_path::reload),
    test("doctor", "doctor finds no fault, and the daemon holding its lines", Always, Any, main_path::doctor),
    test("request_to_exit", "each press of the exit button is one pulse and an MQTT event", Always, Virtual, inputs::request_to_exit),
    test("kill_9_in_pulse", "the relay is at rest within 1 s of a killed daemon's end", Always, Frames, relay_rests::kill_9),
    test("power_cut_in_enrollment", "the facebank is whole after a power cut", Always, Virtual, power_cut::in_enrollment),
    test("power_cut_in_pulse", "the relay is at rest after a power cut, and the door is kept again", Always, Virtual, power_cut::in_pulse),
    test("door_forced", "a door that opens for nobody was forced, and one that opens after a grant was not", All, Virtual, inputs::door_forced),
    test("door_held_open", "a door that stays open is held open, which is said once", All, Virtual, inputs::door_held_open),
    test("inputs_chip_lost", "a chip that goes away opens nothing, and is read again when it is back", All, Virtual, inputs::chip_lost),
    test("pixel_formats", "YUYV, NV12 and GREY frames open the door", All, Frames, main_path::pixel_formats),
    test("stop_in_pulse", "a clean stop puts the relay to rest", All, Frames, relay_rests::clean_stop),
    test("sigstop_in_pulse", "a hung daemon cannot hold the relay on", All, Frames, relay_rests::sigstop),
    test("memory_limit_in_pulse", "the relay is at rest within 1 s of a daemon that ran out of memory", All, Frames, relay_rests::memory_limit),
    test("failed_start", "a start that fails leaves the relay at rest", All, Any, relay_rests::failed_start),
    test("camera_disconnected", "a camera that is unplugged and comes back", All, Virtual, camera_faults::disconnected),
    test("camera_bad_frames", "damaged and lost frames do no harm", All, Virtual, camera_faults::bad_frames),
    test("camera_stalled", "a stream that stalls for good is started again", All, Virtual, camera_faults::stalled),
    test("camera_one_of_several", "of two cameras the one that is named is used, and doctor tells of both", All, Virtual, camera_faults::one_of_several),
    test("broker_away", "a broker that was away gets every event once", All, Frames, broker::away),
    test("state_full", "a full state folder does not keep the door from its work", All, Virtual, storage::full),
    test("read_only_root", "a read-only root with a writable state folder is enough", All, Virtual, storage::read_only_root),
    test("model_altered", "a model that was altered is not used", All, Any, storage::model_altered),
    test("clock_jumps", "a clock that jumps moves no pulse", All, Frames, time::jumps),
    test("clock_synchronized", "with clock.trust = \"synchronized\" the unit lets the door ask systemd-timedated", All, Virtual, time::synchronized),
    test("boot_in_1970", "a board whose clock lost its time keeps the door", All, Virtual, time::boot_in_1970),
    test("bad_input", "each bad input is named in the journal and by doctor, with the relay at rest", All, Any, bad_input::each_is_named),
    test("camera_taken", "a camera that another process has is named, and used when it is free", All, Frames, bad_input::camera_taken),
    test("started_twice", "a second daemon is refused and disturbs nothing", All, Any, bad_input::started_twice),
    test("restarts", "restarts leak nothing", All, Any, soak::restarts),
    test("soak", "memory and descriptors stay flat, and event ids have no gap", All, Frames, soak::frames),
];
