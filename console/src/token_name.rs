//! The names of tokens at the door.

/// The name of the token of an account, as it is in the record of events.
pub fn token_name(account: &str) -> String {
    format!("console {account}")
}
