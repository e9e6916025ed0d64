//! What the daemon and systemd wrote about the service into the journal, without what happened at the door.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The newest lines that are looked at.
const LINES: &str = "--lines=5000";

/// The lines, oldest first; or why there are none.
pub fn read() -> Result<Vec<Value>, String> {
    let output = Command::new("journalctl")
        .args(["--unit=ostiary.service", "--output=json", "--no-pager", "--quiet", LINES])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("journalctl cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("journalctl: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(line).collect())
}

/// One line of `journalctl --output=json`, as time, priority, process and message. Events are left out: they name
/// people, and the event store has them.
fn line(text: &str) -> Option<Value> {
    let entry: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| entry.get(name).and_then(Value::as_str);
    let message = field("MESSAGE")?;
    // Where the daemon could not reach the journal itself, systemd took what it wrote to standard error.
    let is_event = entry.get("OSTIARY_EVENT").is_some() || message.contains(" event=");
    let microseconds = field("__REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
    let time = microseconds.and_then(|time| jiff::Timestamp::from_microsecond(time).ok());
    (!is_event).then(|| {
        json!({
            "time": time.map(|time| time.to_string()),
            "priority": field("PRIORITY"),
            "pid": field("_PID"),
            "message": message,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_at_the_door_is_left_out() {
        let entry = r#"{"__REALTIME_TIMESTAMP":"1764000000000000","PRIORITY":"4","_PID":"812","_HOSTNAME":"pi",
                        "MESSAGE":"mqtt localhost:1883: not reachable"}"#;
        let told = line(&entry.replace('\n', "")).unwrap();
        let expected = json!({
            "time": "2025-11-24T16:00:00Z", "priority": "4", "pid": "812",
            "message": "mqtt localhost:1883: not reachable",
        });
        assert_eq!(told, expected);
        for event in [
            r#"{"MESSAGE":"Let Ann in.","OSTIARY_EVENT":"granted","OSTIARY_PERSON":"Ann"}"#,
            r#"{"MESSAGE":"INFO  Let Ann in. event=granted id=7 door=door person=Ann"}"#,
            r#"{"MESSAGE":[255,254]}"#,
            "no JSON",
        ] {
            assert_eq!(line(event), None, "{event}");
        }
    }
}
