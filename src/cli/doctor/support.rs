//! The support bundle: the data that is needed to help with a door, without faces, names or secrets.

use std::path::Path;

use ostiary_capture::list_devices;
use ostiary_core::redact_address;
use ostiary_events::{Event, EventKind, EventStore};
use ostiary_facebank::Facebank;
use ostiary_models::{Bundle, Manifest};
use serde_json::{Value, json};

use super::redact::Redactor;
use super::{CheckContext, journal};
use crate::archive_file;
use crate::kernel_path::KernelPath;

/// The folder of the files in the archive.
const ARCHIVE_FOLDER: &str = "ostiary-support";
/// The number of newest events in the bundle.
const MAX_EVENTS: u32 = 1000;

const README: &str = "\
The support bundle of a door, written by `ostiary doctor --bundle`.

findings.jsonl  the findings of `ostiary doctor --json`
machine.json    the program's version and features, the board, the kernel and the system
config.jsonl    all keys in force, and where each was set
cameras.jsonl   the cameras and their formats
events.jsonl    the newest thousand events
journal.jsonl   the service's newest lines in the journal, without events
manifest.toml   the manifest of the models in use

It contains no picture, no face, no embedding, no password and no user name of the camera or the
broker. The names of people and tokens, and the
parts of these names, are replaced by (person 1), (person 2) and so on. Addresses of streams are without user, password
and query. Read it before you send it: it contains the names of the door, of hosts, folders and cameras as you chose
them.
";

/// Collects the data and writes it to a new archive at `path`. `findings` are the results of the checks.
pub fn save(path: &Path, context: &CheckContext, findings: Vec<Value>) -> anyhow::Result<()> {
    let config = context.config();
    let events = newest_events(&config.events.path);
    let people = Facebank::open_read_only(&config.facebank.path).and_then(|facebank| facebank.people());
    let enrolled = people.unwrap_or_default().into_iter().map(|listed| listed.person.name);
    let redactor = Redactor::new(enrolled.chain(events.iter().flat_map(names)));

    let lines = |values: Vec<Value>| {
        let line = |value| format!("{}\n", redactor.redact_value(value));
        values.into_iter().map(line).collect::<String>().into_bytes()
    };
    let journal = journal::read(&context.unit_name)
        .unwrap_or_else(|error| vec![json!({ "missing": format!("{error:#}") })]);
    let cameras = list_devices().iter().filter_map(|device| serde_json::to_value(device).ok()).collect();
    let events = events.iter().filter_map(|event| serde_json::to_value(event).ok()).collect();
    let mut files = vec![
        ("README.txt", README.as_bytes().to_vec()),
        ("findings.jsonl", lines(findings)),
        ("machine.json", lines(vec![host_data(context)])),
        ("config.jsonl", lines(settings(context))),
        ("cameras.jsonl", lines(cameras)),
        ("events.jsonl", lines(events)),
        ("journal.jsonl", lines(journal)),
    ];
    if let Ok(bundle) = Bundle::find(&config.models, config.engine.precision)
        && let Ok(manifest) = std::fs::read(bundle.folder().join(Manifest::FILE))
    {
        files.push((Manifest::FILE, manifest));
    }
    archive_file::save(path, |archive| {
        let mut add = |(name, content): &(&str, Vec<u8>)| {
            archive.add(&format!("{ARCHIVE_FOLDER}/{name}"), content.len() as u64, content.as_slice())
        };
        files.iter().try_for_each(&mut add)
    })
}

/// The names in an event: of the person, of the token of who asked, and of the token that was created or revoked.
fn names(event: &Event) -> impl Iterator<Item = String> + use<> {
    let object = serde_json::to_value(event).unwrap_or_default();
    let bearer = object.get("token").and_then(Value::as_str).map(str::to_owned);
    let token = match &event.kind {
        EventKind::Administered(change) => change.token(),
        _ => None,
    };
    let [person, token] = [event.kind.person(), token].map(|name| name.map(str::to_owned));
    [person, bearer, token].into_iter().flatten()
}

/// The newest events; none if the store cannot be read, which the findings report.
fn newest_events(path: &Path) -> Vec<Event> {
    EventStore::open_read_only(path).and_then(|store| store.latest(MAX_EVENTS)).unwrap_or_default()
}

/// All keys with their values and origins, without secrets.
fn settings(context: &CheckContext) -> Vec<Value> {
    let setting = |setting: &ostiary_config::Setting| {
        let value = match setting.key.as_str() {
            "mqtt.username" | "camera.user" => setting.value.as_ref().map(|_| "(set)".into()),
            "camera.source" | "models.source" => {
                let text = setting.value.as_ref().and_then(toml::Value::as_str);
                text.map(|text| redact_address(text).into())
            }
            _ => setting.value.clone(),
        };
        json!({ "key": setting.key, "value": value, "origin": setting.origin.to_string() })
    };
    context.loaded.settings().iter().map(setting).collect()
}

/// The program, the board and the system.
fn host_data(context: &CheckContext) -> Value {
    let host = &context.host;
    let system = host.read_text("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let memory = host.read_text("/proc/meminfo").unwrap_or_default();
    let features: Vec<&str> = [("rpi", cfg!(feature = "rpi")), ("ort", cfg!(feature = "ort"))]
        .into_iter()
        .filter_map(|(name, is_on)| is_on.then_some(name))
        .collect();
    json!({
        "ostiary": env!("CARGO_PKG_VERSION"),
        "features": features,
        "board": host.board_model(),
        "kernel": host.read_text("/proc/sys/kernel/osrelease"),
        "system": system.map(|name| name.trim_matches('"')),
        "processor": std::env::consts::ARCH,
        "kernels": KernelPath::new(&host.read_text("/proc/cpuinfo").unwrap_or_default()).to_string(),
        "processors": std::thread::available_parallelism().ok(),
        "memory": memory.lines().next().map(str::trim),
        "time": jiff::Timestamp::now().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use ostiary_events::{Action, Administration, User};

    use super::*;

    #[test]
    fn the_names_of_people_and_tokens_are_found_in_events() {
        let user = User::Token { name: "Ada".to_owned(), uid: 997 };
        let event = |action, person: Option<&str>, detail: &str| {
            let (person, detail) = (person.map(str::to_owned), Some(detail.to_owned()));
            let change = Administration { action, person, detail, user: user.clone() };
            Event::new(EventKind::Administered(change), jiff::Timestamp::UNIX_EPOCH, "front")
        };
        let found = |event: &Event| names(event).collect::<Vec<_>>();
        assert_eq!(found(&event(Action::Enrolled, Some("Ben"), "1 photo: x")), ["Ben", "Ada"]);
        let detail = Administration::token_detail("viewer until 2026-11-30T03:00:00Z", "Zo\u{eb}: phone");
        assert_eq!(found(&event(Action::TokenCreated, None, &detail)), ["Ada", "Zo\u{eb}: phone"]);
    }
}
