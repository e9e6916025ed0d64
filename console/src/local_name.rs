//! Announces the name of the door in the local network, by multicast DNS (RFC 6762): `door.local`.

use anyhow::Context;
use mdns_sd::{DaemonEvent, ServiceDaemon, ServiceInfo};
use ostiary_config::Config;

/// The kind of service that is announced beside the name (RFC 6763).
const SERVICE: &str = "_https._tcp.local.";

/// The name in the local network, until it is dropped.
pub struct LocalName(ServiceDaemon);

impl LocalName {
    /// Announces the name of the door for the console at this port; `None` if people reach the console by another name, or only
    /// from the board itself.
    ///
    /// # Errors
    /// The port of multicast DNS cannot be used.
    pub fn announce(config: &Config, port: u16) -> anyhow::Result<Option<Self>> {
        let is_local = config.console.listen.is_some_and(|listen| listen.ip().is_loopback());
        if is_local || config.console.address.is_some() {
            return Ok(None);
        }
        let daemon = ServiceDaemon::new().context("the port of multicast DNS cannot be used")?;
        let name = LocalName(daemon);
        let host = format!("{}.", config.local_name());
        let service = ServiceInfo::new(SERVICE, &config.door.name, &host, "", port, None)
            .context("the name of the door cannot be announced")?
            .enable_addr_auto();
        let events = name.0.monitor()?;
        name.0.register(service)?;
        std::thread::Builder::new().name("local name".to_owned()).spawn(move || {
            // Ends with the daemon.
            for event in events {
                if let DaemonEvent::NameChange(change) = event {
                    log::warn!(
                        target: "ostiary::console",
                        "the name {} is taken in this network, and the console is announced as {}: give the door another \
                         door.name, or set console.address",
                        change.original, change.new_name
                    );
                }
            }
        })?;
        Ok(Some(name))
    }
}

impl Drop for LocalName {
    fn drop(&mut self) {
        // The name is not valid for longer than its time in any case.
        let _ = self.0.shutdown();
    }
}
