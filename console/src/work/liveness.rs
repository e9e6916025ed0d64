//! A part of a test of liveness.

use ostiary_control::interface::TestLiveness_Reply;
use serde_json::Value;

/// The most steps that are shown.
const MAX_STEPS: usize = 200;

/// What the page shows of a part that runs.
#[derive(Debug, Clone, Default)]
pub struct LivenessWork {
    /// The part.
    pub words: String,
    /// What the owner does in it.
    pub instructions: String,
    /// How many presentations are counted.
    pub counted: u64,
    /// How many are planned.
    pub planned: u32,
    /// The newest steps, the last one first.
    pub steps: Vec<String>,
    /// Whether the person has ended it, and the door decides about what is in view.
    pub is_ending: bool,
}

impl LivenessWork {
    /// The presentations that are counted, of those that are planned.
    pub fn count(&self) -> String {
        format!("{} / {}", self.counted, self.planned)
    }

    /// Takes a step of the door.
    pub fn follow(&mut self, step: TestLiveness_Reply) {
        let field = |name: &str| step.step.get(name);
        if field("event").is_some_and(|event| event == "visit") {
            self.counted = field("presentations").and_then(Value::as_u64).unwrap_or(self.counted);
        }
        self.steps.insert(0, step.text);
        self.steps.truncate(MAX_STEPS);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_counted_and_the_newest_one_comes_first() {
        let mut work = LivenessWork::default();
        let step = |text: &str, step: Value| TestLiveness_Reply { text: text.to_owned(), step };
        work.follow(step("Counting begins.", json!({ "event": "begin", "presentations": 20 })));
        assert_eq!(work.counted, 0);
        work.follow(step("   1  refused", json!({ "event": "visit", "presentations": 1, "errors": 0 })));
        work.follow(step("wait", json!({ "event": "notice", "text": "wait" })));
        assert_eq!((work.counted, work.steps.first().map(String::as_str)), (1, Some("wait")));
        for _ in 0..MAX_STEPS {
            work.follow(step("again", json!({ "event": "notice" })));
        }
        assert_eq!(work.steps.len(), MAX_STEPS);
    }
}
