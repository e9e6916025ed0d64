//! Which devices systemd lets the service use.

use std::collections::BTreeMap;

use super::host::Host;

/// The folders of units, that of the highest priority first.
const FOLDERS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The settings of the service about devices, from its unit and all drop-ins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeviceRules {
    /// The paths and the names of drivers that are allowed.
    allowed: Vec<String>,
    /// `DevicePolicy=`.
    policy: String,
}

impl DeviceRules {
    /// The rules of the installed service with this name, given without `.service`; `None` if there is none.
    pub fn of_service(host: &Host, name: &str) -> Option<Self> {
        // One of several doors has a template.
        let template = name.split_once('@').map(|(base, _)| format!("{base}@.service"));
        let own = format!("{name}.service");
        let units: Vec<&String> = template.iter().chain([&own]).collect();
        let read =
            |unit: &&String| FOLDERS.iter().find_map(|folder| host.read_text(format!("{folder}/{unit}")));
        let unit = units.iter().rev().find_map(read)?;
        // Of drop-ins with the same name, the one in the folder of the highest priority counts.
        let mut drop_ins = BTreeMap::new();
        let folders = units
            .iter()
            .flat_map(|unit| FOLDERS.iter().rev().map(move |folder| format!("{folder}/{unit}.d")));
        for folder in folders {
            for name in host.list_names(&folder, "").into_iter().filter(|name| name.ends_with(".conf")) {
                let text = host.read_text(format!("{folder}/{name}")).unwrap_or_default();
                drop_ins.insert(name, text);
            }
        }
        let mut rules = Self::default();
        for text in std::iter::once(&unit).chain(drop_ins.values()) {
            rules.read(text);
        }
        Some(rules)
    }

    /// Applies the settings of a file. An empty `DeviceAllow=` removes what was allowed before.
    fn read(&mut self, text: &str) {
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim();
            match key.trim() {
                "DeviceAllow" if value.is_empty() => self.allowed.clear(),
                "DeviceAllow" => {
                    self.allowed.push(value.split_whitespace().next().unwrap_or_default().to_owned());
                }
                "DevicePolicy" => value.clone_into(&mut self.policy),
                _ => {}
            }
        }
    }

    /// Whether a device is allowed whose path or driver begins with one of these names. `char-*` allows all, and so does the
    /// policy `auto` without any rule.
    pub fn allow_one_of(&self, names: &[&str]) -> bool {
        let is_open = self.allowed.is_empty() && ["", "auto"].contains(&self.policy.as_str());
        let is_named = |allowed: &String| names.iter().any(|name| allowed.starts_with(name));
        is_open || self.allowed.iter().any(|allowed| allowed == "char-*" || is_named(allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::host_with_files;
    use super::*;

    #[test]
    fn unit_and_drop_ins_are_read_in_the_order_of_systemd() {
        let allows = |files: &[(&str, &str)]| {
            let (_folder, host) = host_with_files(files);
            DeviceRules::of_service(&host, "ostiary").map(|rules| rules.allow_one_of(&["char-media"]))
        };
        let unit = ("/usr/lib/systemd/system/ostiary.service", "[Service]\nDevicePolicy=closed\n");
        let drop_in = "/etc/systemd/system/ostiary.service.d/b.conf";
        assert_eq!(allows(&[]), None);
        assert_eq!(allows(&[unit]), Some(false));
        assert_eq!(allows(&[unit, (drop_in, "#DeviceAllow=char-media rw")]), Some(false));
        let media = "[Service]\nDeviceAllow=char-media rw\n";
        assert_eq!(allows(&[unit, (drop_in, media)]), Some(true));
        assert_eq!(allows(&[unit, (drop_in, "DeviceAllow=char-* r")]), Some(true));
        assert_eq!(allows(&[unit, (drop_in, "DevicePolicy=auto")]), Some(true));
        let own = ("/etc/systemd/system/ostiary.service", media);
        assert_eq!(allows(&[unit, own]), Some(true), "the owner's unit replaces that of the package");
        let packaged = "/usr/lib/systemd/system/ostiary.service.d";
        let (first, same) = (format!("{packaged}/a.conf"), format!("{packaged}/b.conf"));
        assert_eq!(allows(&[unit, (&first, media)]), Some(true));
        assert_eq!(allows(&[unit, (&first, media), (drop_in, "DeviceAllow=\n")]), Some(false), "a reset");
        assert_eq!(allows(&[unit, (&same, media), (drop_in, "")]), Some(false), "it is masked");
    }

    #[test]
    fn one_of_several_doors_has_a_template_and_drop_ins_of_its_own() {
        let allows = |files: &[(&str, &str)]| {
            let (_folder, host) = host_with_files(files);
            DeviceRules::of_service(&host, "ostiary@back").map(|rules| rules.allow_one_of(&["char-media"]))
        };
        let media = "DeviceAllow=char-media rw\n";
        let template = ("/usr/lib/systemd/system/ostiary@.service", "DevicePolicy=closed\n");
        assert_eq!(allows(&[("/usr/lib/systemd/system/ostiary.service", media)]), None);
        assert_eq!(allows(&[template]), Some(false));
        for folder in ["ostiary@.service.d", "ostiary@back.service.d"] {
            let drop_in = format!("/etc/systemd/system/{folder}/a.conf");
            assert_eq!(allows(&[template, (&drop_in, media)]), Some(true));
        }
        let other = "/etc/systemd/system/ostiary@garden.service.d/a.conf";
        assert_eq!(allows(&[template, (other, media)]), Some(false));
    }
}
