//! Answers the calls of the control API. Each connection has a thread of its own, which reads files, asks the main thread and
//! sends messages to the door thread, as other threads do. It never waits for the vision thread, and that never for it.

mod decisions;
mod doctor;
mod enroll;
mod events;
mod heavy_calls;
mod live;
mod liveness;
mod models;
mod people;
mod settings;
mod snapshots;
mod state;
mod tokens;

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::bail;
use ostiary_access::DoorCommand;
use ostiary_config::{Config, Layers, Setting};
use ostiary_control::interface::{
    self, Call_ActivateModels, Call_CreateToken, Call_DeleteSnapshot, Call_Doctor, Call_EnablePerson,
    Call_EndLivenessTest, Call_EnrollFromCamera, Call_EnrollPhotos, Call_EnrollSnapshot,
    Call_ExplainDecision, Call_FollowEvents, Call_GetConfiguration, Call_GetLiveness, Call_GetLivenessParts,
    Call_GetReport, Call_GetRole, Call_GetSnapshot, Call_GetState, Call_HoldOpen, Call_ListEvents,
    Call_ListModels, Call_ListPeople, Call_ListSnapshots, Call_ListTokens, Call_LockDown, Call_Open,
    Call_Reload, Call_RemovePerson, Call_RenamePerson, Call_Replay, Call_ResetKey, Call_RevokeToken,
    Call_RollbackModels, Call_SendPhoto, Call_SetKey, Call_SetNormal, Call_SetPersonGroup, Call_SetSudoUser,
    Call_ShowPerson, Call_TestLiveness, Call_TestRelay, Call_VerifyModels, Call_WatchLive, EnrollOptions,
    EventFilter, TemplateProgress, VarlinkCallError, VarlinkInterface,
};
use ostiary_control::{ControlError, Server, Session};
use ostiary_events::User;
use rustix::process::geteuid;
use serde_json::Value;

use self::enroll::SentPhotos;
use self::heavy_calls::HeavyCalls;
pub use self::live::live_jpeg;
use self::liveness::LivenessTestSlot;
use self::people::PeopleCache;
pub use self::state::DoorSummary;
use super::shared::Shared;
use crate::enrollment::CameraEnrollment;
use crate::model_bundles::ModelChange;
use crate::people_change::PeopleChange;
use crate::precision_choice;

/// The file with the ids of the groups that may call.
const GROUPS: &str = "/etc/group";
/// How long a call waits for the main thread, which may be testing new models.
const MAIN_THREAD_TIMEOUT: Duration = Duration::from_secs(120);
/// The most requests that wait for the main thread.
const MAX_REQUESTS: usize = 4;

/// What a call asks the main thread to do.
pub enum MainRequest {
    /// Read the configuration again and apply it.
    Reload {
        /// Who asked.
        user: User,
        /// Gets the detail of the event `reloaded` or `reload_refused`.
        reply: SyncSender<Result<String, String>>,
    },
    /// Change a key in the file of changed keys, or remove it from there.
    SetKey {
        /// The key.
        key: String,
        /// The value; `None` to remove the key.
        value: Option<String>,
        /// Who asked.
        user: User,
        /// Gets what became of it.
        reply: SyncSender<Result<String, String>>,
    },
}

/// What all connections use.
pub struct ControlApi {
    shared: Arc<Shared>,
    /// The configuration in use.
    config: Mutex<Arc<Config>>,
    /// Where the configuration is read from; `None` if it cannot be read again.
    layers: Option<Layers>,
    /// Every key of the configuration in use.
    settings: Mutex<Vec<Setting>>,
    summary: Mutex<DoorSummary>,
    requests: SyncSender<MainRequest>,
    people: Mutex<PeopleCache>,
    /// Locked while somebody is enrolled, models are checked or changed, or the door is checked.
    work: Mutex<()>,
    /// The bytes of the photos that wait to be enrolled.
    photo_bytes: Arc<AtomicUsize>,
    heavy_calls: HeavyCalls,
    liveness_test: LivenessTestSlot,
}

impl ControlApi {
    /// The API of a door, and the requests for the main thread.
    pub fn new(
        shared: Arc<Shared>,
        config: Config,
        layers: Option<Layers>,
        settings: Vec<Setting>,
        summary: DoorSummary,
    ) -> (Arc<Self>, Receiver<MainRequest>) {
        let (requests, receiver) = sync_channel(MAX_REQUESTS);
        let api = Self {
            shared,
            config: Mutex::new(Arc::new(config)),
            layers,
            settings: Mutex::new(settings),
            summary: Mutex::new(summary),
            requests,
            people: Mutex::default(),
            work: Mutex::default(),
            photo_bytes: Arc::default(),
            heavy_calls: HeavyCalls::default(),
            liveness_test: LivenessTestSlot::default(),
        };
        (Arc::new(api), receiver)
    }

    /// Listens on the socket of the configuration, until the server is dropped.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(self: &Arc<Self>) -> Result<Server, ControlError> {
        let api = self.clone();
        let service = move |session: Session| -> ostiary_control::Service {
            Box::new(interface::new(Box::new(Connection {
                api: api.clone(),
                session,
                sudo_uid: Mutex::new(None),
                photos: Mutex::new(SentPhotos::new(api.photo_bytes.clone())),
            })))
        };
        let config = self.config();
        let tokens = tokens::open(&config.facebank.path, self.shared.clone());
        Server::start(&config.control_socket(), Path::new(GROUPS), tokens, Box::new(service))
    }

    /// Replaces the configuration, after a reload.
    pub fn set_config(&self, config: Config, settings: Vec<Setting>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// Replaces what is shown of people and models.
    pub fn set_summary(&self, summary: DoorSummary) {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = summary;
    }

    /// To be called when the door stops: waits, for a second at most, until running calls have recorded what they must.
    pub fn finish(&self) {
        self.liveness_test.wait_for_end();
    }

    fn config(&self) -> Arc<Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration as its files have it now, as a reload reads it.
    fn config_on_disk(&self) -> anyhow::Result<Config> {
        match &self.layers {
            Some(layers) => Ok(precision_choice::load(layers)?.config),
            None => Ok((*self.config()).clone()),
        }
    }

    /// Begins work that loads models or other much memory: one at a time, because the memory of the service is limited.
    fn begin_work(&self) -> anyhow::Result<MutexGuard<'_, ()>> {
        match self.work.try_lock() {
            Ok(work) => Ok(work),
            Err(TryLockError::Poisoned(work)) => Ok(PoisonError::into_inner(work)),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "the door is busy: somebody is being enrolled, or models or the door are being checked; try again later"
                )
            }
        }
    }

    /// Asks the main thread, and waits for its answer.
    fn ask(
        &self,
        request: impl FnOnce(SyncSender<Result<String, String>>) -> MainRequest,
    ) -> Result<String, String> {
        self.ask_within(MAIN_THREAD_TIMEOUT, request)
    }

    /// Asks the main thread, and waits for its answer for this time.
    fn ask_within(
        &self,
        timeout: Duration,
        request: impl FnOnce(SyncSender<Result<String, String>>) -> MainRequest,
    ) -> Result<String, String> {
        let (reply, answer) = sync_channel(1);
        if self.requests.try_send(request(reply)).is_err() {
            return Err("the door is busy or ends: try again later".to_owned());
        }
        match answer.recv_timeout(timeout) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                Err("the door is still busy with it: see `ostiary events`".to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => Err("the door ends".to_owned()),
        }
    }
}

/// The connection of one user.
struct Connection {
    api: Arc<ControlApi>,
    session: Session,
    /// The user who ran sudo, as root states it.
    sudo_uid: Mutex<Option<u32>>,
    photos: Mutex<SentPhotos>,
}

impl Connection {
    /// The user who calls.
    fn user(&self) -> User {
        let sudo_uid = *self.sudo_uid.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = self.session.peer.uid;
        match self.session.bearer() {
            Some(bearer) => User::Token { name: bearer.name, uid },
            None => User::Process { uid, sudo_uid },
        }
    }

    /// Gives the door a command.
    fn command(&self, command: DoorCommand) -> Result<(), String> {
        let reply = self.api.shared.command(command, self.user());
        reply.map(drop).map_err(|refusal| refusal.to_string())
    }

    /// Makes a change of a person and answers with the person.
    fn change(&self, change: PeopleChange) -> Result<interface::Person, String> {
        self.api.change_person(change, self.user()).map_err(|error| format!("{error:#}"))
    }

    /// Changes the models. `reply` sends how far that is, if the client wants to know it, and the result.
    fn change_models<Call: VarlinkCallError + ?Sized>(
        &self,
        call: &mut Call,
        change: ModelChange,
        without: &[String],
        reply: fn(&mut Call, Option<TemplateProgress>, Option<Value>) -> varlink::Result<()>,
    ) -> varlink::Result<()> {
        let has_progress = call.wants_more();
        call.set_continues(has_progress);
        let mut send = |progress| if has_progress { reply(call, Some(progress), None) } else { Ok(()) };
        let result = self.api.change_models(change, without, (&self.session, self.user()), &mut send);
        call.set_continues(false);
        match result {
            Ok(result) => reply(call, None, Some(result)),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }
}

impl VarlinkInterface for Connection {
    fn set_sudo_user(&self, call: &mut dyn Call_SetSudoUser, uid: i64) -> varlink::Result<()> {
        if ![0, geteuid().as_raw()].contains(&self.session.peer.uid) {
            return call
                .reply_refused("only root and the user of the door can state who ran sudo".to_owned());
        }
        let Ok(uid) = u32::try_from(uid) else { return call.reply_invalid_parameter("uid".to_owned()) };
        *self.sudo_uid.lock().unwrap_or_else(PoisonError::into_inner) = Some(uid);
        call.reply()
    }

    fn get_role(&self, call: &mut dyn Call_GetRole) -> varlink::Result<()> {
        match self.session.role() {
            Some(role) => call.reply(role.to_string(), self.session.bearer().map(|bearer| bearer.name)),
            None => call.reply_refused("this connection has no role".to_owned()),
        }
    }

    fn create_token(
        &self,
        call: &mut dyn Call_CreateToken,
        name: String,
        role: String,
        expires_s: Option<i64>,
    ) -> varlink::Result<()> {
        match self.new_token(&name, &role, expires_s) {
            Ok(token) => call.reply(token),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn list_tokens(&self, call: &mut dyn Call_ListTokens) -> varlink::Result<()> {
        match self.all_tokens() {
            Ok(tokens) => call.reply(tokens),
            Err(error) => call.reply_refused(format!("{error}; {}", error.fix())),
        }
    }

    fn revoke_token(&self, call: &mut dyn Call_RevokeToken, name: String) -> varlink::Result<()> {
        match self.end_token(&name) {
            Ok(revoked) => call.reply(revoked),
            Err(error) => call.reply_refused(error.to_string()),
        }
    }

    fn get_state(&self, call: &mut dyn Call_GetState) -> varlink::Result<()> {
        call.reply(self.api.state())
    }

    fn open(&self, call: &mut dyn Call_Open) -> varlink::Result<()> {
        match self.command(DoorCommand::Open) {
            Ok(()) => call.reply(),
            Err(why) => call.reply_refused(why),
        }
    }

    fn test_relay(&self, call: &mut dyn Call_TestRelay, door: String) -> varlink::Result<()> {
        let config = self.api.config();
        if door != config.door.name {
            let name = &config.door.name;
            return call
                .reply_refused(format!("this would open the door {name}: to confirm it, give that name"));
        }
        match self.command(DoorCommand::TestRelay) {
            Ok(()) => call.reply(self.api.shared.pulse().as_secs_f64()),
            Err(why) => call.reply_refused(why),
        }
    }

    fn hold_open(&self, call: &mut dyn Call_HoldOpen, seconds: f64) -> varlink::Result<()> {
        let Ok(hold) = Duration::try_from_secs_f64(seconds) else {
            return call.reply_refused(format!("{seconds} is no length of a hold, in seconds"));
        };
        match self.command(DoorCommand::HoldOpen(hold)) {
            Ok(()) => call.reply(),
            Err(why) => call.reply_refused(why),
        }
    }

    fn lock_down(&self, call: &mut dyn Call_LockDown) -> varlink::Result<()> {
        match self.command(DoorCommand::LockDown) {
            Ok(()) => call.reply(),
            Err(why) => call.reply_refused(why),
        }
    }

    fn set_normal(&self, call: &mut dyn Call_SetNormal) -> varlink::Result<()> {
        match self.command(DoorCommand::Normal) {
            Ok(()) => call.reply(),
            Err(why) => call.reply_refused(why),
        }
    }

    fn list_people(&self, call: &mut dyn Call_ListPeople) -> varlink::Result<()> {
        match self.api.list_people() {
            Ok(people) => call.reply(people.to_vec()),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn show_person(&self, call: &mut dyn Call_ShowPerson, name: String) -> varlink::Result<()> {
        match self.api.show_person(&name) {
            Ok(person) => call.reply(person),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn send_photo(&self, call: &mut dyn Call_SendPhoto, name: String, data: String) -> varlink::Result<()> {
        match self.photos.lock().unwrap_or_else(PoisonError::into_inner).add(name, &data) {
            Ok(()) => call.reply(),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn enroll_photos(
        &self,
        call: &mut dyn Call_EnrollPhotos,
        name: String,
        options: EnrollOptions,
    ) -> varlink::Result<()> {
        let photos = self.photos.lock().unwrap_or_else(PoisonError::into_inner).take();
        match self.api.enroll_photos(&name, &photos, &options, self.user()) {
            Ok((messages, result)) => call.reply(messages, result),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn enroll_from_camera(
        &self,
        call: &mut dyn Call_EnrollFromCamera,
        name: String,
        any_pose: bool,
        timeout_s: f64,
        options: EnrollOptions,
    ) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        let Ok(timeout) = Duration::try_from_secs_f64(timeout_s) else {
            return call.reply_refused("timeout_s must be a number of seconds, 0 or more".to_owned());
        };
        let enrollment = CameraEnrollment { any_pose, timeout, is_door_camera: true };
        let caller = (&self.session, self.user());
        match self.api.enroll_from_camera(&name, enrollment, &options, caller, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn rename_person(
        &self,
        call: &mut dyn Call_RenamePerson,
        name: String,
        new_name: String,
    ) -> varlink::Result<()> {
        match self.change(PeopleChange::Rename { name, new_name }) {
            Ok(person) => call.reply(person),
            Err(why) => call.reply_refused(why),
        }
    }

    fn remove_person(&self, call: &mut dyn Call_RemovePerson, name: String) -> varlink::Result<()> {
        match self.api.remove_person(name, self.user()) {
            Ok(removed) => call.reply(removed),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn enable_person(
        &self,
        call: &mut dyn Call_EnablePerson,
        name: String,
        enabled: bool,
    ) -> varlink::Result<()> {
        match self.change(PeopleChange::SetEnabled { name, enabled }) {
            Ok(person) => call.reply(person),
            Err(why) => call.reply_refused(why),
        }
    }

    fn set_person_group(
        &self,
        call: &mut dyn Call_SetPersonGroup,
        name: String,
        group: Option<String>,
    ) -> varlink::Result<()> {
        match self.change(PeopleChange::SetGroup { name, group }) {
            Ok(person) => call.reply(person),
            Err(why) => call.reply_refused(why),
        }
    }

    fn list_events(
        &self,
        call: &mut dyn Call_ListEvents,
        filter: EventFilter,
        limit: Option<i64>,
    ) -> varlink::Result<()> {
        let Some(limit) = limit else {
            if !call.wants_more() {
                return call
                    .reply_refused("without a limit this call has many replies: set `more`".to_owned());
            }
            return match self.api.all_events(filter, &self.session, call) {
                Ok(ended) => ended,
                Err(error) => {
                    call.set_continues(false);
                    call.reply_refused(format!("{error:#}"))
                }
            };
        };
        match self.api.newest_events(filter, limit) {
            Ok(events) => call.reply(events),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn follow_events(&self, call: &mut dyn Call_FollowEvents, filter: EventFilter) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.follow_events(filter, &self.session, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn list_snapshots(&self, call: &mut dyn Call_ListSnapshots) -> varlink::Result<()> {
        match self.api.list_snapshots() {
            Ok((days, snapshots)) => call.reply(days, snapshots),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn get_snapshot(&self, call: &mut dyn Call_GetSnapshot, event: i64) -> varlink::Result<()> {
        match self.api.snapshot(event) {
            Ok((time, jpeg)) => call.reply(time, jpeg),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn delete_snapshot(&self, call: &mut dyn Call_DeleteSnapshot, event: i64) -> varlink::Result<()> {
        match self.api.delete_snapshot(event, self.user()) {
            Ok(()) => call.reply(),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn enroll_snapshot(
        &self,
        call: &mut dyn Call_EnrollSnapshot,
        name: String,
        event: i64,
        options: EnrollOptions,
    ) -> varlink::Result<()> {
        match self.api.enroll_snapshot(&name, event, &options, self.user()) {
            Ok((messages, result)) => call.reply(messages, result),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn get_report(&self, call: &mut dyn Call_GetReport, since: Option<String>) -> varlink::Result<()> {
        match self.api.report(since, &self.session) {
            Ok(report) => call.reply(report),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn explain_decision(&self, call: &mut dyn Call_ExplainDecision, id: Option<i64>) -> varlink::Result<()> {
        match self.api.explain_decision(id) {
            Ok(explanation) => call.reply(explanation),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn replay(
        &self,
        call: &mut dyn Call_Replay,
        since: Option<String>,
        until: Option<String>,
        changes: Vec<String>,
    ) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.replay([since, until], &changes, &self.session, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn get_liveness(&self, call: &mut dyn Call_GetLiveness) -> varlink::Result<()> {
        match self.api.liveness() {
            Ok(liveness) => call.reply(liveness),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn get_liveness_parts(&self, call: &mut dyn Call_GetLivenessParts) -> varlink::Result<()> {
        match self.api.liveness_parts() {
            Ok(parts) => call.reply(parts),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn test_liveness(
        &self,
        call: &mut dyn Call_TestLiveness,
        part: String,
        presentations: i64,
    ) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.test_liveness(&part, presentations, (&self.session, self.user()), call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn end_liveness_test(&self, call: &mut dyn Call_EndLivenessTest) -> varlink::Result<()> {
        match self.api.liveness_test.end() {
            true => call.reply(),
            false => call.reply_refused("no part of a test of liveness runs".to_owned()),
        }
    }

    fn watch_live(&self, call: &mut dyn Call_WatchLive, max_per_s: f64) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.watch_live(max_per_s, &self.session, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn get_configuration(&self, call: &mut dyn Call_GetConfiguration) -> varlink::Result<()> {
        match self.api.settings() {
            Ok(settings) => call.reply(settings),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn set_key(&self, call: &mut dyn Call_SetKey, key: String, value: String) -> varlink::Result<()> {
        let (user, value) = (self.user(), Some(value));
        match self.api.ask(|reply| MainRequest::SetKey { key, value, user, reply }) {
            Ok(detail) => call.reply(detail),
            Err(why) => call.reply_refused(why),
        }
    }

    fn reset_key(&self, call: &mut dyn Call_ResetKey, key: String) -> varlink::Result<()> {
        let user = self.user();
        match self.api.ask(|reply| MainRequest::SetKey { key, value: None, user, reply }) {
            Ok(detail) => call.reply(detail),
            Err(why) => call.reply_refused(why),
        }
    }

    fn reload(&self, call: &mut dyn Call_Reload) -> varlink::Result<()> {
        let user = self.user();
        match self.api.ask(|reply| MainRequest::Reload { user, reply }) {
            Ok(detail) => call.reply(detail),
            Err(why) => call.reply_refused(why),
        }
    }

    fn list_models(&self, call: &mut dyn Call_ListModels) -> varlink::Result<()> {
        match self.api.list_models() {
            Ok((bundles, active, overridden)) => call.reply(bundles, active, overridden),
            Err(error) => call.reply_refused(format!("{error:#}")),
        }
    }

    fn verify_models(&self, call: &mut dyn Call_VerifyModels, version: Option<i64>) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.verify_models(version, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }

    fn activate_models(
        &self,
        call: &mut dyn Call_ActivateModels,
        version: Option<i64>,
        without: Vec<String>,
    ) -> varlink::Result<()> {
        let version = match version.map(models::version).transpose() {
            Ok(version) => version,
            Err(error) => return call.reply_refused(format!("{error:#}")),
        };
        let change = ModelChange::Activate { version };
        self.change_models(call, change, &without, |call, progress, result| call.reply(progress, result))
    }

    fn rollback_models(
        &self,
        call: &mut dyn Call_RollbackModels,
        without: Vec<String>,
    ) -> varlink::Result<()> {
        let change = ModelChange::Rollback;
        self.change_models(call, change, &without, |call, progress, result| call.reply(progress, result))
    }

    fn doctor(&self, call: &mut dyn Call_Doctor) -> varlink::Result<()> {
        if !call.wants_more() {
            return call.reply_refused("this call has many replies: set `more`".to_owned());
        }
        match self.api.doctor(&self.session, call) {
            Ok(ended) => ended,
            Err(error) => {
                call.set_continues(false);
                call.reply_refused(format!("{error:#}"))
            }
        }
    }
}
