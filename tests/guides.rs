//! The guides are consistent with the program: the commands, flags, keys, checks, reasons and events that they name exist.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_access::{DenialReason, Reason};
use ostiary_config::Setting;
use ostiary_events::EventName;
use serde_json::Value;

/// The pages of the guides and the README of the project, by path.
fn pages() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs/guide")).unwrap().map(|entry| entry.unwrap().path());
    // Not the folder of the pictures.
    let guides = guides.filter(|path| path.is_file());
    let pages = guides.chain([root.join("README.md")]);
    let page = |path: std::path::PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, fs::read_to_string(path).unwrap())
    };
    let pages: BTreeMap<_, _> = pages.map(page).collect();
    assert!(pages.len() >= 6, "{:?}", pages.keys());
    pages
}

fn page(name: &str) -> String {
    pages().remove(&format!("docs/guide/{name}")).unwrap()
}

/// The fenced code blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fences: Vec<&str> = page.split("```").collect();
    fences
        .iter()
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

/// The text between single backticks, outside of code blocks.
fn spans(page: &str) -> Vec<String> {
    let prose: String = page.split("```").step_by(2).collect();
    // A span may continue on the next line.
    let spans = prose.split('`').skip(1).step_by(2);
    spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn ostiary(arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All configuration keys, as `section.key`.
fn keys() -> BTreeSet<String> {
    let shown = ostiary(&["config", "show", "--json", "--config", "/dev/null"]);
    let key = |line: &str| serde_json::from_str::<Value>(line).unwrap()["key"].as_str().unwrap().to_owned();
    text(&shown.stdout).lines().map(key).collect()
}

/// The name of a value in JSON.
fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// The words of each `ostiary` command in the blocks and spans of a page, without the program name.
fn commands(page: &str) -> Vec<Vec<String>> {
    let blocks = blocks(page, "sh");
    let lines = blocks.iter().flat_map(|block| block.lines()).map(str::to_owned);
    lines
        .chain(spans(page))
        .filter_map(|line| {
            let line = line.split(" # ").next()?.split(" | ").next()?;
            let line = line.strip_prefix("sudo ").unwrap_or(line);
            let mut words = line.split_whitespace().map(str::to_owned);
            let is_ours = matches!(words.next()?.as_str(), "ostiary" | "target/release/ostiary");
            let mut words: Vec<String> = words.collect();
            // One of several doors.
            if words.first().is_some_and(|word| word == "--door") {
                words.drain(..words.len().min(2));
            }
            (is_ours && !words.is_empty()).then_some(words)
        })
        .collect()
}

#[test]
fn all_commands_and_flags_exist() {
    let mut help: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut seen = 0;
    for (file, page) in pages() {
        for words in commands(&page) {
            if words[0] == "COMMAND" {
                continue;
            }
            // A command and, for these commands, its subcommand.
            let has_verb = ["people", "config", "bench", "models", "clock", "liveness"]
                .contains(&words[0].as_str())
                || words.starts_with(&["events".to_owned(), "verify".to_owned()]);
            let depth = if has_verb { 2 } else { 1 };
            let verb: Vec<String> = words.iter().take(depth).cloned().collect();
            let help = help.entry(verb.clone()).or_insert_with(|| {
                let mut arguments: Vec<&str> = verb.iter().map(String::as_str).collect();
                arguments.push("--help");
                let output = ostiary(&arguments);
                assert!(
                    output.status.success(),
                    "{file}: `ostiary {}`: there is no such verb",
                    words.join(" ")
                );
                text(&output.stdout)
            });
            let flags = words.iter().filter(|word| word.starts_with('-'));
            for flag in flags.map(|flag| flag.split('=').next().unwrap()) {
                let exists = help.split_whitespace().any(|word| word.trim_matches(',') == flag);
                assert!(exists, "{file}: `ostiary {}`: there is no {flag}", words.join(" "));
            }
            seen += 1;
        }
    }
    assert!(seen >= 25, "only {seen} commands were found");
}

/// What `config check --json` finds wrong with the values. That this host has not the files and devices of the guides is no fault of
/// them.
fn problems_of_values(checked: &Output) -> Vec<String> {
    let of_host = ["camera", "engine", "events", "facebank", "gpio", "models", "mqtt"];
    let problems = text(&checked.stdout);
    let problems = problems.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_of_value =
        |problem: &Value| problem["ok"] == false && !of_host.contains(&problem["problem"].as_str().unwrap());
    problems.filter(is_of_value).map(|problem| problem["message"].to_string()).collect()
}

#[test]
fn all_configuration_blocks_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ostiary.toml");
    let mut seen = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "toml") {
            fs::write(&file, block).unwrap();
            let checked = ostiary(&["config", "check", "--json", "--config", file.to_str().unwrap()]);
            // A program without the feature reports that it is missing, and nothing else.
            let lacks_ort = !cfg!(feature = "ort") && block.contains("backend = \"ort\"");
            let problems = problems_of_values(&checked);
            let is_good = match problems.as_slice() {
                [problem] if lacks_ort => problem.contains("built with the feature ort"),
                problems => problems.is_empty(),
            };
            assert!(is_good, "{name}:\n{block}\n{problems:?}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} blocks were found");
}

#[test]
fn all_keys_in_the_text_exist() {
    let keys = keys();
    let sections: BTreeSet<&str> =
        keys.iter().filter_map(|key| key.split_once('.')).map(|(own, _)| own).collect();
    let mut seen = BTreeSet::new();
    for (file, page) in pages() {
        for span in spans(&page) {
            if let Some(section) = span.strip_prefix('[').and_then(|span| span.strip_suffix(']')) {
                assert!(section == "hours" || sections.contains(section), "{file}: there is no [{section}]");
            }
            let (key, value) = match span.split_once(" = ") {
                Some((key, value)) => (key, Some(value)),
                None => (span.as_str(), None),
            };
            let is_key = key.split_once('.').is_some_and(|(section, key)| {
                sections.contains(section) && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            if !is_key {
                continue;
            }
            assert!(keys.contains(key), "{file}: there is no {key}");
            if let Some(value) = value {
                let set = format!("{key}={value}");
                let checked = ostiary(&["config", "check", "--json", "--config", "/dev/null", "--set", &set]);
                let problems = problems_of_values(&checked);
                // This program may be built without the feature that a value needs.
                let is_accepted = problems.iter().all(|problem| problem.contains("built with the feature"));
                assert!(is_accepted, "{file}: {span}: {problems:?}");
            }
            seen.insert(key.to_owned());
        }
    }
    assert!(seen.len() >= 15, "only {seen:?} were found");
}

#[test]
fn every_default_in_a_table_is_the_one_of_its_key() {
    let defaults = Setting::defaults().unwrap();
    let mut seen = 0;
    for (file, page) in pages() {
        let tables = page.split("| key | default |").skip(1);
        for row in tables.flat_map(|table| table.lines().skip(2).take_while(|line| line.starts_with('|'))) {
            let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
            let [keys, values] =
                [cells[0], cells[1]].map(|cell| cell.split(", ").map(|text| text.trim_matches('`')));
            let (keys, values): (Vec<_>, Vec<_>) = (keys.collect(), values.collect());
            assert_eq!(keys.len(), values.len(), "{file}: {row}");
            for (key, written) in keys.into_iter().zip(values) {
                let setting = defaults.iter().find(|setting| setting.key == key);
                let default = setting.and_then(|setting| setting.value.as_ref()).map(ToString::to_string);
                let default = default.unwrap_or_else(|| panic!("{file}: {key} has no default"));
                let number = |text: &str| text.parse::<f64>().ok();
                let agrees =
                    default == written || number(&default).is_some() && number(&default) == number(written);
                assert!(agrees, "{file}: {key} is {written} there, and its default is {default}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 7, "only {seen} defaults were found");
}

/// The first cells of a page's tables, without backticks.
fn first_cells(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(cell, _)| cell.to_owned()).collect()
}

#[test]
fn each_refusal_reason_has_a_row() {
    let rows = first_cells(&page("troubleshoot.md"));
    for reason in DenialReason::ALL {
        assert!(rows.contains(&name(Reason::Denied(reason))), "{reason:?}");
    }
    for reason in [Reason::Granted, Reason::RequestToExit, Reason::Command] {
        assert!(!rows.contains(&name(reason)), "{reason:?}");
    }
}

#[test]
fn each_check_of_doctor_has_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["facebank", "events"].map(|file| format!("{file}.path={}/{file}", folder.path().display()));
    let [facebank, events] = &paths;
    let flags = ["doctor", "--json", "--config", "/dev/null", "--set", facebank, "--set", events];
    let found = text(&ostiary(&flags).stdout);
    let rows = first_cells(&page("troubleshoot.md"));
    let check =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["check"].as_str().unwrap().to_owned();
    let checks: BTreeSet<String> = found.lines().map(check).collect();
    assert!(
        checks.len() > 10 && checks.is_subset(&rows),
        "{:?}",
        checks.difference(&rows).collect::<Vec<_>>()
    );
}

#[test]
fn all_event_kinds_are_named() {
    for page in [page("troubleshoot.md"), page("home-assistant.md")] {
        let spans = spans(&page);
        assert!(EventName::ALL.iter().all(|kind| spans.contains(&name(kind))));
    }
}

#[test]
fn the_targets_of_all_links_exist() {
    for (file, page) in pages() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let target = folder.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{file}: {link}");
        }
    }
}
