//! The MQTT broker, where events are reported by MQTT.

use std::fs::File;
use std::path::Path;

use ostiary_config::Mqtt;
use ostiary_mqtt as mqtt;

use super::Door;
use super::finding::{Finding, Status};
use super::host::Host;

/// Where the service takes the credential `mqtt-password` from.
const CREDENTIAL: &str = "/etc/ostiary/mqtt-password";

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    if !config.mqtt.enabled {
        return vec![Finding::ok("off (mqtt.enabled = false)")];
    }
    let mqtt = with_password(&door.host, &config.mqtt);
    if let Some(path) = mqtt.password_file.as_deref().filter(|path| path.exists())
        && File::open(path).is_err()
    {
        return vec![Finding::warning(
            format!("{}: this user may not read the password, so the broker was not asked", path.display()),
            "run `sudo ostiary doctor`",
        )];
    }
    vec![match mqtt::check(&mqtt, &config.door.name) {
        Ok(()) => Finding::ok(format!("mqtt {}:{} lets the door in", mqtt.host, mqtt.port)),
        Err(error) => Finding::of_error(Status::Fault, &error, "look into the broker's log"),
    }]
}

/// With the password that the service is given, where the configuration names none.
fn with_password(host: &Host, mqtt: &Mqtt) -> Mqtt {
    let credential = host.path(Path::new(CREDENTIAL));
    let is_it = mqtt.username.is_some() && mqtt.password_file.is_none() && credential.exists();
    Mqtt { password_file: if is_it { Some(credential) } else { mqtt.password_file.clone() }, ..mqtt.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::host::tree;
    use super::*;

    #[test]
    fn the_services_password_is_used_where_the_configuration_names_none() {
        let (_folder, host) = tree(&[(CREDENTIAL, "secret\n")]);
        let user = Mqtt { username: Some("door".into()), ..Mqtt::default() };
        assert_eq!(with_password(&host, &user).password_file, Some(host.path(CREDENTIAL)));
        assert_eq!(with_password(&host, &Mqtt::default()).password_file, None);
        let own = Mqtt { password_file: Some("/own".into()), ..user.clone() };
        assert_eq!(with_password(&host, &own).password_file, Some("/own".into()));
        assert_eq!(with_password(&tree(&[]).1, &user).password_file, None);
    }
}
