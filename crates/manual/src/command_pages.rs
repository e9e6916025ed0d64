//! A manual page for each command of `ostiary`, in section 1.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use ostiary::cli::EXIT_CODES;

use super::command_line::command_line;
use super::surroundings;

/// Writes the page of the program and of each command that is not hidden.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let mut program = command_line().disable_help_subcommand(true);
    program.build();
    write_with_subcommands(&program, folder)
}

fn write_with_subcommands(command: &Command, folder: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_with_subcommands(below, folder)?;
    }
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    let is_program = command.get_name() == "ostiary";
    text.extend(exit_status().into_bytes());
    if is_program {
        text.extend(surroundings::environment().into_bytes());
        text.extend(surroundings::files()?.into_bytes());
    }
    text.extend(see_also(is_program).into_bytes());
    let file = folder.join(page.get_filename());
    fs::write(&file, text).with_context(|| file.display().to_string())
}

/// The exit codes, which are those of all commands.
fn exit_status() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []).text([bold(code.to_string())]).text([roman(meaning)]);
    }
    roff.to_roff()
}

/// The other pages to read.
fn see_also(is_program: bool) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    let configuration = [bold("ostiary.toml"), roman("(5)")];
    match is_program {
        true => roff.text(configuration),
        false => roff.text([vec![bold("ostiary"), roman("(1), ")], configuration.to_vec()].concat()),
    };
    roff.to_roff()
}
