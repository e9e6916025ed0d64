//! What the person before the door is asked to do, for the outputs.

use jiff::Timestamp;
use ostiary_core::Prompt;
use serde::{Serialize, Serializer};

/// What the person before the door is asked to do from now on. It is not an event: it is shown and forgotten, and never stored.
///
/// Its JSON is one flat object, `{"prompt":"turn_left","text":"...","door":"front","time":"..."}`. `prompt` and `text` are `null`
/// if nothing is asked any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptMessage {
    /// Wall clock; in JSON RFC 3339 in UTC.
    pub time: Timestamp,
    /// The door's name.
    pub door: String,
    /// What is asked; `None` if nothing is asked any more.
    pub prompt: Option<PromptText>,
}

/// A prompt with its text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptText {
    /// What the person should do.
    pub prompt: Prompt,
    /// The same in the language of `liveness.language`.
    pub text: String,
}

impl Serialize for PromptMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            prompt: Option<&'static str>,
            text: Option<&'a str>,
            door: &'a str,
            time: Timestamp,
        }
        let Self { time, door, prompt } = self;
        Fields {
            prompt: prompt.as_ref().map(|asked| asked.prompt.name()),
            text: prompt.as_ref().map(|asked| asked.text.as_str()),
            door,
            time: *time,
        }
        .serialize(serializer)
    }
}
