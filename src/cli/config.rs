//! `ostiary config`: checks the configuration, and shows it with the origin of each value.

use std::process::ExitCode;

use ostiary_access::GroupWithoutHours;
use ostiary_config::{ClockTrust, Config, ConfigError, Hours, IgnoredKey, Loaded, change_key};
use ostiary_control::CallError;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_core::ModelRole;
use ostiary_events::Action as Administered;
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::{Bundle, UnsupportedFpir};
use ostiary_pipeline::Thresholds;
use serde_json::{Map, json};

use super::Globals;
use super::administration::record;
use super::output::{json_line, line};
use super::running_door::{refuse_deaf_door, running_door};
use crate::shown_setting::shown_value;
use crate::wall_clock::{self, WallClock, ask_synchronization};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary config show --origin")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check the whole configuration and report everything that is wrong with it.
    ///
    /// If hours are set, warnings name the people whose group has no hours: the door does not open for them. With
    /// `clock.trust = "synchronized"` a warning says that the clock is not synchronized now. A key of an older version that is
    /// ignored is a warning. `door.fpir` is compared with the models, if they are found. The exit code is 0 if the
    /// configuration is good and 2 if it is not.
    #[command(after_help = "Example:\n  ostiary config check --config ./ostiary.toml")]
    Check,
    /// Show every key with its value, as TOML that can be used as a configuration.
    ///
    /// The user, password and query of an address are left out of camera.source and models.source.
    #[command(after_help = "Example:\n  ostiary config show --origin --set door.fpir=0.003")]
    Show {
        /// Show where each value came from.
        #[arg(long)]
        origin: bool,
    },
    /// Change a key, and have the running door use it.
    ///
    /// The key is kept in /var/lib/ostiary/settings.toml, which comes after /etc/ostiary. Keys of the relay, of models, of lockout, of
    /// the level of liveness, and those that take a restart can only be set in /etc/ostiary.
    #[command(
        after_help = "Examples:\n  ostiary config set door.cooldown_s 30\n  ostiary config set camera.rotate 180"
    )]
    Set {
        /// The key, for example door.cooldown_s.
        key: String,
        /// The value: TOML, or text that needs no quotes.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a key that was changed by `config set`, so that /etc/ostiary or the default counts again.
    #[command(after_help = "Example:\n  ostiary config reset door.cooldown_s")]
    Reset {
        /// The key.
        key: String,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Check => match globals.loaded() {
            Ok(loaded) => report_valid(globals, &loaded),
            Err(error) => report_problems(globals, &error),
        },
        Action::Show { origin } => show(globals, &globals.loaded()?, origin),
        Action::Set { key, value } => change(globals, &key, Some(&value)),
        Action::Reset { key } => change(globals, &key, None),
    }
}

/// Something of the door's state that contradicts a configuration whose values are valid.
struct Contradiction {
    /// A stable name, for scripts.
    kind: &'static str,
    key: &'static str,
    message: String,
}

/// Reports what in the door's state contradicts the valid values, and the warnings. A rate that the models do not support, or
/// else an unknown time zone, is an error.
fn report_valid(globals: &Globals, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let config = &loaded.config;
    let hours = Hours::parse(&config.hours)?;
    let problem = unsupported_fpir(config).or_else(|| unknown_zone(&hours));
    let mut warnings: Vec<_> = loaded.ignored().iter().map(ignored_warning).collect();
    warnings.extend(loaded.left_out().map(|left_out| {
        let message = left_out.to_string();
        (message.clone(), json!({ "warning": "settings", "message": message }))
    }));
    warnings.extend(hours_warnings(&hours, config));
    if problem.is_none() && !hours.is_empty() {
        warnings.extend(clock_warning(config));
    }
    if globals.json {
        let mut object = Map::from_iter([("ok".to_owned(), problem.is_none().into())]);
        if let Some(Contradiction { kind, key, message }) = &problem {
            let fields = [("problem", *kind), ("key", *key), ("message", message)];
            object.extend(fields.map(|(key, value)| (key.to_owned(), value.into())));
        }
        if !warnings.is_empty() {
            object.insert("warnings".into(), warnings.into_iter().map(|(_, object)| object).collect());
        }
        json_line(&object)?;
    } else {
        match &problem {
            None => line("The configuration is good.")?,
            Some(problem) => eprintln!("error: {}", problem.message),
        }
        warnings.iter().for_each(|(message, _)| eprintln!("warning: {message}"));
    }
    Ok(ExitCode::from(if problem.is_some() { 2 } else { 0 }))
}

/// The error if the models in use have no thresholds for `door.fpir`. `None` if the models cannot be read, which is no fault of
/// the configuration.
fn unsupported_fpir(config: &Config) -> Option<Contradiction> {
    let bundle = Bundle::find(&config.models, config.engine.precision).ok()?;
    let error: UnsupportedFpir =
        Thresholds::new(bundle.entry(ModelRole::Embedder).ok()?, config.door.fpir).err()?;
    Some(Contradiction { kind: "unsupported_fpir", key: "door.fpir", message: error.to_string() })
}

/// The error if there are hours and the time zone is not known.
fn unknown_zone(hours: &Hours) -> Option<Contradiction> {
    if hours.is_empty() {
        return None;
    }
    let fault = wall_clock::zone().err()?;
    let message = format!("{fault}, and [hours] need the local time; {}", fault.fix());
    Some(Contradiction { kind: "time_zone", key: "hours", message })
}

/// The warning for a key that has no effect.
fn ignored_warning(ignored: &IgnoredKey) -> (String, serde_json::Value) {
    let (message, origin) = (ignored.to_string(), ignored.origin.to_string());
    let object = json!({ "warning": "ignored", "key": ignored.key, "origin": origin, "message": message });
    (message, object)
}

/// A warning if the clock is not synchronized now, which `clock.trust` asks for.
fn clock_warning(config: &Config) -> Option<(String, serde_json::Value)> {
    if config.clock.trust != ClockTrust::Synchronized {
        return None;
    }
    let fault = WallClock::new(None).with(ask_synchronization()).local().err()?;
    let message = format!("{fault}: people with hours are refused meanwhile; {}", fault.fix());
    let object = json!({ "warning": "clock", "message": message });
    Some((message, object))
}

/// Warnings of people whose group has no hours, each as a sentence and as an object.
fn hours_warnings(hours: &Hours, config: &Config) -> Vec<(String, serde_json::Value)> {
    let closed = match groups_without_hours(hours, config) {
        Ok(closed) => closed,
        Err(error) => {
            let message = format!(
                "the facebank cannot be read, so that groups without hours are not reported: {error}"
            );
            let object = json!({ "warning": "facebank", "message": message });
            return vec![(message, object)];
        }
    };
    let warning = |GroupWithoutHours { group, people, nearest }: &GroupWithoutHours, message: &str| {
        json!({
            "warning": "closed_group", "group": group, "people": people, "nearest": nearest, "message": message,
        })
    };
    let messages = closed.iter().map(|group| (format!("{group}; {}", group.fix()), group));
    messages.map(|(message, group)| (message.clone(), warning(group, &message))).collect()
}

/// The groups of the facebank that have no hours although others have.
fn groups_without_hours(hours: &Hours, config: &Config) -> Result<Vec<GroupWithoutHours>, FacebankError> {
    if hours.is_empty() {
        return Ok(Vec::new());
    }
    let listed = match Facebank::open_read_only(&config.facebank.path) {
        Err(FacebankError::Missing { .. }) => Vec::new(),
        facebank => facebank?.people()?,
    };
    Ok(ostiary_access::groups_without_hours(hours, listed.iter().map(|listed| &listed.person)))
}

/// Prints each problem on a line of its own.
fn report_problems(globals: &Globals, error: &ConfigError) -> anyhow::Result<ExitCode> {
    for problem in &error.problems {
        if globals.json {
            json_line(&json!({
                "ok": false,
                "problem": problem.kind(),
                "key": problem.key(),
                "origin": problem.origin().map(ToString::to_string),
                "message": problem.to_string(),
            }))?;
        } else {
            eprintln!("error: {problem}");
        }
    }
    Ok(ExitCode::from(2))
}

fn show(globals: &Globals, loaded: &Loaded, origins: bool) -> anyhow::Result<ExitCode> {
    let mut section = "";
    for setting in loaded.settings() {
        let (key, origin) = (&setting.key, setting.origin.to_string());
        let value = shown_value(setting);
        if globals.json {
            json_line(&json!({ "key": key, "value": value, "origin": origin }))?;
            continue;
        }
        let Some((own, name)) = key.split_once('.') else { continue };
        if own != section {
            line(&format!("{}[{own}]", if section.is_empty() { "" } else { "\n" }))?;
            section = own;
        }
        // A group may have any name; TOML quotes those that are not plain.
        let name = toml::Value::String(name.to_owned()).to_string();
        let bare = name.trim_matches('"');
        let plain = bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let name = if plain && !bare.is_empty() { bare } else { &name };
        match &value {
            Some(value) if origins => line(&format!("{name} = {value}  # {origin}"))?,
            Some(value) => line(&format!("{name} = {value}"))?,
            None => line(&format!("# {name} is not set"))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Changes a key, by the running door or in the file of changed keys; without a value it is removed from there.
fn change(globals: &Globals, name: &str, value: Option<&str>) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let detail = match running_door(&config, &config.facebank.path)? {
        Some(mut client) => {
            let door = client.door();
            let detail = match value {
                Some(value) => {
                    door.set_key(name.to_owned(), value.to_owned()).call().map(|reply| reply.detail)
                }
                None => door.reset_key(name.to_owned()).call().map(|reply| reply.detail),
            };
            detail.map_err(CallError::from)?;
            "the running door uses it"
        }
        None => {
            refuse_deaf_door(&config)?;
            change_key(&globals.layers(), name, value)?.write()?;
            let detail =
                Some(value.map_or_else(|| format!("{name} as before"), |value| format!("{name} = {value}")));
            record(&config, &config.facebank.path, Administered::Configured, None, detail);
            "no door runs; the next start uses it"
        }
    };
    match globals.json {
        true => json_line(&json!({ "key": name, "changed": true }))?,
        false => line(&match value {
            Some(value) => format!("{name} = {value}: {detail}."),
            None => format!("{name} is as in the owner's files: {detail}."),
        })?,
    }
    Ok(ExitCode::SUCCESS)
}
