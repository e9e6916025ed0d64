//! The sections ENVIRONMENT and FILES: what the program reads besides its arguments.

use clap_mangen::roff::{Roff, bold, italic, roman};
use ostiary_config::{Config, ConfigError, Layers, SECTIONS, SETTINGS, Section, Setting};

/// The environment variables, except those of the configuration. A test compares them with the sources.
const VARIABLES: [(&str, &str); 5] = [
    (
        "TZ",
        "The local time zone, in which the hours of groups are and times are printed; otherwise that of the system.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "The folder of the service's credentials, from systemd: camera-password and mqtt-password are the passwords of the \
         camera and the broker.",
    ),
    ("RUNTIME_DIRECTORY", "The folder of the service's state until it ends, from systemd."),
    ("SUDO_UID", "The user who ran sudo, for the record of changes."),
    ("DBUS_SYSTEM_BUS_ADDRESS", "The system's message bus, which says whether the clock is synchronized."),
];

/// The section ENVIRONMENT.
pub(crate) fn environment() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    let example = SECTIONS.iter().flat_map(Section::keys).find(|key| key.name() == "door.fpir");
    let example = example.map_or_else(String::new, |key| key.name().replace('.', "__").to_uppercase());
    roff.control("TP", []).text([bold("OSTIARY_SECTION__KEY")]).text([roman(format!(
        "A key of the configuration, for example OSTIARY_{example}=0.003. It comes after the files and before --set."
    ))]);
    for (name, meaning) in VARIABLES {
        roff.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
    roff.to_roff()
}

/// The section FILES: the configuration, and every file that a key names by default.
pub(crate) fn files() -> Result<String, ConfigError> {
    let folder = Layers::default().folder;
    let socket = Config::default().control_socket();
    let mut files = vec![
        (
            folder.join("ostiary.toml").display().to_string(),
            "The configuration, with every key in a comment.".to_owned(),
        ),
        (
            folder.join("conf.d/*.toml").display().to_string(),
            "Further files of the same form, which are read after it.".to_owned(),
        ),
        (
            SETTINGS.to_owned(),
            "The keys that `ostiary config set` changed, which are read after these.".to_owned(),
        ),
    ];
    let defaults = Setting::defaults()?;
    for key in SECTIONS.iter().flat_map(Section::keys) {
        let setting = defaults.iter().find(|setting| setting.key == key.name());
        let path = setting.and_then(|setting| setting.value.as_ref()).and_then(|value| value.as_str());
        if let Some(path) = path.filter(|path| path.starts_with('/')) {
            let doc = key.doc().collect::<Vec<_>>().join(" ");
            files.push((path.to_owned(), format!("{doc} (The default of {}.)", key.name())));
        }
    }
    files.push((
        socket.display().to_string(),
        "The socket of the running door. (The default of control.socket.)".to_owned(),
    ));
    let mut roff = Roff::new();
    roff.control("SH", ["FILES"]);
    for (file, meaning) in files {
        roff.control("TP", []).text([italic(file)]).text([roman(meaning.replace('`', ""))]);
    }
    Ok(roff.to_roff())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn every_variable_that_the_program_reads_is_in_the_section() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut sources = Vec::new();
        rust_files(&root.join("src"), &mut sources);
        for krate in fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path()) {
            if !krate.ends_with("testkit") && !krate.ends_with("manual") {
                rust_files(&krate.join("src"), &mut sources);
            }
        }
        let mut read = BTreeSet::new();
        for source in sources {
            let text = fs::read_to_string(&source).unwrap();
            // A call of std::env::var or var_os with a name.
            for call in ["env::var(\"", "env::var_os(\""] {
                for (at, _) in text.match_indices(call) {
                    let name = text[at + call.len()..].split('"').next().unwrap();
                    read.insert(name.to_owned());
                }
            }
        }
        let listed: BTreeSet<String> = VARIABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(read, listed);
    }

    fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => rust_files(&path, found),
                false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
                false => {}
            }
        }
    }
}
