//! Checks the connection to the MQTT broker, if MQTT is enabled.

use std::fs::File;
use std::path::Path;

use ostiary_config::Mqtt;
use ostiary_mqtt as mqtt;

use super::CheckContext;
use super::finding::{Finding, Status};
use super::host::Host;

/// The source of the service's credential `mqtt-password`.
const CREDENTIAL: &str = "/etc/ostiary/mqtt-password";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    if !config.mqtt.enabled {
        return vec![Finding::ok("off (mqtt.enabled = false)")];
    }
    let mqtt = with_password(&context.host, &config.mqtt);
    if let Some(path) = mqtt.password_file.as_deref().filter(|path| path.exists())
        && File::open(path).is_err()
    {
        return vec![Finding::warning(
            format!("{}: this user may not read the password, so the broker was not checked", path.display()),
            "run `sudo ostiary doctor`",
        )];
    }
    vec![match mqtt::check(&mqtt, &config.door.name) {
        Ok(()) => Finding::ok(format!("mqtt {}:{} accepts the connection", mqtt.host, mqtt.port)),
        Err(error) => Finding::from_error(Status::Fault, &error, "read the broker's log"),
    }]
}

/// The MQTT settings with the password of the service, if the configuration names no password file.
fn with_password(host: &Host, mqtt: &Mqtt) -> Mqtt {
    let credential = host.path(Path::new(CREDENTIAL));
    let uses_credential = mqtt.username.is_some() && mqtt.password_file.is_none() && credential.exists();
    Mqtt {
        password_file: if uses_credential { Some(credential) } else { mqtt.password_file.clone() },
        ..mqtt.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::host_with_files;
    use super::*;

    #[test]
    fn the_password_of_the_service_is_the_default() {
        let (_folder, host) = host_with_files(&[(CREDENTIAL, "secret\n")]);
        let user = Mqtt { username: Some("door".into()), ..Mqtt::default() };
        assert_eq!(with_password(&host, &user).password_file, Some(host.path(CREDENTIAL)));
        assert_eq!(with_password(&host, &Mqtt::default()).password_file, None);
        let own = Mqtt { password_file: Some("/own".into()), ..user.clone() };
        assert_eq!(with_password(&host, &own).password_file, Some("/own".into()));
        assert_eq!(with_password(&host_with_files(&[]).1, &user).password_file, None);
    }
}
