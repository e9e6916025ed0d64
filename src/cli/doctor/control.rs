//! Checks the control API: whether the running door answers on its socket, and the file of its tokens.

use std::path::Path;

use ostiary_control::{CallError, StoredToken};

use super::CheckContext;
use super::door_answer::{ANSWER_TIMEOUT, DoorAnswer};
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let socket = &context.config().control_socket();
    let answers = match (&context.door, &context.daemon) {
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
    };
    let tokens = check_tokens(&StoredToken::path_beside(&context.config().facebank.path));
    std::iter::once(answers).chain(tokens).collect()
}

/// Checks the tokens of this file; `None` if there are none.
fn check_tokens(path: &Path) -> Option<Finding> {
    match StoredToken::read_all(path) {
        Ok(tokens) if tokens.is_empty() => None,
        Ok(tokens) => Some(Finding::ok(format!("number of tokens: {}", tokens.len()))),
        Err(error) => Some(Finding::fault(error.to_string(), error.fix())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tokens_that_cannot_be_used_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        assert_eq!(check_tokens(&path), None);
        std::fs::write(&path, "{\"format\":1,").unwrap();
        let finding = check_tokens(&path).unwrap();
        assert_eq!(finding.status, Status::Fault);
        let text = finding.to_string();
        assert!(text.contains("no token is valid") && text.contains("move the file away"), "{text}");
    }
}
