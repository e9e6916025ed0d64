//! Checks the connection to the MQTT broker, if MQTT is enabled.

use std::fs::File;
use std::path::Path;

use ostiary_mqtt as mqtt;

use super::CheckContext;
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    if !config.mqtt.enabled {
        return vec![Finding::ok("off (mqtt.enabled = false)")];
    }
    let mqtt = &config.mqtt;
    let password = mqtt.password_file.as_deref().unwrap_or(Path::new(mqtt::DEFAULT_PASSWORD_FILE));
    if mqtt.username.is_some() && password.exists() && File::open(password).is_err() {
        return vec![Finding::warning(
            format!(
                "{}: this user may not read the password, so the broker was not checked",
                password.display()
            ),
            "run `sudo ostiary doctor`",
        )];
    }
    let has_other_door = match mqtt::check(mqtt, &config.door.name, &config.events.path) {
        Ok(has_other_door) => has_other_door,
        Err(error) => return vec![Finding::from_error(Status::Fault, &error, "read the broker's log")],
    };
    let mut findings = vec![Finding::ok(format!("mqtt {}:{} accepts the connection", mqtt.host, mqtt.port))];
    if has_other_door {
        findings.push(Finding::fault(
            format!(
                "another door publishes as {}/{}: nobody can tell the two apart, and both carry out each command",
                mqtt.prefix, config.door.name
            ),
            "set door.name to a name of its own for each door",
        ));
    }
    findings
}
