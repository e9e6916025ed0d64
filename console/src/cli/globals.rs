//! Flags that every command takes: those of `ostiary`, as far as they matter here.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use ostiary_config::{Config, Layers, NamedDoor};

/// The folder of the console of the first door.
const STATE: &str = "/var/lib/ostiary-console";

#[derive(Debug, clap::Args)]
pub struct Globals {
    /// The door of this name, on a board with several.
    #[arg(long, global = true, value_name = "NAME")]
    pub door: Option<NamedDoor>,

    /// Read this configuration file instead of /etc/ostiary/ostiary.toml and conf.d.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one key, for example --set console.listen=127.0.0.1:8443; can be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Keep accounts and certificate in this folder instead of /var/lib/ostiary-console.
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Print one JSON object per line.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Globals {
    /// The configuration of the door. The keys that `ostiary config set` changes are none of the console's, and their file is the
    /// door's alone.
    pub fn config(&self) -> anyhow::Result<Config> {
        let environment = Layers::process_environment();
        let layers = self.door.clone().map_or_else(Layers::default, Layers::of_door);
        let layers = Layers {
            file: self.config.clone(),
            settings: None,
            environment,
            set: self.set.clone(),
            ..layers
        };
        Ok(ostiary_config::load(&layers)?.config)
    }

    /// The folder with accounts and certificate, which must exist.
    pub fn state(&self) -> anyhow::Result<PathBuf> {
        let folder = match (&self.state, &self.door) {
            (Some(folder), _) => folder.clone(),
            (None, Some(door)) => door.console_folder(),
            (None, None) => STATE.into(),
        };
        let found = folder.metadata().with_context(|| {
            let path = folder.display();
            format!(
                "{path}: the folder of the console cannot be used; the package makes that of the first door, and for a further one: \
                 `install -d -m 700 -o ostiary-console -g ostiary-console {path}`"
            )
        })?;
        ensure!(found.is_dir(), "{}: this is no folder", folder.display());
        Ok(folder)
    }
}
