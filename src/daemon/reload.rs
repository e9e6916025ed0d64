//! What a running daemon cannot change.

use ostiary_config::Config;

/// The keys and sections that differ and that only a restart can put in force: what is held open, and what
/// others know us by.
pub fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
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
    fn what_is_held_open_is_fixed_and_the_pulse_is_not() {
        let old = Config::default();
        let mut new = old.clone();
        new.relay.pulse_ms = 500;
        new.door.far = 1e-3;
        new.camera.source = "/dev/video7".into();
        assert!(fixed(&old, &new).is_empty());
        new.relay.line = Some(4);
        new.door.name = "back".into();
        new.inputs.held_open_s = 60.0;
        assert_eq!(fixed(&old, &new), ["door.name", "[relay]", "[inputs]"]);
    }
}
