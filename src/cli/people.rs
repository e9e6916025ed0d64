//! `ostiary people`: lists and changes the enrolled people.

use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use ostiary_access::groups_without_hours;
use ostiary_config::{Config, Hours};
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_core::open_regular_file;
use ostiary_events::Action;
use ostiary_facebank::{Facebank, FacebankError, Gallery};
use ostiary_pipeline::FaceEncoder;
use serde_json::json;

use super::Globals;
use super::administration::{record, record_change, user};
use super::output::{json_line, line};
use super::running_door::running_door;
use crate::listed_person::{ListedPerson, gallery_in_use};
use crate::people_change::{PeopleChange, open_existing};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary people list\n  ostiary people disable Ann\n  \
                        ostiary people export -o backup.jsonl")]
pub struct Args {
    /// The facebank; by default facebank.path of the configuration.
    #[arg(long, global = true, value_name = "FILE")]
    facebank: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all people: their photos, how much these differ, and the person who is nearest.
    ///
    /// The spread is the least cosine of a photo with the mean of the person's photos. The nearest person is the one whose
    /// mean comes nearest to a match; people who are alike are refused at the door (door.alike).
    #[command(after_help = "Example:\n  ostiary people list --json")]
    List,
    /// Show one person.
    #[command(after_help = "Example:\n  ostiary people show Ann")]
    Show { name: String },
    /// Rename a person.
    #[command(after_help = "Example:\n  ostiary people rename Ann \"Ann Lee\"")]
    Rename { old: String, new: String },
    /// Remove a person and all of their stored data.
    #[command(after_help = "Example:\n  ostiary people remove Ann")]
    Remove { name: String },
    /// Let a disabled person in again.
    #[command(after_help = "Example:\n  ostiary people enable Ann")]
    Enable { name: String },
    /// Stop letting a person in, but keep their stored data.
    #[command(after_help = "Example:\n  ostiary people disable Ann")]
    Disable { name: String },
    /// Assign a person to a group, whose hours then apply; without GROUP, remove them from their group.
    ///
    /// Group names are not case-sensitive. If any group has hours, a group without hours is refused.
    #[command(after_help = "Examples:\n  ostiary people group Ann cleaners\n  ostiary people group Ann")]
    Group { name: String, group: Option<String> },
    /// Export all people with their embeddings, one JSON object per line. This is biometric data: keep it safe.
    #[command(after_help = "Example:\n  ostiary people export -o backup.jsonl")]
    Export {
        /// A new file, readable by its owner only; by default standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Add all people of an export.
    #[command(after_help = "Example:\n  ostiary people import backup.jsonl")]
    Import {
        /// The export; - for standard input.
        file: PathBuf,
    },
    /// Compute the templates of all people for the model in use, from the kept crops.
    ///
    /// Templates of other models are kept, so that you can return to those models at any time.
    #[command(after_help = "Examples:\n  ostiary people reembed --models new-models\n  \
                            ostiary people reembed --without Ann")]
    Reembed {
        /// Continue without this person, who has no kept crop; can be repeated.
        #[arg(long, value_name = "NAME")]
        without: Vec<String>,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    let hours = Hours::parse(&config.hours)?;
    let door = running_door(&config, path)?;
    match args.verb {
        Verb::List => print(globals, &list(&config, path, door)?)?,
        Verb::Show { name } => print(globals, &[show(&config, path, door, name)?])?,
        Verb::Rename { old, new } => {
            change(globals, &config, path, door, PeopleChange::Rename { name: old, new_name: new })?;
        }
        Verb::Remove { name } => change(globals, &config, path, door, PeopleChange::Remove { name })?,
        Verb::Enable { name } => {
            change(globals, &config, path, door, PeopleChange::SetEnabled { name, enabled: true })?;
        }
        Verb::Disable { name } => {
            change(globals, &config, path, door, PeopleChange::SetEnabled { name, enabled: false })?;
        }
        Verb::Group { name, group } => {
            change(globals, &config, path, door, PeopleChange::SetGroup { name, group })?;
        }
        Verb::Export { output } => {
            export(globals, &Facebank::open_read_only(path)?, output.as_deref())?;
            record(&config, path, Action::Exported, None, None);
        }
        Verb::Import { file } => {
            let people = import(path, &file)?;
            record(&config, path, Action::Imported, None, Some(format!("{people} people")));
            print_result(globals, json!({ "imported": people }), &format!("imported {people} people"))?;
            let listed = Facebank::open_read_only(path)?.people()?;
            for group in groups_without_hours(&hours, listed.iter().map(|listed| &listed.person)) {
                eprintln!("warning: {group}; {}", group.fix());
            }
        }
        Verb::Reembed { without } => {
            let mut facebank = open_existing(path)?;
            let mut encoder = FaceEncoder::load(&config)?;
            let (model, compatible) = (encoder.model().clone(), encoder.compatible_models());
            let bar = ProgressBar::new_spinner().with_message("re-embedding");
            let templates = facebank.reembed(&model, &compatible, &without, |crop| {
                bar.inc(1);
                encoder.embed(crop).map_err(Into::into)
            })?;
            bar.finish_and_clear();
            record(&config, path, Action::Reembedded, None, Some(format!("model {model}")));
            let text = format!("computed {templates} templates with model {model}");
            print_result(globals, json!({ "reembedded": templates, "model": model.0 }), &text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All people, from the running door or from the file.
fn list(config: &Config, path: &Path, door: Option<Client>) -> anyhow::Result<Vec<ListedPerson>> {
    if let Some(mut door) = door {
        let people = door.door().list_people().call().map_err(CallError::from)?.people;
        return people.iter().map(ListedPerson::from_api).collect();
    }
    let facebank = match Facebank::open_read_only(path) {
        // Nobody is enrolled yet.
        Err(FacebankError::Missing { .. }) => return Ok(Vec::new()),
        facebank => facebank?,
    };
    let (people, gallery) = (facebank.people()?, compared(config, &facebank));
    Ok(people.into_iter().map(|person| ListedPerson::new(person, gallery.as_ref())).collect())
}

/// One person, from the running door or from the file.
fn show(config: &Config, path: &Path, door: Option<Client>, name: String) -> anyhow::Result<ListedPerson> {
    if let Some(mut door) = door {
        let person = door.door().show_person(name).call().map_err(CallError::from)?.person;
        return ListedPerson::from_api(&person);
    }
    let facebank = Facebank::open_read_only(path)?;
    let (person, gallery) = (facebank.show(&name)?, compared(config, &facebank));
    Ok(ListedPerson::new(person, gallery.as_ref()))
}

/// The gallery that people are compared in; `None`, with a line on standard error, if they are not compared.
fn compared(config: &Config, facebank: &Facebank) -> Option<Gallery> {
    let gallery = gallery_in_use(config, facebank);
    gallery.inspect_err(|error| eprintln!("warning: people are not compared: {error:#}")).ok()
}

/// Makes a change, by the running door or in the file, and prints the person.
fn change(
    globals: &Globals,
    config: &Config,
    path: &Path,
    door: Option<Client>,
    change: PeopleChange,
) -> anyhow::Result<()> {
    let is_removal = matches!(change, PeopleChange::Remove { .. });
    if let Some(mut door) = door {
        let door = door.door();
        let person = match change {
            PeopleChange::Remove { name } => {
                let removed = door.remove_person(name).call().map_err(CallError::from)?.removed;
                return print_removed(globals, &removed);
            }
            PeopleChange::Rename { name, new_name } => {
                door.rename_person(name, new_name).call().map(|reply| reply.person)
            }
            PeopleChange::SetEnabled { name, enabled } => {
                door.enable_person(name, enabled).call().map(|reply| reply.person)
            }
            PeopleChange::SetGroup { name, group } => {
                door.set_person_group(name, group).call().map(|reply| reply.person)
            }
        };
        return print(globals, &[ListedPerson::from_api(&person.map_err(CallError::from)?)?]);
    }
    let mut facebank = open_existing(path)?;
    let made = change.apply(&mut facebank, &Hours::parse(&config.hours)?)?;
    record_change(config, path, made.administration(user()));
    match is_removal {
        true => print_removed(globals, &made.name),
        false => print(globals, &[ListedPerson::new(facebank.show(&made.name)?, None)]),
    }
}

fn print_removed(globals: &Globals, name: &str) -> anyhow::Result<()> {
    print_result(globals, json!({ "removed": name }), &format!("removed {name}"))
}

/// Prints people, a line each.
fn print(globals: &Globals, people: &[ListedPerson]) -> anyhow::Result<()> {
    if globals.json {
        return people.iter().try_for_each(json_line);
    }
    let name = |listed: &ListedPerson| listed.summary.person.name.clone();
    let width = people.iter().map(|listed| name(listed).chars().count()).max().unwrap_or(0);
    people.iter().try_for_each(|person| line(&format!("{:width$}  {}", name(person), person.in_words())))
}

/// Prints a result as JSON or as text.
fn print_result(globals: &Globals, object: serde_json::Value, text: &str) -> anyhow::Result<()> {
    match globals.json {
        true => json_line(&object),
        false => {
            println!("{text}");
            Ok(())
        }
    }
}

fn export(globals: &Globals, facebank: &Facebank, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(file) => {
            let people = facebank.export_file(file)?;
            let object = json!({ "exported": people, "file": file });
            print_result(globals, object, &format!("exported {people} people to {}", file.display()))
        }
        None if io::stdout().is_terminal() => {
            bail!("embeddings are biometric data and are not printed on a terminal; give a file with -o FILE")
        }
        None => {
            facebank.export(&mut io::stdout().lock(), Path::new("standard output"))?;
            Ok(())
        }
    }
}

fn import(facebank: &Path, file: &Path) -> anyhow::Result<usize> {
    // The export is opened first, so that a wrong file name creates no empty facebank.
    let people = if file == Path::new("-") {
        Facebank::open(facebank)?.import(io::stdin().lock())
    } else {
        let export = open_regular_file(file).with_context(|| file.display().to_string())?;
        Facebank::open(facebank)?.import(BufReader::new(export))
    };
    people.with_context(|| file.display().to_string())
}
