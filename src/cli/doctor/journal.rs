//! The service's lines in the journal, from the daemon and from systemd, without events.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// The number of newest lines that are read.
const LINE_LIMIT: &str = "--lines=5000";

/// Reads the lines of a unit, given without `.service`, oldest first.
pub fn read(unit: &str) -> anyhow::Result<Vec<Value>> {
    let output = Command::new("journalctl")
        .args([&format!("--unit={unit}.service"), "--output=json", "--no-pager", "--quiet", LINE_LIMIT])
        .stdin(Stdio::null())
        .output()
        .context("journalctl cannot be run")?;
    if !output.status.success() {
        bail!("journalctl: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(parse_line).collect())
}

/// Parses one line of `journalctl --output=json` into time, priority, process id and message. `None` for events: they name
/// people, and the event store has them.
fn parse_line(text: &str) -> Option<Value> {
    let entry: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| entry.get(name).and_then(Value::as_str);
    let message = field("MESSAGE")?;
    // If the daemon cannot reach the journal, it writes to standard error, which systemd logs as plain text.
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
    fn events_are_left_out() {
        let entry = r#"{"__REALTIME_TIMESTAMP":"1764000000000000","PRIORITY":"4","_PID":"812","_HOSTNAME":"pi",
                        "MESSAGE":"mqtt localhost:1883: not reachable"}"#;
        let parsed = parse_line(&entry.replace('\n', "")).unwrap();
        let expected = json!({
            "time": "2025-11-24T16:00:00Z", "priority": "4", "pid": "812",
            "message": "mqtt localhost:1883: not reachable",
        });
        assert_eq!(parsed, expected);
        for event in [
            r#"{"MESSAGE":"Let Ann in.","OSTIARY_EVENT":"granted","OSTIARY_PERSON":"Ann"}"#,
            r#"{"MESSAGE":"INFO  Let Ann in. event=granted id=7 door=door person=Ann"}"#,
            r#"{"MESSAGE":[255,254]}"#,
            "no JSON",
        ] {
            assert_eq!(parse_line(event), None, "{event}");
        }
    }
}
