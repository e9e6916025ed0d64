//! Lists, checks and changes the stored bundles: by the running door, or in its files if none runs.

use std::process::ExitCode;

use anyhow::Context;
use indicatif::ProgressBar;
use ostiary_config::Config;
use ostiary_control::interface::{
    ActivateModels_Reply, ListModels_Reply, RollbackModels_Reply, TemplateProgress, VarlinkClientInterface,
};
use ostiary_control::{CallError, Client};
use ostiary_core::ModelId;
use ostiary_events::Action;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::excluded_people::ExcludedPeople;
use crate::cli::Globals;
use crate::cli::administration::record;
use crate::cli::failure::Refusal;
use crate::cli::file_owner::continue_as_owner;
use crate::cli::output::{json_line, line};
use crate::cli::running_door::{refuse_deaf_door, running_door};
use crate::model_bundles::{
    ChangeHost, ChangeResult, CheckedBundle, ListedBundle, ModelChange, ModelList, change_models,
    check_bundles,
};

/// The stored bundles of a door.
pub struct Stored<'a> {
    globals: &'a Globals,
    config: &'a Config,
    /// The running door.
    door: Option<Client>,
}

impl<'a> Stored<'a> {
    /// The bundles of this configuration's door. If none runs, root goes on as the user who owns the bundles.
    ///
    /// # Errors
    /// A door runs that this user may not ask.
    pub fn open(globals: &'a Globals, config: &'a Config) -> anyhow::Result<Self> {
        let door = running_door(config, &config.facebank.path)?;
        if door.is_none() {
            continue_as_owner(&config.models.store)?;
        }
        Ok(Self { globals, config, door })
    }

    /// Prints all bundles.
    pub fn list(self) -> anyhow::Result<ExitCode> {
        let list = match self.door {
            Some(mut door) => from_api(door.door().list_models().call().map_err(CallError::from)?)?,
            None => ModelList::read(self.config)?,
        };
        if self.globals.json {
            list.bundles.iter().try_for_each(json_line)?;
            return Ok(ExitCode::SUCCESS);
        }
        list.bundles.iter().try_for_each(|bundle| line(&bundle.in_words()))?;
        if list.active.is_none() {
            line("the models that the program came with are in use")?;
        }
        if list.is_overridden {
            line("models.dir is set and overrides all bundles")?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Checks a bundle or all, and prints each.
    pub fn verify(self, version: Option<u64>) -> anyhow::Result<ExitCode> {
        let mut are_good = true;
        let json = self.globals.json;
        let mut report = |bundle: CheckedBundle| {
            are_good &= bundle.good;
            if json { json_line(&bundle) } else { line(&bundle.in_words()) }
        };
        match self.door {
            Some(mut door) => {
                let mut call = door.door().verify_models(version.map(i64::try_from).transpose()?);
                for reply in call.more().map_err(CallError::from)? {
                    if let Some(bundle) = reply.map_err(CallError::from)?.bundle {
                        report(parse(bundle)?)?;
                    }
                }
            }
            None => check_bundles(self.config, version, report)?,
        }
        Ok(ExitCode::from(u8::from(!are_good)))
    }

    /// Changes to other models, and prints what became of it.
    pub fn change(self, change: ModelChange, excluded: ExcludedPeople) -> anyhow::Result<ExitCode> {
        let result = match self.door {
            Some(mut door) => change_by_door(&mut door, change, excluded.without)?,
            None => {
                refuse_deaf_door(self.config)?;
                let bar = ProgressBar::new_spinner().with_message("computing templates");
                let mut host = NoDoor { config: self.config, bar };
                ChangeResult::new(change_models(self.config, change, &excluded.without, &mut host))?
            }
        };
        match result {
            ChangeResult::Refused { refused } => return Err(Refusal(refused).into()),
            ChangeResult::Changed(changed) if self.globals.json => json_line(&changed)?,
            ChangeResult::Changed(changed) => changed.in_words().iter().try_for_each(|text| line(text))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the running door change its models.
fn change_by_door(
    door: &mut Client,
    change: ModelChange,
    without: Vec<String>,
) -> anyhow::Result<ChangeResult> {
    let bar = ProgressBar::new_spinner().with_message("the door changes its models");
    bar.enable_steady_tick(super::TICK_INTERVAL);
    let door = door.door();
    let mut result = None;
    let mut follow = |progress: Option<TemplateProgress>, changed: Option<Value>| {
        if let Some(TemplateProgress { done, of }) = progress {
            show(&bar, usize::try_from(done).unwrap_or(0), usize::try_from(of).unwrap_or(0));
        }
        result = changed;
    };
    match change {
        ModelChange::Activate { version } => {
            let version = version.map(i64::try_from).transpose()?;
            for reply in door.activate_models(version, without).more().map_err(CallError::from)? {
                let ActivateModels_Reply { progress, result } = reply.map_err(CallError::from)?;
                follow(progress, result);
            }
        }
        ModelChange::Rollback => {
            for reply in door.rollback_models(without).more().map_err(CallError::from)? {
                let RollbackModels_Reply { progress, result } = reply.map_err(CallError::from)?;
                follow(progress, result);
            }
        }
    }
    bar.finish_and_clear();
    parse(result.context("the running door has ended the change without a result; see `ostiary events`")?)
}

/// Shows how many templates are computed.
fn show(bar: &ProgressBar, done: usize, of: usize) {
    bar.set_message(format!("computing template {} of {of}", done + 1));
}

fn from_api(reply: ListModels_Reply) -> anyhow::Result<ModelList> {
    let ListModels_Reply { bundles, active, overridden } = reply;
    let bundles = bundles.into_iter().map(parse).collect::<anyhow::Result<Vec<ListedBundle>>>()?;
    Ok(ModelList { bundles, active: active.map(u64::try_from).transpose()?, is_overridden: overridden })
}

fn parse<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_json::from_value(value)
        .context("the running door describes models in another way than this program")
}

/// A change in the files of a door that does not run.
struct NoDoor<'a> {
    config: &'a Config,
    bar: ProgressBar,
}

impl ChangeHost for NoDoor<'_> {
    fn before_template(&mut self, done: usize, of: usize) -> anyhow::Result<()> {
        show(&self.bar, done, of);
        Ok(())
    }

    fn reload(&mut self) -> Result<Option<ModelId>, String> {
        self.bar.finish_and_clear();
        Ok(None)
    }

    fn record(&mut self, detail: String) {
        record(self.config, &self.config.facebank.path, Action::ModelsChanged, None, Some(detail));
    }
}
