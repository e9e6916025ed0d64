//! Flags that every verb takes.

use std::path::PathBuf;

use crate::config::Config;

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
        let mut config = Config::default();
        config.models.dir.clone_from(&self.models);
        Ok(config)
    }
}
