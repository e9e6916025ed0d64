//! The stored bundles of models, as the control API lists, checks and changes them.

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ostiary_control::Session;
use ostiary_control::interface::{Call_VerifyModels, TemplateProgress};
use ostiary_core::ModelId;
use ostiary_events::{Action, Administration, EventKind, User};
use serde::Serialize;
use serde_json::Value;

use super::heavy_calls::HeavyCall;
use super::{ControlApi, MainRequest};
use crate::model_bundles::{ChangeHost, ChangeResult, ModelChange, ModelList, change_models, check_bundles};

/// How long a change waits for the main thread, which tests the models: with onnxruntime for 15 minutes.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// The version of a bundle, as a call names it.
pub(super) fn version(number: i64) -> Result<u64> {
    u64::try_from(number).ok().with_context(|| format!("no bundle has the version {number}"))
}

impl ControlApi {
    /// The stored bundles, the active version, and whether a folder overrides them.
    pub(super) fn list_models(&self) -> Result<(Vec<Value>, Option<i64>, bool)> {
        let ModelList { bundles, active, is_overridden } = ModelList::read(&self.config_on_disk()?)?;
        let bundles = bundles.iter().map(json).collect::<Result<_>>()?;
        Ok((bundles, active.map(i64::try_from).transpose()?, is_overridden))
    }

    /// Checks bundles and sends each.
    pub(super) fn verify_models(
        &self,
        version: Option<i64>,
        call: &mut dyn Call_VerifyModels,
    ) -> Result<varlink::Result<()>> {
        let version = version.map(self::version).transpose()?;
        let _work = self.begin_work()?;
        call.set_continues(true);
        check_bundles(&self.config_on_disk()?, version, |bundle| {
            // A client that has gone ends the checks.
            ensure!(!self.shared.is_stopping(), "the door ends");
            Ok(call.reply(Some(json(&bundle)?))?)
        })?;
        call.set_continues(false);
        Ok(call.reply(None))
    }

    /// Changes the models, records it, and returns what became of it, as commands print it. `send` sends how far it is.
    pub(super) fn change_models(
        &self,
        change: ModelChange,
        without: &[String],
        (session, user): (&Session, User),
        send: &mut dyn FnMut(TemplateProgress) -> varlink::Result<()>,
    ) -> Result<Value> {
        let _work = self.begin_work()?;
        let mut host = RunningDoor { api: self, session, user, crop: None, send };
        json(&ChangeResult::new(change_models(&self.config_on_disk()?, change, without, &mut host))?)
    }
}

/// A change of the models that this door uses.
struct RunningDoor<'a> {
    api: &'a ControlApi,
    session: &'a Session,
    /// Who asked for it.
    user: User,
    /// The crop that a template is computed of.
    crop: Option<HeavyCall<'a>>,
    /// Sends how far the change is.
    send: &'a mut dyn FnMut(TemplateProgress) -> varlink::Result<()>,
}

impl ChangeHost for RunningDoor<'_> {
    fn before_template(&mut self, done: usize, of: usize) -> Result<()> {
        if !self.session.is_open() || self.api.shared.is_stopping() {
            bail!("the client has gone, or the door ends: nothing was changed");
        }
        // After the end of the one before, so that there is a pause between them.
        self.crop = None;
        self.crop = Some(self.api.heavy_calls.begin());
        let (done, of) = (i64::try_from(done)?, i64::try_from(of)?);
        // A client that has gone is found above.
        let _ = (self.send)(TemplateProgress { done, of });
        Ok(())
    }

    fn reload(&mut self) -> Result<Option<ModelId>, String> {
        self.crop = None;
        let user = self.user.clone();
        self.api.ask_within(RELOAD_TIMEOUT, |reply| MainRequest::Reload { user, reply })?;
        Ok(Some(self.api.summary.lock().unwrap_or_else(PoisonError::into_inner).model.clone()))
    }

    fn record(&mut self, detail: String) {
        let (action, user) = (Action::ModelsChanged, self.user.clone());
        let change = Administration { action, person: None, detail: Some(detail), user };
        self.api.shared.emit(EventKind::Administered(change));
    }
}

/// An object as commands print it.
fn json(value: &impl Serialize) -> Result<Value> {
    // By text, so that a number has as many digits as the commands print.
    Ok(serde_json::from_str(&serde_json::to_string(value)?)?)
}
