//! The command line: one file for each command.

mod administration;
mod backup;
mod bench;
mod cameras;
mod clock;
mod complete;
mod config;
mod console;
mod demo;
mod detect;
mod doctor;
mod door;
mod embed;
mod enroll;
mod events;
mod explain;
mod failure;
mod file_owner;
mod globals;
mod identify;
mod liveness;
mod match_label;
mod models;
mod output;
mod people;
mod pictures;
mod relay_guard;
mod replay;
mod report;
mod rest;
mod restore;
mod run;
mod running_door;
mod self_test;
mod setup;
mod snapshots;
mod thresholds;
mod time_argument;
mod tokens;
mod verify;
mod video;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub use failure::EXIT_CODES;
use globals::Globals;

/// Door controller with face recognition: opens the door for enrolled people and records the reason of every decision.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the door.
    Run(run::Args),
    /// Set the relay to its rest state if no daemon runs.
    Rest(rest::Args),
    /// Hold the relay's line. Only the daemon starts this.
    #[command(hide = true)]
    RelayGuard(relay_guard::Args),
    /// Test models in a separate process. Only other commands and the daemon start this.
    #[command(hide = true)]
    ModelsSelfTest(self_test::Args),
    /// Print the names or keys that the shell completes. Only the completions start this.
    #[command(hide = true)]
    Complete(complete::Args),
    /// Run the whole pipeline on bundled portraits, without a camera, relay or broker.
    Demo(demo::Args),
    /// Set up a new door in a dialog: camera, name, first person, relay, broker.
    Setup(setup::Args),
    /// List cameras and their formats.
    Cameras(cameras::Args),
    /// Find faces in pictures.
    Detect(detect::Args),
    /// Compute the embeddings of faces.
    Embed(embed::Args),
    /// Check whether two pictures show the same person.
    Verify(verify::Args),
    /// Identify the person in a picture.
    Identify(identify::Args),
    /// Enroll people from photos, folders or the camera.
    Enroll(enroll::Args),
    /// Show the state of the running door, and open it or lock it down.
    Door(door::Args),
    /// Create, list and revoke tokens, by which programs speak for people to the running door.
    Tokens(tokens::Args),
    /// Pair browsers with the web console of the running door, and remove their accounts.
    Console(console::Args),
    /// List and change the enrolled people.
    People(people::Args),
    /// Download, activate and roll back model bundles.
    Models(models::Args),
    /// Annotate a video with the faces that the door would find and recognize.
    Video(video::Args),
    /// Measure the speed of this computer.
    Bench(bench::Args),
    /// Show the record of what happened at the door, and verify it.
    Events(events::Args),
    /// List, save and delete the pictures of strangers.
    Snapshots(snapshots::Args),
    /// Say why a face was let in or refused.
    Explain(explain::Args),
    /// Show what the door measured on itself.
    Report(report::Args),
    /// Decide recorded visits again.
    Replay(replay::Args),
    /// Test which pictures this door lets in.
    Liveness(liveness::Args),
    /// Accept the time that the clock shows.
    Clock(clock::Args),
    /// Save people, events, configuration and models in one archive.
    Backup(backup::Args),
    /// Restore a door from a backup, or add the people of one.
    Restore(restore::Args),
    /// Check and show the configuration.
    Config(config::Args),
    /// Check everything that the door depends on, and print how to fix each fault.
    Doctor(doctor::Args),
}

impl Cli {
    /// Parses the arguments of the process, runs the command, and prints why it failed. Returns one of [`EXIT_CODES`].
    pub fn execute(arguments: Vec<OsString>) -> ExitCode {
        let is_json = failure::wants_json(&arguments);
        match Self::try_parse_from(&arguments) {
            Ok(cli) => {
                let door = cli.globals.door.clone();
                cli.run(arguments).unwrap_or_else(|error| failure::report(&error, door.as_ref(), is_json))
            }
            Err(error) => failure::report_usage(&error, is_json),
        }
    }

    fn run(self, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
        let globals = &self.globals;
        // The arguments of the console are those of another program.
        if !matches!(self.verb, Verb::Console(_)) {
            globals.check_set_flags(arguments.into_iter())?;
        }
        if !matches!(self.verb, Verb::Setup(_)) {
            globals.check_door()?;
        }
        match self.verb {
            Verb::Run(args) => run::run(globals, args),
            Verb::Rest(args) => rest::run(globals, args),
            Verb::RelayGuard(args) => relay_guard::run(args),
            Verb::ModelsSelfTest(args) => self_test::run(args),
            Verb::Complete(args) => complete::run(globals, args),
            Verb::Demo(args) => demo::run(globals, args),
            Verb::Setup(args) => setup::run(globals, &args),
            Verb::Cameras(args) => cameras::run(globals, args),
            Verb::Detect(args) => detect::run(globals, args),
            Verb::Embed(args) => embed::run(globals, args),
            Verb::Verify(args) => verify::run(globals, args),
            Verb::Identify(args) => identify::run(globals, args),
            Verb::Enroll(args) => enroll::run(globals, args),
            Verb::Door(args) => door::run(globals, args),
            Verb::Tokens(args) => tokens::run(globals, args),
            Verb::Console(args) => console::run(globals, args),
            Verb::People(args) => people::run(globals, args),
            Verb::Models(args) => models::run(globals, args),
            Verb::Video(args) => video::run(globals, args),
            Verb::Bench(args) => bench::run(globals, args),
            Verb::Events(args) => events::run(globals, args),
            Verb::Snapshots(args) => snapshots::run(globals, args),
            Verb::Explain(args) => explain::run(globals, args),
            Verb::Report(args) => report::run(globals, args),
            Verb::Replay(args) => replay::run(globals, args),
            Verb::Liveness(args) => liveness::run(globals, args),
            Verb::Clock(args) => clock::run(globals, args),
            Verb::Backup(args) => backup::run(globals, args),
            Verb::Restore(args) => restore::run(globals, args),
            Verb::Config(args) => config::run(globals, args),
            Verb::Doctor(args) => doctor::run(globals, args),
        }
    }
}
