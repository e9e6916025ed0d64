//! `ostiary people`: list and change the enrolled people.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use ostiary_access::{check_group, closed_groups};
use ostiary_config::Hours;
use ostiary_facebank::{Facebank, FacebankError, PersonSummary};
use ostiary_pipeline::Recognizer;
use serde_json::json;

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary people list\n  ostiary people disable Ann\n  \
                        ostiary people export -o backup.jsonl")]
pub struct Args {
    /// The facebank; facebank.path of the configuration where it is not given.
    #[arg(long, global = true, value_name = "FILE")]
    facebank: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List everyone.
    #[command(after_help = "Example:\n  ostiary people list --json")]
    List,
    /// Show one person.
    #[command(after_help = "Example:\n  ostiary people show Ann")]
    Show { name: String },
    /// Give a person another name.
    #[command(after_help = "Example:\n  ostiary people rename Ann \"Ann Lee\"")]
    Rename { old: String, new: String },
    /// Remove a person and all that is stored of them.
    #[command(after_help = "Example:\n  ostiary people remove Ann")]
    Remove { name: String },
    /// Let a disabled person in again.
    #[command(after_help = "Example:\n  ostiary people enable Ann")]
    Enable { name: String },
    /// Let a person in no longer, and keep what is stored of them.
    #[command(after_help = "Example:\n  ostiary people disable Ann")]
    Disable { name: String },
    /// Put a person into a group, whose hours then apply; without a group, into none.
    ///
    /// Upper and lower case are the same group. Once a group has hours, a group without hours is refused.
    #[command(after_help = "Examples:\n  ostiary people group Ann cleaners\n  ostiary people group Ann")]
    Group { name: String, group: Option<String> },
    /// Write everyone with their embeddings, one JSON object a line. These are biometrics: keep them safe.
    #[command(after_help = "Example:\n  ostiary people export -o backup.jsonl")]
    Export {
        /// A new file, made readable by its owner alone; standard output where it is not given.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Add everyone of an export.
    #[command(after_help = "Example:\n  ostiary people import backup.jsonl")]
    Import {
        /// The export; - for standard input.
        file: PathBuf,
    },
    /// Make everyone known to the model in use, from the kept crops.
    ///
    /// Templates of other models stay, so that a return to those needs nothing.
    #[command(after_help = "Examples:\n  ostiary people reembed --models new-models\n  \
                            ostiary people reembed --without Ann")]
    Reembed {
        /// Go on without this person, of whom no crop was kept; may be given often.
        #[arg(long, value_name = "NAME")]
        without: Vec<String>,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    let hours = Hours::parse(&config.hours)?;
    let read = || Facebank::open_read_only(path);
    // Only an import may make a facebank where there is none.
    let write = || match path.exists() {
        true => Facebank::open(path),
        false => Err(FacebankError::Missing { path: path.clone() }),
    };
    match args.verb {
        Verb::List => list(globals, &read()?.people()?)?,
        Verb::Show { name } => show(globals, &read()?.show(&name)?)?,
        Verb::Rename { old, new } => {
            let mut facebank = write()?;
            facebank.rename(&old, &new)?;
            changed(globals, &facebank, &new)?;
        }
        Verb::Remove { name } => {
            let mut facebank = write()?;
            let name = facebank.show(&name)?.person.name;
            facebank.remove(&name)?;
            done(globals, json!({ "removed": name }), &format!("removed {name}"))?;
        }
        Verb::Enable { name } => {
            let mut facebank = write()?;
            facebank.set_enabled(&name, true)?;
            changed(globals, &facebank, &name)?;
        }
        Verb::Disable { name } => {
            let mut facebank = write()?;
            facebank.set_enabled(&name, false)?;
            changed(globals, &facebank, &name)?;
        }
        Verb::Group { name, group } => {
            group.as_deref().map_or(Ok(()), |group| check_group(&hours, group))?;
            let mut facebank = write()?;
            facebank.set_group(&name, group.as_deref())?;
            changed(globals, &facebank, &name)?;
        }
        Verb::Export { output } => export(globals, &read()?, output.as_deref())?,
        Verb::Import { file } => {
            let people = import(path, &file)?;
            done(globals, json!({ "imported": people }), &format!("imported {people} people"))?;
            let listed = read()?.people()?;
            for group in closed_groups(&hours, listed.iter().map(|listed| &listed.person)) {
                eprintln!("warning: {group}; {}", group.fix());
            }
        }
        Verb::Reembed { without } => {
            let mut facebank = write()?;
            let mut recognizer = Recognizer::load(&config)?;
            let model = recognizer.model().clone();
            let bar = ProgressBar::new_spinner().with_message("re-embedding");
            let templates = facebank.reembed(&model, &without, |crop| {
                bar.inc(1);
                recognizer.embed(crop).map_err(Into::into)
            })?;
            bar.finish_and_clear();
            let said = format!("made {templates} templates with model {model}");
            done(globals, json!({ "reembedded": templates, "model": model.0 }), &said)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(globals: &Globals, people: &[PersonSummary]) -> anyhow::Result<()> {
    if globals.json {
        return people.iter().try_for_each(json_line);
    }
    let width = people.iter().map(|listed| listed.person.name.chars().count()).max().unwrap_or(0);
    let mut lines = String::new();
    for listed in people {
        lines += &format!("{:width$}  {}\n", listed.person.name, summary(listed));
    }
    match io::stdout().lock().write_all(lines.as_bytes()) {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn show(globals: &Globals, listed: &PersonSummary) -> anyhow::Result<()> {
    match globals.json {
        true => json_line(listed),
        false => {
            println!("{}  {}", listed.person.name, summary(listed));
            Ok(())
        }
    }
}

/// One person in a line, after the name.
fn summary(listed: &PersonSummary) -> String {
    let person = &listed.person;
    let state = if person.enabled { "enabled " } else { "disabled" };
    let group = person.group.as_deref().map(|group| format!(", group {group}")).unwrap_or_default();
    let crops = if listed.crops > 0 { format!(", {} crops", listed.crops) } else { String::new() };
    let day = person.created.strftime("%Y-%m-%d");
    format!("{state}  {} templates{crops}{group}, since {day}", listed.templates)
}

fn changed(globals: &Globals, facebank: &Facebank, name: &str) -> anyhow::Result<()> {
    show(globals, &facebank.show(name)?)
}

fn done(globals: &Globals, object: serde_json::Value, said: &str) -> anyhow::Result<()> {
    match globals.json {
        true => json_line(&object),
        false => {
            println!("{said}");
            Ok(())
        }
    }
}

fn export(globals: &Globals, facebank: &Facebank, output: Option<&Path>) -> anyhow::Result<()> {
    match output {
        Some(file) => {
            let people = facebank.export_file(file)?;
            let object = json!({ "exported": people, "file": file });
            done(globals, object, &format!("exported {people} people to {}", file.display()))
        }
        None if io::stdout().is_terminal() => {
            bail!("embeddings are biometrics and not for the screen: give a file with -o FILE")
        }
        None => {
            facebank.export(&mut io::stdout().lock(), Path::new("standard output"))?;
            Ok(())
        }
    }
}

fn import(facebank: &Path, file: &Path) -> anyhow::Result<usize> {
    // The export is opened first, so that a slip in its name makes no empty facebank.
    let people = if file == Path::new("-") {
        Facebank::open(facebank)?.import(io::stdin().lock())
    } else {
        let export = File::open(file).with_context(|| file.display().to_string())?;
        Facebank::open(facebank)?.import(BufReader::new(export))
    };
    people.with_context(|| file.display().to_string())
}
