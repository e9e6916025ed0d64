//! Flags that every command takes.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::ensure;
use ostiary_config::{Config, ConfigError, Layers, Loaded, NamedDoor};

use crate::precision_choice;

#[derive(Debug, clap::Args)]
pub struct Globals {
    /// The door of this name, on a board with several: its files are in /etc/ostiary-NAME and /var/lib/ostiary-NAME.
    #[arg(long, global = true, value_name = "NAME")]
    pub door: Option<NamedDoor>,

    /// Read this configuration file instead of /etc/ostiary/ostiary.toml and conf.d.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keep the keys that `ostiary config set` changes in this file instead of /var/lib/ostiary/settings.toml; with --config
    /// there is none otherwise.
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Set one key, for example --set door.fpir=0.003; can be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// The folder with the models and their manifest.toml.
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,

    /// Print one JSON object per line.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Globals {
    /// Loads the configuration from all layers; these flags override the other layers.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(self.loaded()?.config)
    }

    /// Loads the configuration, with the origin of each value.
    pub fn loaded(&self) -> Result<Loaded, ConfigError> {
        precision_choice::load(&self.layers())
    }

    /// Refuses the name of a door that this board does not have: it would look like a door without people.
    pub fn check_door(&self) -> anyhow::Result<()> {
        let (Some(door), None) = (&self.door, &self.config) else { return Ok(()) };
        let folder = door.folder();
        ensure!(
            folder.is_dir(),
            "there is no door {door}: {} does not exist; `ostiary --door {door} setup` makes it",
            folder.display()
        );
        Ok(())
    }

    /// The service of the door, without `.service`.
    pub fn service(&self) -> String {
        self.door.as_ref().map_or_else(|| "ostiary".to_owned(), NamedDoor::unit)
    }

    /// A text for people with the commands and the service of this door.
    pub fn addressed(&self, text: &str) -> String {
        addressed(self.door.as_ref(), text)
    }

    /// Refuses `--set` flags that clap drops: it keeps those before the command or those after it, but not both.
    /// `arguments` are the arguments of the process.
    pub fn check_set_flags(&self, arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
        let is_set_flag = |argument: &OsString| {
            let argument = argument.to_string_lossy();
            argument == "--set" || argument.starts_with("--set=")
        };
        let given = arguments.take_while(|argument| argument != "--").filter(is_set_flag).count();
        ensure!(
            given == self.set.len(),
            "--set is given both before and after the command: put all on one side"
        );
        Ok(())
    }

    /// Where the configuration is read from. The daemon keeps it to read the same sources again on a reload.
    pub fn layers(&self) -> Layers {
        let environment = Layers::process_environment();
        let layers = self.door.clone().map_or_else(Layers::default, Layers::of_door);
        let settings = match &self.config {
            Some(_) => self.settings.clone(),
            None => self.settings.clone().or(layers.settings),
        };
        Layers {
            door: layers.door,
            folder: layers.folder,
            file: self.config.clone(),
            settings,
            environment,
            set: self.set.clone(),
            models: self.models.clone(),
        }
    }
}

/// A text for people with the commands and the service of a door.
pub fn addressed(door: Option<&NamedDoor>, text: &str) -> String {
    door.map_or_else(|| text.to_owned(), |door| door.addressed(text))
}
