//! `ostiary backup`: saves what a door has in one archive.

use std::path::PathBuf;
use std::process::ExitCode;

use ostiary_events::Action;
use serde_json::json;

use super::Globals;
use super::administration::record;
use super::output::{json_line, line};
use crate::backup::create;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ostiary backup door.tar.gz\n  \
                        age -p -o door.tar.gz.age door.tar.gz\n\n\
                        The door may run. The archive has faces and is not encrypted: encrypt it with age or gpg where others can \
                        reach it. Passwords are not in it, nor are files of the configuration in which an address has a login.\n\n\
                        Exit code: 0 saved, 2 an error.")]
pub struct Args {
    /// A new file, readable by its owner only.
    #[arg(value_name = "FILE.tar.gz")]
    file: PathBuf,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let manifest = create(&args.file, &config, &globals.layers())?;
    let detail = Some(format!("a backup, {} files", manifest.files.len()));
    record(&config, &config.facebank.path, Action::Exported, None, detail);
    if globals.json {
        json_line(&json!({ "backup": args.file, "manifest": manifest }))?;
        return Ok(ExitCode::SUCCESS);
    }
    line(&format!("Saved {} files in {}.", manifest.files.len(), args.file.display()))?;
    for left_out in &manifest.left_out {
        line(&format!("Not in it: {left_out}."))?;
    }
    line(
        "It has faces and is not encrypted: keep it where nobody else can read it, or encrypt it with age or gpg.",
    )?;
    Ok(ExitCode::SUCCESS)
}
