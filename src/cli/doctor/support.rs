//! The support bundle: what those who help need to know of a door, without faces, names or secrets.

use std::path::Path;

use ostiary_capture::list_devices;
use ostiary_events::{Event, EventStore};
use ostiary_facebank::Facebank;
use ostiary_kernels::Isa;
use ostiary_models::{Bundle, Manifest};
use serde_json::{Value, json};

use super::redact::Redactor;
use super::{Door, archive, journal};

/// The newest events that go in.
const EVENTS: u32 = 1000;

const README: &str = "\
What `ostiary doctor --bundle` found out about a door, for those who are asked for help.

findings.jsonl  what doctor found, as `ostiary doctor --json` prints it
machine.json    the program's version and features, the board, the kernel and the system
config.jsonl    every key in force and where it was set
cameras.jsonl   the cameras and what they offer
events.jsonl    the newest thousand events
journal.jsonl   the service's newest lines in the journal, without those about events
manifest.toml   the manifest of the models in use

There is no picture, no face, no embedding, no password and no user's name of the broker in it. People's names, whole
and by their words, are replaced by (person 1), (person 2) and so on, wherever they stand. Addresses of streams are
without user, password and query. Read it before you send it: the names of the door, of hosts, folders and cameras
are as you chose them.
";

/// Gathers it, and writes it to a new file. `findings` is what the checks found.
pub fn save(path: &Path, door: &Door, findings: Vec<Value>) -> anyhow::Result<()> {
    let config = door.config();
    let events = newest_events(&config.events.path);
    let people = Facebank::open_read_only(&config.facebank.path).and_then(|facebank| facebank.people());
    let enrolled = people.unwrap_or_default().into_iter().map(|listed| listed.person.name);
    let redactor = Redactor::new(enrolled.chain(events.iter().filter_map(|event| event.person.clone())));

    let lines = |values: Vec<Value>| {
        let line = |value| format!("{}\n", redactor.value(value));
        values.into_iter().map(line).collect::<String>().into_bytes()
    };
    let journal = journal::read().unwrap_or_else(|why| vec![json!({ "missing": why })]);
    let cameras = list_devices().iter().filter_map(|device| serde_json::to_value(device).ok()).collect();
    let events = events.iter().filter_map(|event| serde_json::to_value(event).ok()).collect();
    let mut files = vec![
        ("README.txt", README.as_bytes().to_vec()),
        ("findings.jsonl", lines(findings)),
        ("machine.json", lines(vec![machine(door)])),
        ("config.jsonl", lines(settings(door))),
        ("cameras.jsonl", lines(cameras)),
        ("events.jsonl", lines(events)),
        ("journal.jsonl", lines(journal)),
    ];
    if let Ok(bundle) = Bundle::find(&config.models, config.engine.precision)
        && let Ok(manifest) = std::fs::read(bundle.folder().join(Manifest::FILE))
    {
        files.push((Manifest::FILE, manifest));
    }
    archive::save(path, &files)
}

/// None where the store cannot be read, which the findings tell.
fn newest_events(path: &Path) -> Vec<Event> {
    EventStore::open_read_only(path).and_then(|store| store.latest(EVENTS)).unwrap_or_default()
}

/// Every key with its value and its origin, without what nobody else should know.
fn settings(door: &Door) -> Vec<Value> {
    let setting = |setting: &ostiary_config::Setting| {
        let value = match setting.key.as_str() {
            "mqtt.username" => setting.value.as_ref().map(|_| "(set)".into()),
            _ => setting.value.clone(),
        };
        json!({ "key": setting.key, "value": value, "origin": setting.origin.to_string() })
    };
    door.loaded.settings().iter().map(setting).collect()
}

fn machine(door: &Door) -> Value {
    let host = &door.host;
    let system = host.text("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let memory = host.text("/proc/meminfo").unwrap_or_default();
    let features: Vec<&str> = [("rpi", cfg!(feature = "rpi")), ("ort", cfg!(feature = "ort"))]
        .into_iter()
        .filter_map(|(name, is_on)| is_on.then_some(name))
        .collect();
    json!({
        "ostiary": env!("CARGO_PKG_VERSION"),
        "features": features,
        "board": host.model(),
        "kernel": host.text("/proc/sys/kernel/osrelease"),
        "system": system.map(|name| name.trim_matches('"')),
        "processor": std::env::consts::ARCH,
        "kernels": Isa::best().to_string(),
        "processors": std::thread::available_parallelism().ok(),
        "memory": memory.lines().next().map(str::trim),
        "time": jiff::Timestamp::now().to_string(),
    })
}
