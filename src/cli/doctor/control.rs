//! Checks the control API: whether the running door answers on its socket.

use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};

use super::CheckContext;
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let socket = &context.config().control_socket();
    let state = Client::connect(socket).and_then(|client| match client {
        Some(mut client) => Ok(Some(client.door().get_state().call()?.state)),
        None => Ok(None),
    });
    vec![match (state, &context.daemon) {
        (Ok(Some(state)), Some(_)) => {
            Finding::ok(format!("the door answers on {}: {}", socket.display(), state.name))
        }
        // The door of another facebank.
        (Ok(Some(state)), None) => Finding::warning(
            format!("another door ({}) listens on {}", state.name, socket.display()),
            "give each door on a machine its own control.socket",
        ),
        (Ok(None), None) => Finding::ok("no door runs that could answer"),
        (Ok(None), Some(_)) => Finding::warning(
            format!("the running door does not listen on {}", socket.display()),
            "see the log of the service for the reason; until then commands change the door's files themselves, as its user",
        ),
        (Err(error @ CallError::NotAllowed { .. }), _) => Finding::ok(format!("the door answers: {error}")),
        (Err(error), _) => Finding::from_error(Status::Warning, &error, "restart the service"),
    }]
}
