//! Flags that every verb takes.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::ensure;
use ostiary_config as config;
use ostiary_config::{Config, ConfigError, Layers, Loaded};

#[derive(Debug, clap::Args)]
pub struct Globals {
    /// Read this configuration file instead of /etc/ostiary/ostiary.toml and conf.d.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one key, as in --set door.far=1e-5; may be given often.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// The folder with the models and their manifest.toml.
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,

    /// Print one JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Globals {
    /// The configuration of this call: all layers, these flags last.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(self.loaded()?.config)
    }

    /// The configuration with where each value came from.
    pub fn loaded(&self) -> Result<Loaded, ConfigError> {
        config::load(&self.layers())
    }

    /// Refuses `--set` on both sides of the verb. clap keeps only one side, and would silently lose the keys of the other.
    ///
    /// # Errors
    /// If a flag is lost.
    pub fn refuse_lost_keys(&self, arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
        let is_set = |argument: &OsString| {
            let argument = argument.to_string_lossy();
            argument == "--set" || argument.starts_with("--set=")
        };
        let given = arguments.take_while(|argument| argument != "--").filter(is_set).count();
        ensure!(given == self.set.len(), "--set is given before the verb and after it: put all on one side");
        Ok(())
    }

    /// The sources of the configuration. The daemon keeps them, to read the same places again on a reload.
    pub fn layers(&self) -> Layers {
        // A variable that is not UTF-8 is kept with replacement characters, so that its key refuses it. If it were left
        // out, it would be silently ignored.
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Layers {
            file: self.config.clone(),
            environment,
            set: self.set.clone(),
            models: self.models.clone(),
            ..Layers::default()
        }
    }
}
