//! Whether the door can tell a person what to do.

use super::Config;

impl Config {
    /// Whether a lamp, the buzzer or MQTT can tell a person before the door what to do. JSON lines (`ostiary run --json`) can
    /// too; they are not part of the configuration.
    pub fn has_prompt_output(&self) -> bool {
        let signals = &self.signals;
        let lines = [signals.yes_line, signals.no_line, signals.buzzer_line];
        self.mqtt.enabled || lines.iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_and_mqtt_are_outputs_and_a_new_door_has_none() {
        let has_output = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.has_prompt_output()
        };
        assert!(!has_output(|_| ()));
        assert!(has_output(|config| config.signals.yes_line = Some(22)));
        assert!(has_output(|config| config.signals.no_line = Some(22)));
        assert!(has_output(|config| config.signals.buzzer_line = Some(22)));
        assert!(has_output(|config| config.mqtt.enabled = true));
    }
}
