//! `[console]`

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::Config;
use crate::rule::{addresses, socket_address, text, web_address};

section! {
    /// The web console, which is a service of its own, `ostiary-console`. A change takes a restart of that service.
    [console] Console {
        /// The address and the port on which the console listens. Not set: all addresses, port 8443.
        listen: Option<SocketAddr> = None => socket_address().example("192.168.1.20:8443");
        /// The certificate of the console, PEM, with those of its authorities after it. Not set: the console makes its own.
        certificate: Option<PathBuf> = None => text().example("/etc/ostiary/console.pem");
        /// The key of this certificate, PEM; the user ostiary-console must be able to read it.
        key: Option<PathBuf> = None => text().example("/etc/ostiary/console.key");
        /// The address by which people reach the console, for links and QR codes. Not set: `https://`, `door.name`, `.local`
        /// and the port.
        address: Option<String> = None => web_address().example("https://door.example.org");
        /// The addresses of reverse proxies, whose header X-Forwarded-For is believed. They connect by HTTPS too.
        trusted_proxies: Vec<IpAddr> = Vec::new() => addresses();
    }
}

impl Console {
    /// The port on which the console listens if `console.listen` is not set.
    pub const PORT: u16 = 8443;
}

impl Config {
    /// The address by which people reach the console, without a slash at the end.
    pub fn console_address(&self) -> String {
        match &self.console.address {
            Some(address) => address.trim_end_matches('/').to_owned(),
            None => {
                let port = self.console.listen.map_or(Console::PORT, |listen| listen.port());
                let port = if port == 443 { String::new() } else { format!(":{port}") };
                format!("https://{}{port}", self.local_name())
            }
        }
    }

    /// The name of the board in the local network.
    pub fn local_name(&self) -> String {
        format!("{}.local", self.door.name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_reach_the_console_by_the_name_of_the_door() {
        let mut config = Config::default();
        assert_eq!(config.console_address(), "https://door.local:8443");
        config.door.name = "Back".into();
        config.console.listen = Some("0.0.0.0:443".parse().unwrap());
        assert_eq!(config.console_address(), "https://back.local");
        config.console.address = Some("https://door.example.org/".into());
        assert_eq!(config.console_address(), "https://door.example.org");
    }
}
