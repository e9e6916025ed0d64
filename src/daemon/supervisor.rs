//! The main thread: starts the other threads, reports READY to systemd and feeds its watchdog, reloads the configuration on
//! SIGHUP, and ends the threads with the relay at rest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use ostiary_access::{DoorMonitor, GroupWithoutHours, LivenessRules, groups_without_hours};
use ostiary_capture as capture;
use ostiary_capture::FrameSource;
use ostiary_config as config;
use ostiary_config::{Config, Hours, LivenessLevel, Loaded, MqttCommands};
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{ModelId, ModelRole};
use ostiary_devices::{Inputs, Relay, Signals};
use ostiary_events::{Action, Administration, EventKind, EventSink, ReopeningStore, User, logging};
use ostiary_facebank::{DaemonLock, Facebank, FacebankError, Gallery, PersonSummary};
use ostiary_models::{Bundle, BundleOrigin, Manifest};
use ostiary_mqtt as mqtt;
use ostiary_mqtt::{KnownPerson, Mqtt};
use ostiary_pipeline::{RecognitionPipeline, Thresholds};
use ostiary_self_test::SelfTest;
use ostiary_vision::VisionError;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Origin;

use super::capture_worker::{CaptureWorker, PendingCamera};
use super::challenges;
use super::clock_monitor::ClockMonitor;
use super::config_files::ConfigFiles;
use super::control_api::{ControlApi, DoorSummary, MainRequest};
use super::door_worker::DoorWorker;
use super::error::DaemonError;
use super::input_worker::InputWorker;
use super::mode_at_start;
use super::mqtt_commands;
use super::probation_run::{ProbationRun, RolledBack};
use super::shared::Shared;
use super::slow_values::SlowValues;
use super::store_worker::StoreWorker;
use super::vision_worker::{AccessRules, FrameObserver, PendingUpdate, VisionWorker};
use super::visit_file::{self, FirstState};
use super::workers::Workers;
use crate::liveness_conditions::network_rules;
use crate::liveness_problem::{LivenessProblem, describe_level};
use crate::liveness_standing::LivenessStanding;
use crate::people_check::PeopleProblem;
use crate::wall_clock::{self, WallClock};

/// The interval of the main loop.
const LOOP_INTERVAL: Duration = Duration::from_millis(20);
/// The interval at which the main loop checks the facebank and the wall clock.
const FACEBANK_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// The longest wait for another program that writes to the facebank.
const FACEBANK_BUSY_TIMEOUT: Duration = Duration::from_millis(200);

/// The signals that arrive, with the process that sent each.
type ProcessSignals = SignalsInfo<WithOrigin>;

/// The input of [`run`].
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// The files of the configuration, to load them again on SIGHUP; `None` if it cannot be reloaded.
    pub files: Option<ConfigFiles>,
    /// The source of frames; `None` to open `camera.source`.
    pub source: Option<Box<dyn FrameSource>>,
    /// The relay, at rest; `None` to open no door.
    pub relay: Option<Relay>,
    /// The lamps and the buzzer.
    pub signals: Signals,
    /// The exit button and the door contact; `None` without inputs.
    pub inputs: Option<Inputs>,
    /// The outputs of events. The daemon adds MQTT if it is enabled.
    pub outputs: Vec<Box<dyn EventSink>>,
    /// Called with the result of each frame.
    pub frame_observer: Option<FrameObserver>,
}

/// Runs the door until a recording ends, or SIGTERM or SIGINT arrives.
///
/// # Errors
/// The error that prevents the start, or the fault that locked the door. The relay is at rest in any case.
pub fn run(setup: Setup) -> Result<(), DaemonError> {
    // Before the lock: a process that finds the lock held may send signals to this one.
    let signals = ProcessSignals::new([SIGTERM, SIGINT, SIGHUP]).map_err(DaemonError::Signals)?;
    let _lock = DaemonLock::acquire(&setup.config.facebank.path)?;
    // Before the models are loaded: a crash from here on may be caused by them.
    let (mut probation_run, rolled_back) = ProbationRun::start(&setup.config.models)?;
    let result = run_with(setup, signals, &mut probation_run, rolled_back);
    if let Some(run) = probation_run {
        run.end(&result);
    }
    result
}

fn run_with(
    setup: Setup,
    mut signals: ProcessSignals,
    probation_run: &mut Option<ProbationRun>,
    rolled_back: Option<RolledBack>,
) -> Result<(), DaemonError> {
    let Setup { config, files, source, relay, signals: lamps, inputs, mut outputs, frame_observer } = setup;
    let facebank_path = config.facebank.path.clone();
    let store = ReopeningStore::open(&config.events, config.mqtt.enabled)?;
    let newest = store.newest_time()?;
    let store = Arc::new(Mutex::new(store));

    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
    let wall = WallClock::new(newest.and_then(|newest| newest.time));
    if newest.is_none() {
        // The store thread reports it.
        wall.set_record_unknown();
    }
    let shared = Arc::new(Shared::new(clock.clone(), wall, &config.door.name, config.relay.pulse_ms));
    shared.set_language(config.liveness.language);
    shared.set_snapshot_days(config.snapshots.days);
    if let Some(rolled_back) = rolled_back {
        shared.emit(EventKind::RolledBack { detail: rolled_back.to_string() });
    }
    let models = Bundle::find(&config.models, config.engine.precision).map_err(VisionError::from)?;
    let mut pipeline = RecognitionPipeline::from_bundle(&models, &config)?;
    let mut facebank = open_facebank(&facebank_path)?;
    pipeline.set_gallery(pipeline.thresholds().load_gallery(&facebank, pipeline.model())?);
    // Without a record it is not known to be a new door.
    check_fpir(&config, &models, newest.is_none_or(|newest| newest.time.is_some()))?;
    let can_prompt = config.has_prompt_output()
        || lamps.has_output()
        || outputs.iter().any(|output| output.shows_prompts());
    let rules = rules(&config, &pipeline, can_prompt)?;
    let door_summary = DoorSummary {
        people: pipeline.gallery().len(),
        model: pipeline.model().clone(),
        liveness: config.liveness.level(),
        has_relay: relay.is_some(),
        has_contact: config.inputs.contact_line.is_some(),
    };
    let mut started = summary(&config, &pipeline, &models);
    if let Some(left_out) = files.as_ref().and_then(|files| files.left_out.as_ref()) {
        started = format!("{started}, {left_out}");
    }
    if pipeline.gallery().is_empty() {
        log::warn!("nobody is enrolled: the door opens for nobody; run `ostiary enroll NAME PHOTO...`");
    }
    for name in facebank.people_without_templates(pipeline.model())? {
        log::warn!("{name} has no template of the model in use; run `ostiary enroll {name} PHOTO...`");
    }
    let groups_without_hours = warn_of_closed_groups(&rules.hours, pipeline.gallery(), &[]);
    let people_problems = warn_of_people(pipeline.gallery(), &config, &[]);
    let thresholds = pipeline.thresholds().clone();
    let mut clock_monitor = ClockMonitor::new(store.clone(), newest.map_or(0, |newest| newest.accepted));
    clock_monitor.check(&shared.wall, &config);

    let source = match source {
        Some(source) => Some(source),
        None => match capture::open(&config.camera, clock.clone()) {
            Ok(source) => Some(source),
            // The capture thread reports the error, and tries again.
            Err(error) if error.is_transient() => None,
            Err(error) => return Err(error.into()),
        },
    };
    // The decisions on a recording depend on nothing else. A camera that cannot be opened yet is none.
    let is_camera = source.as_ref().is_none_or(|source| source.frozen_after().is_some());
    let saved_beside = is_camera.then(|| config.events.path.clone());
    let visit_file = saved_beside.as_deref().map(visit_file::path_beside);
    let first_state = visit_file.as_deref().map_or(FirstState::None, visit_file::first_state);
    if let Some(lockdown) = saved_beside.as_deref().and_then(|events| mode_at_start::restore(&shared, events))
    {
        started = format!("{started}, {lockdown}");
    }
    let slow_values = SlowValues::new(&config.models, models.origin());
    let mut mqtt_summary = None;
    if config.mqtt.enabled {
        let description = mqtt::DoorDescription {
            name: &config.door.name,
            has_relay: door_summary.has_relay,
            has_contact: door_summary.has_contact,
            mode: shared.mode().name(),
            console_address: config.console.address.as_deref(),
            summary: summary_for_mqtt(&config.mqtt, &door_summary, &slow_values, &facebank),
        };
        let commands = mqtt_commands::start(shared.clone(), facebank_path.clone())?;
        let mqtt = Mqtt::start(&config.mqtt, description, store.clone(), commands)?;
        mqtt_summary = Some(mqtt.summary());
        outputs.push(Box::new(mqtt));
    }

    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let stall = seconds(config.camera.stall_s);
    let capture_worker = CaptureWorker::new(shared.clone(), config.camera.clone(), source);
    let new_camera = capture_worker.new_camera.clone();
    let model = pipeline.model().clone();
    let vision_worker = VisionWorker::new(
        shared.clone(),
        Box::new(pipeline),
        rules,
        first_state,
        challenges::system_random,
        frame_observer,
    );
    let pending_update = vision_worker.pending_update();
    let contact = config
        .inputs
        .contact_line
        .map(|_| DoorMonitor::new(seconds(config.inputs.grace_s), seconds(config.inputs.held_open_s)));
    let door_worker = DoorWorker::new(shared.clone(), relay, lamps, contact);
    let input_worker = inputs.map(|inputs| InputWorker::new(shared.clone(), inputs));
    let store_worker = StoreWorker::new(shared.clone(), store, outputs, saved_beside.as_deref());
    let mut workers = Workers::start(
        shared.clone(),
        capture_worker,
        vision_worker,
        door_worker,
        store_worker,
        input_worker,
        stall,
    )?;

    let settings = files.as_ref().map_or_else(Vec::new, |files| files.settings.clone());
    let layers = files.as_ref().map(|files| files.layers().clone());
    let (control_api, requests) =
        ControlApi::new(shared.clone(), config.clone(), layers, settings, door_summary.clone());
    // Until the door ends. Without it the door works, and commands open its files themselves.
    let _control_server = control_api
        .listen()
        .inspect_err(|error| log::warn!("{error}; the running door cannot be asked or changed"))
        .ok();
    let manifest = models.manifest().clone();
    let mut supervisor = Supervisor {
        shared,
        config,
        files,
        model,
        manifest,
        probation_run,
        can_prompt,
        pending_update,
        new_camera,
        clock_monitor,
        groups_without_hours,
        thresholds,
        people_problems,
        started,
        control_api,
        door_summary,
        slow_values,
        mqtt_summary,
        requests,
    };
    let result = supervisor.main_loop(&mut workers, &mut signals, &mut facebank);
    notify_systemd(&[NotifyState::Stopping]);
    workers.end(&result);
    supervisor.control_api.finish();
    result
}

/// The state of the main thread.
struct Supervisor<'a> {
    shared: Arc<Shared>,
    config: Config,
    files: Option<ConfigFiles>,
    /// The embedding model in use.
    model: ModelId,
    /// The manifest of the models in use, which has the hashes of their files.
    manifest: Manifest,
    /// The run of the models in use, if they are on probation.
    probation_run: &'a mut Option<ProbationRun>,
    /// Whether the door has an output for prompts.
    can_prompt: bool,
    pending_update: Arc<Mutex<PendingUpdate>>,
    new_camera: PendingCamera,
    clock_monitor: ClockMonitor,
    /// The groups without hours, while other groups have hours, for which a warning was logged.
    groups_without_hours: Vec<GroupWithoutHours>,
    /// The thresholds of the models in use.
    thresholds: Thresholds,
    /// The problems of people for which a warning was logged.
    people_problems: Vec<PeopleProblem>,
    /// The detail of the event `started`.
    started: String,
    control_api: Arc<ControlApi>,
    /// What the control API shows of people and models.
    door_summary: DoorSummary,
    /// The temperature of the board, and where the models come from.
    slow_values: SlowValues,
    /// Tells MQTT of people and models; `None` without MQTT.
    mqtt_summary: Option<mqtt::SummaryHandle>,
    /// What calls of the control API ask for.
    requests: Receiver<MainRequest>,
}

impl Supervisor<'_> {
    fn main_loop(
        &mut self,
        workers: &mut Workers,
        signals: &mut ProcessSignals,
        facebank: &mut Facebank,
    ) -> Result<(), DaemonError> {
        let watchdog = sd_notify::watchdog_enabled();
        let (mut is_ready, mut watchdog_fed, mut facebank_checked) = (false, Instant::now(), Instant::now());
        let mut is_stale = false;
        loop {
            // During long work of this thread the other threads continue.
            let mut keep_alive = || {
                if let Some(limit) = watchdog
                    && watchdog_fed.elapsed() > limit / 4
                    && workers.make_progress(limit / 2)
                {
                    watchdog_fed = Instant::now();
                    notify_systemd(&[NotifyState::Watchdog]);
                }
            };
            for Origin { signal, process, .. } in signals.pending() {
                match signal {
                    // The event says what became of it.
                    SIGHUP => {
                        let user = process.map(|process| User::Process { uid: process.uid, sudo_uid: None });
                        let _ = self.reload(facebank, user, &mut keep_alive);
                    }
                    _ => return Ok(()),
                }
            }
            while let Ok(request) = self.requests.try_recv() {
                match request {
                    // A caller that has gone needs no answer.
                    MainRequest::Reload { user, reply } => {
                        let _ = reply.try_send(self.reload(facebank, Some(user), &mut keep_alive));
                    }
                    MainRequest::SetKey { key, value, user, reply } => {
                        let changed = self.set_key(&key, value.as_deref(), user, facebank, &mut keep_alive);
                        let _ = reply.try_send(changed);
                    }
                }
            }
            let ended = workers.ended();
            if !is_ready && self.shared.progress.frames() > 0 {
                is_ready = true;
                self.shared.emit(EventKind::Started { detail: self.started.clone() });
                notify_systemd(&[NotifyState::Ready, NotifyState::Status(&self.started)]);
            }
            if let Some(ended) = ended {
                return ended;
            }
            if let Some(limit) = watchdog
                && watchdog_fed.elapsed() > limit / 4
                && workers.make_progress(limit / 2)
            {
                watchdog_fed = Instant::now();
                notify_systemd(&[NotifyState::Watchdog]);
            }
            if facebank_checked.elapsed() > FACEBANK_CHECK_INTERVAL {
                facebank_checked = Instant::now();
                is_stale = self.update_gallery(facebank, is_stale);
                if self.mqtt_summary.is_some() && self.slow_values.update(&self.config.models) {
                    self.report_summary(facebank);
                }
                self.clock_monitor.check(&self.shared.wall, &self.config);
                let frames = self.shared.progress.frames();
                self.probation_run.take_if(|run| run.is_passed(frames));
            }
            thread::sleep(LOOP_INTERVAL);
        }
    }

    /// Loads the gallery again if the facebank has changed, or if `is_stale` says that the last attempt failed. Returns
    /// whether this attempt failed.
    fn update_gallery(&mut self, facebank: &mut Facebank, is_stale: bool) -> bool {
        let gallery = match facebank.has_changed() {
            Ok(false) if !is_stale => return false,
            Ok(_) => self.thresholds.load_gallery(facebank, &self.model),
            Err(error) => Err(error),
        };
        match gallery {
            Ok(gallery) => {
                log::info!("the facebank has changed: {}", count(gallery.len()));
                if let Ok(hours) = Hours::parse(&self.config.hours) {
                    self.groups_without_hours =
                        warn_of_closed_groups(&hours, &gallery, &self.groups_without_hours);
                }
                self.people_problems = warn_of_people(&gallery, &self.config, &self.people_problems);
                self.door_summary.people = gallery.len();
                self.report_summary(facebank);
                self.pending_update().gallery = Some(gallery);
                false
            }
            Err(error) => {
                if !is_stale {
                    log::error!("{error}; the people loaded before stay in use");
                }
                true
            }
        }
    }

    /// Tells the control API and MQTT of other people or models.
    fn report_summary(&self, facebank: &Facebank) {
        self.control_api.set_summary(self.door_summary.clone());
        if let Some(mqtt) = &self.mqtt_summary {
            mqtt.set(summary_for_mqtt(&self.config.mqtt, &self.door_summary, &self.slow_values, facebank));
        }
    }

    /// Loads the configuration again and applies it, or reports why not; returns the detail of the event. `user` asked for it. Calls
    /// `keep_alive` during long work.
    fn reload(
        &mut self,
        facebank: &Facebank,
        user: Option<User>,
        keep_alive: impl FnMut(),
    ) -> Result<String, String> {
        self.apply(user, facebank, |door| {
            let files = door.files.as_ref().context("this daemon runs without a configuration file")?;
            door.prepare(files.load()?, facebank, keep_alive)
        })
    }

    /// Changes a key in the file of changed keys, or removes it from there, and applies the configuration. If that is refused, the
    /// file is as it was.
    fn set_key(
        &mut self,
        key: &str,
        value: Option<&str>,
        user: User,
        facebank: &Facebank,
        keep_alive: impl FnMut(),
    ) -> Result<String, String> {
        let files = self.files.as_ref().ok_or("this door runs without a configuration file")?;
        let change = config::change_key(files.layers(), key, value).map_err(|error| error.to_string())?;
        let detail = self.apply(Some(user.clone()), facebank, |door| {
            let prepared = door.prepare(change.loaded.clone(), facebank, keep_alive)?;
            // Last: a change that is refused is never in the file.
            change.write()?;
            Ok(prepared)
        })?;
        let change = value.map_or_else(|| format!("{key} as before"), |value| format!("{key} = {value}"));
        let change = Administration { action: Action::Configured, person: None, detail: Some(change), user };
        self.shared.emit(EventKind::Administered(change));
        Ok(detail)
    }

    /// Applies a configuration, or reports why it cannot be prepared; returns the detail of the event.
    fn apply(
        &mut self,
        user: Option<User>,
        facebank: &Facebank,
        prepare: impl FnOnce(&Self) -> anyhow::Result<PreparedReload>,
    ) -> Result<String, String> {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify_systemd(&[NotifyState::Reloading, now]);
        }
        let result = match prepare(self) {
            Err(error) => {
                let detail = error.to_string();
                self.shared.emit(EventKind::ReloadRefused { detail: detail.clone(), user });
                Err(detail)
            }
            Ok(prepared) => {
                let PreparedReload { loaded, model, manifest, origin, pending_update, detail, .. } = prepared;
                if let Some(files) = &mut self.files {
                    files.set(&loaded);
                }
                let settings = loaded.settings().to_vec();
                let config = loaded.config;
                // Before the new models are used for the first time.
                *self.probation_run = ProbationRun::after_reload(&config.models, self.probation_run.take());
                self.manifest = manifest;
                self.slow_values.set_models(&config.models, origin);
                self.door_summary.people = prepared.people;
                self.door_summary.model = model.clone();
                self.door_summary.liveness = config.liveness.level();
                self.report_summary(facebank);
                self.control_api.set_config(config.clone(), settings);
                *self.pending_update() = pending_update;
                self.groups_without_hours = prepared.groups_without_hours;
                self.thresholds = prepared.thresholds;
                self.people_problems = prepared.people_problems;
                if config.camera != self.config.camera {
                    self.new_camera.put(config.camera.clone());
                }
                self.shared.set_pulse(config.relay.pulse_ms);
                self.shared.set_language(config.liveness.language);
                self.shared.set_snapshot_days(config.snapshots.days);
                logging::set_level(config.log.level);
                (self.config, self.model) = (config, model);
                self.clock_monitor.check(&self.shared.wall, &self.config);
                // `ostiary models activate` waits for an event with the id of the new model.
                let model = Some(self.model.clone());
                self.shared.emit(EventKind::Reloaded { model, detail: detail.clone(), user });
                Ok(detail)
            }
        };
        notify_systemd(&[NotifyState::Ready]);
        result
    }

    /// Does all steps that can fail, before anything changes. Loads and verifies the models again. Models that are not in use
    /// yet are tested first, in a separate process.
    fn prepare(
        &self,
        loaded: Loaded,
        facebank: &Facebank,
        keep_alive: impl FnMut(),
    ) -> anyhow::Result<PreparedReload> {
        loaded.ignored().iter().for_each(|ignored| log::warn!("{ignored}"));
        loaded.left_out().iter().for_each(|left_out| log::warn!("{left_out}"));
        let config = &loaded.config;
        let fixed = self.config.restart_keys(config);
        ensure!(fixed.is_empty(), "{} can only change with a restart", fixed.join(", "));
        let precision = config.engine.precision;
        let bundle = Bundle::find(&config.models, precision)?;
        if *bundle.manifest() != self.manifest || config.engine != self.config.engine {
            SelfTest::new(&bundle, config).run(keep_alive)?;
        }
        // The bundle that was tested: another one may have been activated meanwhile.
        let mut pipeline = RecognitionPipeline::from_bundle(&bundle, config)?;
        pipeline.set_gallery(pipeline.thresholds().load_gallery(facebank, pipeline.model())?);
        check_fpir(config, &bundle, true)?;
        let rules = rules(config, &pipeline, self.can_prompt)?;
        let (model, detail) = (pipeline.model().clone(), summary(config, &pipeline, &bundle));
        let groups_without_hours = warn_of_closed_groups(&rules.hours, pipeline.gallery(), &[]);
        let people_problems = warn_of_people(pipeline.gallery(), config, &[]);
        let (people, thresholds) = (pipeline.gallery().len(), pipeline.thresholds().clone());
        let pending_update =
            PendingUpdate { processor: Some(Box::new(pipeline)), gallery: None, rules: Some(rules) };
        let manifest = bundle.manifest().clone();
        Ok(PreparedReload {
            loaded,
            model,
            manifest,
            origin: bundle.origin(),
            pending_update,
            groups_without_hours,
            thresholds,
            people_problems,
            people,
            detail,
        })
    }

    fn pending_update(&self) -> MutexGuard<'_, PendingUpdate> {
        self.pending_update.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loaded and checked configuration, with the objects made from it.
struct PreparedReload {
    loaded: Loaded,
    model: ModelId,
    manifest: Manifest,
    /// Where the models come from.
    origin: BundleOrigin,
    pending_update: PendingUpdate,
    groups_without_hours: Vec<GroupWithoutHours>,
    thresholds: Thresholds,
    people_problems: Vec<PeopleProblem>,
    /// Number of people with a template of the model.
    people: usize,
    detail: String,
}

/// What clients of the broker are told of people, models and the board. Names only if commands about people are allowed.
fn summary_for_mqtt(
    config: &config::Mqtt,
    summary: &DoorSummary,
    slow_values: &SlowValues,
    facebank: &Facebank,
) -> mqtt::DoorSummary {
    let known = |summary: PersonSummary| {
        let (id, enabled) = (summary.person.id.0, summary.person.enabled);
        (id, KnownPerson { name: summary.person.name, enabled })
    };
    let household = config.commands.contains(&MqttCommands::People).then(|| match facebank.people() {
        Ok(people) => people.into_iter().map(known).collect(),
        Err(error) => {
            log::warn!("the switches of people cannot be published: {error}");
            BTreeMap::new()
        }
    });
    mqtt::DoorSummary {
        people: summary.people,
        model: summary.model.to_string(),
        models: slow_values.model_versions(),
        temperature: slow_values.temperature(),
        household,
    }
}

/// Opens the facebank to read it. Creates an empty one if there is none.
fn open_facebank(path: &Path) -> Result<Facebank, FacebankError> {
    let mut facebank = match Facebank::open_read_only(path) {
        Err(FacebankError::Missing { .. }) => Facebank::open(path)?,
        opened => opened?,
    };
    facebank.set_busy_timeout(FACEBANK_BUSY_TIMEOUT)?;
    Ok(facebank)
}

/// Checks that the models have thresholds for `door.fpir`. A door that is running, or ran before, continues with the strictest
/// thresholds and a warning: models that support less must not lock people out. Models without a calibration are a
/// warning for each door.
fn check_fpir(config: &Config, models: &Bundle, has_run: bool) -> Result<(), DaemonError> {
    let entry = models.entry(ModelRole::Embedder).map_err(VisionError::from)?;
    match Thresholds::nearest(entry, config.door.fpir) {
        (thresholds, None) => {
            if thresholds.fpir().is_none() {
                log::warn!(
                    "the models have no calibration, so that no rate can be promised: a strict threshold is used, and \
                     door.fpir has no effect; activate a newer bundle of models"
                );
            }
            Ok(())
        }
        (_, Some(error)) if has_run => {
            log::warn!("{error}; until then the door uses the strictest thresholds");
            Ok(())
        }
        (_, Some(error)) => Err(error.into()),
    }
}

fn rules(
    config: &Config,
    pipeline: &RecognitionPipeline,
    can_prompt: bool,
) -> Result<AccessRules, DaemonError> {
    let hours = Hours::parse(&config.hours)?;
    if !hours.is_empty() {
        wall_clock::zone().map_err(|fault| DaemonError::Zone { fault })?;
    }
    let (door, lockout) = (config.door.clone(), config.lockout.clone());
    let liveness = liveness_rules(config, pipeline, can_prompt);
    let steps = config.liveness.steps as usize;
    Ok(AccessRules { door, liveness, steps, lockout, hours, trust: config.clock.trust })
}

/// What the layers of liveness require, with a warning of what is open to pictures, and of what keeps everybody out.
fn liveness_rules(config: &Config, pipeline: &RecognitionPipeline, can_prompt: bool) -> LivenessRules {
    let level = config.liveness.level();
    let test = pipeline.liveness_test();
    let rules = LivenessRules { level, network: network_rules(test, config.camera.kind), can_prompt };
    if let Some(problem) = LivenessProblem::find(config, test.is_some(), can_prompt) {
        log::warn!("{problem}; {}", problem.fix());
    }
    rules
}

/// Logs a warning for each group without hours, while other groups have hours, that is not in `reported`. Returns all such
/// groups.
fn warn_of_closed_groups(
    hours: &Hours,
    gallery: &Gallery,
    reported: &[GroupWithoutHours],
) -> Vec<GroupWithoutHours> {
    let closed = groups_without_hours(hours, gallery.people());
    for group in closed.iter().filter(|group| !reported.contains(group)) {
        log::warn!("{group}; {}", group.fix());
    }
    closed
}

/// Logs a warning for each problem of the people of a gallery, whose thresholds are set, that is not in `reported`. Returns all
/// such problems.
fn warn_of_people(gallery: &Gallery, config: &Config, reported: &[PeopleProblem]) -> Vec<PeopleProblem> {
    let problems = PeopleProblem::find(gallery, config.door.alike);
    for problem in problems.iter().filter(|problem| !reported.contains(problem)) {
        log::warn!("{problem}; {}", problem.fix());
    }
    problems
}

/// People, model, thresholds and the level of liveness, for events and systemd's status. At the level passive also the attacks that
/// the door was not tested against, because it is the owner's choice to let people in without turns of the head.
fn summary(config: &Config, pipeline: &RecognitionPipeline, models: &Bundle) -> String {
    let people = count(pipeline.gallery().len());
    let (model, backend) = (pipeline.model(), pipeline.backend());
    let thresholds = pipeline.thresholds().describe(pipeline.gallery());
    let level = config.liveness.level();
    let tested = (level == LivenessLevel::Passive).then(|| LivenessStanding::read(config, models)).flatten();
    let tested = tested.map_or(String::new(), |standing| format!(", {}", standing.describe_not_run()));
    let liveness = describe_level(level);
    format!("{people}, model {model} on {backend}, {thresholds}, {liveness}{tested}")
}

fn count(people: usize) -> String {
    match people {
        1 => "1 person is known".to_owned(),
        people => format!("{people} people are known"),
    }
}

/// Sends states to systemd, if it started this process.
fn notify_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("systemd cannot be notified: {error}");
    }
}
