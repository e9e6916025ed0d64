//! Where the configuration came from, to read it again.

use anyhow::{Result, bail};
use ostiary_config::{Layers, LeftOut, Loaded, Setting};

use crate::precision_choice;

/// The layers of a configuration in use.
pub struct ConfigFiles {
    layers: Layers,
    /// Every key in use.
    pub settings: Vec<Setting>,
    /// The file of changed keys, if it was left out at the start because of an error in it.
    pub left_out: Option<LeftOut>,
}

impl ConfigFiles {
    /// The layers that a configuration was loaded from.
    pub fn new(layers: Layers, loaded: &Loaded) -> Self {
        Self { layers, settings: loaded.settings().to_vec(), left_out: loaded.left_out().cloned() }
    }

    /// The layers.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Loads the configuration again. While the file of changed keys is in use, an error in it is one of the whole: to leave it
    /// out would undo what its keys protect, for example a lower rate of strangers. Only a start leaves it out, because the exit
    /// of people must work.
    ///
    /// # Errors
    /// As `precision_choice::load`, and an error in the file of changed keys.
    pub fn load(&self) -> Result<Loaded> {
        let loaded = precision_choice::load(&self.layers)?;
        if let (Some(left_out), None) = (loaded.left_out(), &self.left_out) {
            bail!("{left_out}");
        }
        Ok(loaded)
    }

    /// Takes what was loaded as the configuration in use.
    pub fn set(&mut self, loaded: &Loaded) {
        (self.settings, self.left_out) = (loaded.settings().to_vec(), loaded.left_out().cloned());
    }
}
