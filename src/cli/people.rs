//! `ostiary people`: lists and changes the enrolled people.

mod list;

use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use list::{gallery_in_use, print};
use ostiary_access::{check_group, groups_without_hours};
use ostiary_config::Hours;
use ostiary_core::open_regular_file;
use ostiary_events::{Action, Administration};
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_pipeline::FaceEncoder;
use serde_json::json;

use super::Globals;
use super::administration::record;
use super::output::json_line;

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
    let open_read_only = || Facebank::open_read_only(path);
    // Only an import may create a facebank.
    let open_existing = || match path.exists() {
        true => Facebank::open(path),
        false => Err(FacebankError::Missing { path: path.clone() }),
    };
    match args.verb {
        Verb::List => {
            let facebank = open_read_only()?;
            print(globals, &facebank.people()?, gallery_in_use(&config, &facebank).as_ref())?;
        }
        Verb::Show { name } => {
            let facebank = open_read_only()?;
            print(globals, &[facebank.show(&name)?], gallery_in_use(&config, &facebank).as_ref())?;
        }
        Verb::Rename { old, new } => {
            let mut facebank = open_existing()?;
            facebank.rename(&old, &new)?;
            // With the name before as the person, the support bundle can remove both names.
            record(&config, path, Action::Renamed, Some(&old), Some(Administration::renamed_to(&new)));
            print_changed(globals, &facebank, &new)?;
        }
        Verb::Remove { name } => {
            let mut facebank = open_existing()?;
            let name = facebank.show(&name)?.person.name;
            facebank.remove(&name)?;
            record(&config, path, Action::Removed, Some(&name), None);
            print_result(globals, json!({ "removed": name }), &format!("removed {name}"))?;
        }
        Verb::Enable { name } => {
            let mut facebank = open_existing()?;
            facebank.set_enabled(&name, true)?;
            record(&config, path, Action::Enabled, Some(&name), None);
            print_changed(globals, &facebank, &name)?;
        }
        Verb::Disable { name } => {
            let mut facebank = open_existing()?;
            facebank.set_enabled(&name, false)?;
            record(&config, path, Action::Disabled, Some(&name), None);
            print_changed(globals, &facebank, &name)?;
        }
        Verb::Group { name, group } => {
            group.as_deref().map_or(Ok(()), |group| check_group(&hours, group))?;
            let mut facebank = open_existing()?;
            facebank.set_group(&name, group.as_deref())?;
            let detail = group.map_or_else(|| "no group".to_owned(), |group| format!("group {group}"));
            record(&config, path, Action::Grouped, Some(&name), Some(detail));
            print_changed(globals, &facebank, &name)?;
        }
        Verb::Export { output } => {
            export(globals, &open_read_only()?, output.as_deref())?;
            record(&config, path, Action::Exported, None, None);
        }
        Verb::Import { file } => {
            let people = import(path, &file)?;
            record(&config, path, Action::Imported, None, Some(format!("{people} people")));
            print_result(globals, json!({ "imported": people }), &format!("imported {people} people"))?;
            let listed = open_read_only()?.people()?;
            for group in groups_without_hours(&hours, listed.iter().map(|listed| &listed.person)) {
                eprintln!("warning: {group}; {}", group.fix());
            }
        }
        Verb::Reembed { without } => {
            let mut facebank = open_existing()?;
            let mut encoder = FaceEncoder::load(&config)?;
            let model = encoder.model().clone();
            let bar = ProgressBar::new_spinner().with_message("re-embedding");
            let templates = facebank.reembed(&model, &without, |crop| {
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

/// Prints a person after a change.
fn print_changed(globals: &Globals, facebank: &Facebank, name: &str) -> anyhow::Result<()> {
    print(globals, &[facebank.show(name)?], None)
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
