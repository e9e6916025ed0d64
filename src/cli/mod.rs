//! The command line: one file a verb.

mod bench;
mod cameras;
mod clock;
mod config;
mod demo;
mod detect;
mod doctor;
mod embed;
mod enroll;
mod globals;
mod identify;
mod match_label;
mod models;
mod output;
mod people;
mod pictures;
mod relay_guard;
mod rest;
mod run;
mod self_test;
mod verify;
mod video;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub use globals::Globals;

/// Ostiary keeps the door: it sees who is there, opens for its people, and can say why.
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
    /// Keep the door.
    Run(run::Args),
    /// Put the relay to rest where no daemon does.
    Rest(rest::Args),
    /// Hold the relay's line for the daemon, which starts this itself.
    #[command(hide = true)]
    RelayGuard(relay_guard::Args),
    /// Test models in a process of their own, which other verbs and the daemon start themselves.
    #[command(hide = true)]
    ModelsSelfTest(self_test::Args),
    /// Watch the whole chain work on bundled portraits: no camera, relay or broker needed.
    Demo(demo::Args),
    /// List cameras and what they offer.
    Cameras(cameras::Args),
    /// Find faces in pictures.
    Detect(detect::Args),
    /// Turn faces into embeddings.
    Embed(embed::Args),
    /// Say whether two pictures show the same person.
    Verify(verify::Args),
    /// Say whom a picture shows.
    Identify(identify::Args),
    /// Make a person known, from photos, folders or the camera.
    Enroll(enroll::Args),
    /// List and change the people whom the door knows.
    People(people::Args),
    /// Bring new models to the door, put them into use, and go back.
    Models(models::Args),
    /// Annotate a video with what the door would see.
    Video(video::Args),
    /// Measure speed on this machine.
    Bench(bench::Args),
    /// Accept the time that the clock shows.
    Clock(clock::Args),
    /// Check and show the configuration.
    Config(config::Args),
    /// Check all that the door depends on, and say how to mend it.
    Doctor(doctor::Args),
}

impl Cli {
    /// Runs the verb. The exit code is 0 for yes, 1 for no; an error is the caller's to print, with code 2.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let globals = &self.globals;
        globals.refuse_lost_keys(std::env::args_os())?;
        match self.verb {
            Verb::Run(args) => run::run(globals, args),
            Verb::Rest(args) => rest::run(globals, args),
            Verb::RelayGuard(args) => relay_guard::run(args),
            Verb::ModelsSelfTest(args) => self_test::run(args),
            Verb::Demo(args) => demo::run(globals, args),
            Verb::Cameras(args) => cameras::run(globals, args),
            Verb::Detect(args) => detect::run(globals, args),
            Verb::Embed(args) => embed::run(globals, args),
            Verb::Verify(args) => verify::run(globals, args),
            Verb::Identify(args) => identify::run(globals, args),
            Verb::Enroll(args) => enroll::run(globals, args),
            Verb::People(args) => people::run(globals, args),
            Verb::Models(args) => models::run(globals, args),
            Verb::Video(args) => video::run(globals, args),
            Verb::Bench(args) => bench::run(globals, args),
            Verb::Clock(args) => clock::run(globals, args),
            Verb::Config(args) => config::run(globals, args),
            Verb::Doctor(args) => doctor::run(globals, args),
        }
    }
}
