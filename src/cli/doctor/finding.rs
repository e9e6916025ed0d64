//! What a check found, and how it is mended.

use std::fmt;

use serde::Serialize;

/// How bad it is. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// The door works, but not as it might be wished to.
    Warning,
    /// The door does not work, or will not after the next start.
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

/// One finding, shown as `what was found; the mend`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub status: Status,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    pub fn ok(found: impl Into<String>) -> Self {
        Self { status: Status::Ok, found: found.into(), mend: None }
    }

    pub fn warning(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { status: Status::Warning, found: found.into(), mend: Some(mend.into()) }
    }

    pub fn fault(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { status: Status::Fault, found: found.into(), mend: Some(mend.into()) }
    }

    /// An error's message, on one line. Errors end with their mend after a semicolon; those that have none get
    /// `otherwise`.
    pub fn of_error(status: Status, error: &impl fmt::Display, otherwise: &str) -> Self {
        let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let (found, mend) = match message.rsplit_once("; ") {
            Some((found, mend)) => (found.to_owned(), mend.to_owned()),
            None => (message, otherwise.to_owned()),
        };
        Self { status, found, mend: Some(mend) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mend {
            Some(mend) => write!(f, "{}; {mend}", self.found),
            None => f.write_str(&self.found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_message_is_parted_from_its_mend() {
        let of = |message: &str| Finding::of_error(Status::Fault, &message, "look closer");
        assert_eq!(of("cam: busy (a; b); end it"), Finding::fault("cam: busy (a; b)", "end it"));
        assert_eq!(of("torn\n  in line 3"), Finding::fault("torn in line 3", "look closer"));
    }
}
