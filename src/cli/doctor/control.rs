//! Checks the control API: whether the running door answers on its socket.

use ostiary_control::CallError;

use super::CheckContext;
use super::door_answer::{ANSWER_TIMEOUT, DoorAnswer};
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let socket = &context.config().control_socket();
    vec![match (&context.door, &context.daemon) {
        (DoorAnswer::State(state), Some(_)) => {
            Finding::ok(format!("the door answers on {}: {}", socket.display(), state.name))
        }
        // The door of another facebank.
        (DoorAnswer::State(state), None) => Finding::warning(
            format!("another door ({}) listens on {}", state.name, socket.display()),
            "give each door on a machine its own control.socket",
        ),
        (DoorAnswer::NoDoor, None) => Finding::ok("no door runs that could answer"),
        (DoorAnswer::NoDoor, Some(_)) => Finding::warning(
            format!("the running door does not listen on {}", socket.display()),
            "see the log of the service for the reason; until then commands change the door's files themselves, as its user",
        ),
        (DoorAnswer::Error(error @ CallError::NotAllowed { .. }), _) => {
            Finding::ok(format!("the door answers: {error}"))
        }
        (DoorAnswer::Error(error), _) => Finding::from_error(Status::Warning, error, "restart the service"),
        (DoorAnswer::None, _) => Finding::warning(
            format!("the door did not answer on {} within {} s", socket.display(), ANSWER_TIMEOUT.as_secs()),
            "restart the service",
        ),
    }]
}
