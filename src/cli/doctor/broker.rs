//! The MQTT broker, where the house is to be told.

use super::Door;
use super::finding::{Finding, Status};
use crate::act::mqtt;

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    if !config.mqtt.enabled {
        return vec![Finding::ok("off (mqtt.enabled = false)")];
    }
    vec![match mqtt::check(&config.mqtt, &config.door.name) {
        Ok(()) => Finding::ok(format!("mqtt {}:{} lets the door in", config.mqtt.host, config.mqtt.port)),
        Err(error) => Finding::of_error(Status::Fault, &error, "look into the broker's log"),
    }]
}
