//! The part of the configuration that a running daemon cannot change.

use ostiary_config::Config;

/// The keys and sections that differ and that need a restart: requested lines, open files and connections, and the name by
/// which other programs know the door.
pub fn restart_only_changes(old: &Config, new: &Config) -> Vec<&'static str> {
    let pulse_ms = old.relay.pulse_ms;
    let relay = ostiary_config::Relay { pulse_ms, ..new.relay.clone() };
    [
        ("door.name", old.door.name != new.door.name),
        ("[relay]", old.relay != relay),
        ("[signals]", old.signals != new.signals),
        ("[inputs]", old.inputs != new.inputs),
        ("[mqtt]", old.mqtt != new.mqtt),
        ("[events]", old.events != new.events),
        // A process can load one onnxruntime only.
        ("ort.library", old.ort.library != new.ort.library),
        ("facebank.path", old.facebank.path != new.facebank.path),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_resources_need_a_restart_and_the_pulse_does_not() {
        let old = Config::default();
        let mut new = old.clone();
        new.relay.pulse_ms = 500;
        new.door.far = 1e-3;
        new.camera.source = "/dev/video7".into();
        assert!(restart_only_changes(&old, &new).is_empty());
        new.relay.line = Some(4);
        new.door.name = "back".into();
        new.inputs.held_open_s = 60.0;
        assert_eq!(restart_only_changes(&old, &new), ["door.name", "[relay]", "[inputs]"]);
    }
}
