//! The result of a check: what was found, and how to fix it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The severity of a finding. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// The door works, but not as well as it could.
    Warning,
    /// The door does not work, or will not work after the next start.
    Fault,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// One finding, printed as `what was found; how to fix it`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub status: Status,
    pub found: String,
    /// How to fix it. The name in JSON is that of 0.1.0.
    #[serde(rename = "mend", default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn ok(found: impl Into<String>) -> Self {
        Self { status: Status::Ok, found: found.into(), fix: None }
    }

    pub fn warning(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    pub fn fault(found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Fault, found: found.into(), fix: Some(fix.into()) }
    }

    /// A finding from an error's message, on one line. The text after the last semicolon of the message is the fix; without
    /// a semicolon it is `default_fix`.
    pub fn from_error(status: Status, error: &impl fmt::Display, default_fix: &str) -> Self {
        let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let (found, fix) = match message.rsplit_once("; ") {
            Some((found, fix)) => (found.to_owned(), fix.to_owned()),
            None => (message, default_fix.to_owned()),
        };
        Self { status, found, fix: Some(fix) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fix {
            Some(fix) => write!(f, "{}; {fix}", self.found),
            None => f.write_str(&self.found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_is_the_last_part_of_an_error_message() {
        let of = |message: &str| Finding::from_error(Status::Fault, &message, "look closer");
        assert_eq!(of("cam: busy (a; b); end it"), Finding::fault("cam: busy (a; b)", "end it"));
        assert_eq!(of("torn\n  in line 3"), Finding::fault("torn in line 3", "look closer"));
    }
}
