//! `[models]`

use std::path::PathBuf;

use crate::rule::{integer, public_keys, text, url_or_path};

section! {
    /// Which models the door runs, and where new ones come from.
    [models] Models {
        /// The folder with the models and their manifest.toml. Not set: the bundle that `ostiary models` has activated,
        /// if there is one and `models.keys` lists its publisher; otherwise /usr/share/ostiary/models, the folder models
        /// beside the program, or ./models.
        dir: Option<PathBuf> = None => text().example("/usr/share/ostiary/models");
        /// Public keys of the publishers whose bundles are trusted, as `ostiary-trainer keys` prints them.
        keys: Vec<String> = Vec::new() => public_keys();
        /// Where `ostiary models pull` looks for a newer bundle: a URL or a folder.
        source: Option<String> = None => url_or_path().example("https://models.example.org/door");
        /// Where bundles are kept.
        store: PathBuf = "/var/lib/ostiary/models".into() => text();
        /// How many bundles are kept besides the active one and the one before it.
        keep: usize = 1 => integer(0, 100);
    }
}
