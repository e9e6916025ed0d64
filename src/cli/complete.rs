//! `ostiary complete`: the names and keys that the completions of the shells offer. Only they start it.
//!
//! It prints nothing rather than an error: at a prompt nobody wants to read one. It ends in time also if the door hangs.

use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use ostiary_config as config;
use ostiary_config::{Key, Layers, SECTIONS, Section};
use ostiary_control::CallError;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_facebank::Facebank;
use serde_json::Value;

use super::Globals;
use super::output::line;
use super::running_door::running_door;

/// How long a prompt waits at most.
const TIME_LIMIT: Duration = Duration::from_millis(800);

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_enum)]
    what: Values,
}

/// What is completed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Values {
    /// The names of the enrolled people.
    People,
    /// The keys of the configuration.
    Keys,
    /// The keys that `ostiary config set` changes.
    SettableKeys,
    /// The names of the accounts of the web console, for those who may read them.
    Accounts,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let layers = globals.layers();
    let console = super::console::command(globals)?;
    let (sender, values) = mpsc::channel();
    // A thread that hangs ends with the process.
    thread::spawn(move || sender.send(find(args.what, &layers, console).unwrap_or_default()));
    let values = values.recv_timeout(TIME_LIMIT).unwrap_or_default();
    values.iter().try_for_each(|value| line(value))?;
    Ok(ExitCode::SUCCESS)
}

fn find(what: Values, layers: &Layers, console: Command) -> anyhow::Result<Vec<String>> {
    let keys = || SECTIONS.iter().flat_map(Section::keys);
    let names = |keys: &mut dyn Iterator<Item = &Key>| keys.map(|key| key.name().to_owned()).collect();
    match what {
        Values::Keys => Ok(names(&mut keys())),
        Values::SettableKeys => Ok(names(&mut keys().filter(|key| key.is_settable()))),
        Values::People => people(layers),
        Values::Accounts => accounts(console),
    }
}

/// The names of the accounts, which only the program of the console reads.
fn accounts(mut console: Command) -> anyhow::Result<Vec<String>> {
    let printed = console.args(["--json", "accounts"]).output()?.stdout;
    let printed = serde_json::Deserializer::from_slice(&printed).into_iter::<Value>().flatten();
    Ok(printed.filter_map(|account| Some(account.get("name")?.as_str()?.to_owned())).collect())
}

/// The names of the enrolled people, from the running door or from the file.
fn people(layers: &Layers) -> anyhow::Result<Vec<String>> {
    let config = config::load(layers)?.config;
    if let Some(mut door) = running_door(&config, &config.facebank.path)? {
        let people = door.door().list_people().call().map_err(CallError::from)?.people;
        return Ok(people.into_iter().map(|person| person.name).collect());
    }
    let people = Facebank::open_read_only(&config.facebank.path)?.people()?;
    Ok(people.into_iter().map(|listed| listed.person.name).collect())
}
