//! `ostiary models pull`: downloads, checks and stores the newest bundle.

use std::process::ExitCode;

use indicatif::ProgressBar;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::clock::build_time;
use ostiary_events::logging;
use ostiary_models::{ModelStore, ModelStoreError, Repository};
use serde_json::json;

use super::TICK_INTERVAL;
use super::excluded_people::ExcludedPeople;
use super::stored::Stored;
use crate::cli::Globals;
use crate::cli::output::{json_line, line};
use crate::model_bundles::{ModelChange, check_and_load};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary models pull\n  ostiary models pull --activate\n  \
                        ostiary models pull /media/usb/bundles\n\n\
                        A failed download changes nothing that is stored; the next one downloads only the missing files.")]
pub struct Args {
    /// A URL or a folder, instead of models.source.
    source: Option<String>,
    /// Also activate the bundle, unless a rollback has deactivated it.
    #[arg(long)]
    activate: bool,
    #[command(flatten)]
    excluded: ExcludedPeople,
}

pub fn run(globals: &Globals, config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    // Retries are reported in the log.
    logging::init(config.log.level);
    let model_store = ModelStore::open(&config.models)?;
    let source = args.source.or_else(|| config.models.source.clone()).ok_or(ModelStoreError::NoSource)?;
    let repository = Repository::open(&source)?;
    let pull = model_store.lock_pull()?;
    let offered = repository.current(model_store.keys())?;
    let is_news = model_store.is_new(&offered)?;
    offered.release.check_time(Timestamp::now(), build_time())?;
    let version = offered.release.version;
    let bar = ProgressBar::new_spinner().with_message(format!("bundle {version}"));
    bar.enable_steady_tick(TICK_INTERVAL);
    let fetched = match is_news {
        false => 0,
        true => model_store
            .install(&pull, &offered, &repository, |kept| check_and_load(kept, config).map(|_| ()))?,
    };
    bar.finish_and_clear();
    if globals.json {
        json_line(&json!({
            "version": version, "new": is_news, "fetched": fetched,
            "created": offered.release.created, "expires": offered.release.expires,
        }))?;
    } else if is_news {
        line(&format!(
            "bundle {version} is stored; {fetched} of {} files were downloaded",
            offered.release.files.len()
        ))?;
    } else {
        line(&format!("bundle {version} is the newest, and is stored already"))?;
    }
    drop(pull);
    let lock = model_store.lock()?;
    let state = model_store.state()?;
    if args.activate && state.active() != Some(version) {
        if state.may_activate(version) {
            // The door takes it.
            drop(lock);
            let change = ModelChange::Activate { version: Some(version) };
            return Stored::open(globals, config)?.change(change, args.excluded);
        }
        report_withdrawn(globals, version)?;
    }
    model_store.prune(&lock, config.models.keep)?;
    Ok(ExitCode::SUCCESS)
}

/// Reports that the bundle is not activated because of a rollback. `ostiary models activate` or a newer bundle ends that.
fn report_withdrawn(globals: &Globals, version: u64) -> anyhow::Result<()> {
    if globals.json {
        return json_line(&json!({ "version": version, "active": false, "withdrawn": true }));
    }
    line(&format!(
        "bundle {version} was deactivated by a rollback and is not activated again; run `ostiary models activate {version}` to activate it"
    ))
}
