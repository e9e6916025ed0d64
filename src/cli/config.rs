//! `ostiary config`: checks the configuration, and shows it with the origin of each value.

use std::process::ExitCode;

use ostiary_access::GroupWithoutHours;
use ostiary_config::{ClockTrust, Config, ConfigError, Hours, IgnoredKey, Loaded, Problem, change_key};
use ostiary_control::CallError;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_events::Action as Administered;
use ostiary_facebank::{Facebank, FacebankError};
use serde_json::{Value, json};

use super::Globals;
use super::administration::record;
use super::output::{json_line, line};
use super::running_door::{refuse_deaf_door, running_door};
use crate::shown_setting::shown_value;
use crate::start_check::{StartCheck, StartProblem};
use crate::wall_clock::{WallClock, ask_synchronization};

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
    /// ignored is a warning. What keeps `ostiary run` from starting here is an error too: models that are missing or do not
    /// support `door.fpir`, files of the camera and the broker, GPIO lines that do not exist. What this user may not read is not
    /// checked, with a warning.
    #[command(
        after_help = "Examples:\n  ostiary config check --config ./ostiary.toml\n  sudo ostiary config check\n\n\
                            Exit code: 0 the configuration is good, 1 it is not, 2 it cannot be read."
    )]
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
            Err(error) => report_problems(globals, error),
        },
        Action::Show { origin } => show(globals, &globals.loaded()?, origin),
        Action::Set { key, value } => change(globals, &key, Some(&value)),
        Action::Reset { key } => change(globals, &key, None),
    }
}

/// Reports what would keep a door with these valid values from starting on this host, and the warnings.
fn report_valid(globals: &Globals, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let config = &loaded.config;
    let hours = Hours::parse(&config.hours)?;
    let StartCheck { problems, unchecked } = StartCheck::of(config);
    let mut warnings: Vec<_> = loaded.ignored().iter().map(ignored_warning).collect();
    let plain = |kind: &str, message: String| {
        let object = json!({ "warning": kind, "message": message });
        (message, object)
    };
    warnings.extend(loaded.left_out().map(|left_out| plain("settings", left_out.to_string())));
    warnings.extend(unchecked.into_iter().map(|message| plain("not_checked", message)));
    warnings.extend(hours_warnings(&hours, config));
    if problems.is_empty() && !hours.is_empty() {
        warnings.extend(clock_warning(config));
    }
    if globals.json {
        let problem = |StartProblem { kind, key, message }: &StartProblem| json!({ "ok": false, "problem": kind, "key": key, "message": message });
        let mut lines: Vec<_> = problems.iter().map(problem).collect();
        if lines.is_empty() {
            lines.push(json!({ "ok": true }));
        }
        if let (Some(Value::Object(first)), false) = (lines.first_mut(), warnings.is_empty()) {
            first.insert("warnings".into(), warnings.into_iter().map(|(_, object)| object).collect());
        }
        lines.iter().try_for_each(json_line)?;
    } else {
        if problems.is_empty() {
            line("The configuration is good.")?;
        }
        problems.iter().for_each(|problem| eprintln!("error: {}", problem.message));
        warnings.iter().for_each(|(message, _)| eprintln!("warning: {message}"));
    }
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
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

/// Prints each problem on a line of its own. A file that cannot be read is not checked, which is an error of the command.
fn report_problems(globals: &Globals, error: ConfigError) -> anyhow::Result<ExitCode> {
    if error.problems.iter().any(|problem| matches!(problem, Problem::Unreadable { .. })) {
        return Err(error.into());
    }
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
    Ok(ExitCode::FAILURE)
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
