//! The MQTT topics of the door.

use ostiary_config as config;

use super::MqttError;
use super::subject::Subject;

/// The door's topics, and the names made from them.
pub(super) struct Topics {
    /// Retained `online` or `offline`; the last will.
    pub availability: String,
    /// Each event as JSON, not retained.
    pub event: String,
    /// The topics of subjects; see [`Self::live`].
    live: [String; Subject::ALL.len()],
    /// Retained JSON of the door's state.
    pub state: String,
    /// Retained: the last signed head of the event trail.
    pub head: String,
    /// Commands for the door; see [`super::command`].
    pub command: String,
    /// Which doors publish here; see [`super::instance`].
    pub instance: String,
    /// What the person before the door is asked to do; see [`super::prompt_topic`].
    pub prompt: String,
    /// The door's name at the broker and in Home Assistant.
    pub object_id: String,
    /// Home Assistant's topics; `None` without discovery.
    pub home_assistant: Option<HomeAssistant>,
}

/// The topics that Home Assistant defines.
pub(super) struct HomeAssistant {
    /// Home Assistant publishes `online` here when it has started.
    pub status: String,
    /// Retained description of the door.
    pub config: String,
}

impl Topics {
    pub fn new(config: &config::Mqtt, door: &str) -> Result<Self, MqttError> {
        if !is_topic(&config.prefix) {
            return Err(MqttError::Config("mqtt.prefix must not be empty or hold + or #; `ostiary` will do"));
        }
        if !is_topic(door) || door.contains('/') {
            return Err(MqttError::Config("door.name must be letters, digits, - and _"));
        }
        let base = format!("{}/{door}", config.prefix);
        let object_id: String = format!("{}_{door}", config.prefix)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        let home_assistant = match config.discovery_prefix.as_str() {
            "" => None,
            prefix if is_topic(prefix) => Some(HomeAssistant {
                status: format!("{prefix}/status"),
                config: format!("{prefix}/device/{object_id}/config"),
            }),
            _ => {
                return Err(MqttError::Config(
                    "mqtt.discovery_prefix must not hold + or #; `homeassistant` will do",
                ));
            }
        };
        Ok(Self {
            availability: format!("{base}/availability"),
            event: format!("{base}/event"),
            live: Subject::ALL.map(|subject| format!("{base}/live/{}", subject.name())),
            state: format!("{base}/state"),
            head: format!("{base}/head"),
            command: format!("{base}/command"),
            instance: format!("{base}/instance"),
            prompt: format!("{base}/prompt"),
            object_id,
            home_assistant,
        })
    }

    /// The topics whose messages the broker keeps. Another door of the name hears that the last is cleared.
    pub fn retained(&self) -> Vec<String> {
        let discovery = self.home_assistant.as_ref().map(|topics| topics.config.clone());
        let own = [&self.availability, &self.state, &self.head, &self.prompt, &self.instance];
        discovery.into_iter().chain(own.into_iter().cloned()).collect()
    }

    /// The topic of new events about this subject, not retained. Late events are not published there.
    pub fn live(&self, subject: Subject) -> &str {
        let [visitor, door, system] = &self.live;
        match subject {
            Subject::Visitor => visitor,
            Subject::Door => door,
            Subject::System => system,
        }
    }
}

/// Whether a message can be published on a topic with this name, or with this as a part of it.
pub(super) fn is_topic(name: &str) -> bool {
    !name.is_empty() && !name.contains(['+', '#', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_follow_prefix_and_door() {
        let config = config::Mqtt { prefix: "house/doors".into(), ..config::Mqtt::default() };
        let topics = Topics::new(&config, "front").unwrap();
        assert_eq!(topics.event, "house/doors/front/event");
        assert_eq!(topics.live(Subject::Door), "house/doors/front/live/door");
        assert_eq!(topics.object_id, "house_doors_front");
        let home_assistant = topics.home_assistant.unwrap();
        assert_eq!(home_assistant.config, "homeassistant/device/house_doors_front/config");
        let silent = config::Mqtt { discovery_prefix: String::new(), ..config::Mqtt::default() };
        assert!(Topics::new(&silent, "front").unwrap().home_assistant.is_none());
    }

    #[test]
    fn wildcards_are_refused() {
        let config = config::Mqtt { prefix: "a/#".into(), ..config::Mqtt::default() };
        assert!(Topics::new(&config, "front").is_err());
        assert!(Topics::new(&config::Mqtt::default(), "front/+").is_err());
    }
}
