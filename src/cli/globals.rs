//! Flags that every verb takes.

use std::path::PathBuf;

use crate::config::{self, Config, ConfigError, Layers, Loaded};

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
    /// The configuration in force for this call: all layers, these flags last.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(self.loaded()?.config)
    }

    /// The configuration with where each value came from.
    pub fn loaded(&self) -> Result<Loaded, ConfigError> {
        config::load(&self.layers())
    }

    /// What the configuration is read from; the daemon keeps it, to read the same places again on a reload.
    pub fn layers(&self) -> Layers {
        // A variable that is not UTF-8 keeps its name and shows what it holds, so that it is refused by the
        // key's type rather than passed over.
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
