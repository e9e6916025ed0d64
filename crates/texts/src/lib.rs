//! What people at the door read or hear, in their language.
//!
//! What comes in: a [`Message`] and `liveness.language`. What goes out: one or two short sentences. They are in a Fluent file
//! for each language, in `locales/`, which is embedded into the program. A text says what to do next, and never how near
//! somebody came to a match or who else is enrolled.

mod message;
mod refusal;
mod texts;

pub use message::Message;
pub use refusal::Refusal;
pub use texts::Texts;
