//! The main thread: starts everybody, feeds the watchdog, takes in signals, and ends it all with the relay at
//! rest.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ostiary_access::{ClosedGroup, Contact, closed_groups};
use ostiary_capture as capture;
use ostiary_capture::FrameSource;
use ostiary_config as config;
use ostiary_config::{Config, Hours, Layers};
use ostiary_core::ModelId;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_devices::{Inputs, Relay, Signals};
use ostiary_events::{Event, EventKind, EventStore, Output, logging};
use ostiary_facebank::{DaemonLock, Facebank, FacebankError, Gallery};
use ostiary_models::{Bundle, Manifest};
use ostiary_mqtt::Mqtt;
use ostiary_pipeline::Eye;
use ostiary_self_test::SelfTest;
use ostiary_vision::VisionError;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals as ProcessSignals;

use super::camera::{Capturer, NewCamera};
use super::clock_watch::ClockWatch;
use super::crew::Crew;
use super::doorman::Doorman;
use super::ear::Ear;
use super::error::DaemonError;
use super::probation::{GivenUp, Trial};
use super::recorder::Recorder;
use super::shared::Shared;
use super::watch::{Onlooker, Orders, Rules, Watch};
use crate::wall_clock::{self, WallClock};

/// How often the main thread looks around.
const ROUND: Duration = Duration::from_millis(20);
/// How often it asks whether somebody was enrolled.
const ASK: Duration = Duration::from_millis(500);
/// How long the main thread waits for another program that writes to the facebank.
const FACEBANK_PATIENCE: Duration = Duration::from_millis(200);

/// What a door is kept with.
pub struct Setup {
    pub config: Config,
    /// Where to read the configuration again on SIGHUP; `None` where it cannot be reloaded.
    pub layers: Option<Layers>,
    /// Frames of another source than `camera.source`.
    pub source: Option<Box<dyn FrameSource>>,
    /// Taken, and at rest, before anything else.
    pub relay: Option<Relay>,
    pub signals: Signals,
    /// A button and a contact; `None` where there is neither.
    pub inputs: Option<Inputs>,
    /// Who is told of events besides MQTT, which is started where the configuration says so.
    pub outputs: Vec<Box<dyn Output>>,
    pub onlooker: Option<Onlooker>,
}

/// Keeps the door until a recording ends or SIGTERM or SIGINT comes.
///
/// # Errors
/// What keeps it from starting, and the fault that locked the door. The relay is at rest in any case.
pub fn keep(setup: Setup) -> Result<(), DaemonError> {
    // Whoever finds the lock taken may send signals.
    let signals = ProcessSignals::new([SIGTERM, SIGINT, SIGHUP]).map_err(DaemonError::Signals)?;
    let _alone = DaemonLock::take(&setup.config.facebank.path)?;
    // Before the models are touched: what happens from here on may be their doing.
    let (mut trial, given_up) = Trial::start(&setup.config.models)?;
    let result = keep_with(setup, signals, &mut trial, given_up);
    if let Some(trial) = trial {
        trial.end(&result);
    }
    result
}

fn keep_with(
    setup: Setup,
    mut signals: ProcessSignals,
    trial: &mut Option<Trial>,
    given_up: Option<GivenUp>,
) -> Result<(), DaemonError> {
    let Setup { config, layers, source, relay, signals: lamps, inputs, mut outputs, onlooker } = setup;
    let facebank_path = config.facebank.path.clone();
    let store = EventStore::open(&config.events, config.mqtt.enabled)?;
    let newest = store.newest_time()?;
    let store = Arc::new(Mutex::new(store));

    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
    let wall = WallClock::new(newest.time);
    let shared = Arc::new(Shared::new(clock.clone(), wall, &config.door.name, config.relay.pulse_ms));
    if let Some(given_up) = given_up {
        shared.tell_of(EventKind::RolledBack, given_up.to_string());
    }
    let models = Bundle::find(&config.models, config.engine.precision).map_err(VisionError::from)?;
    let mut eye = Eye::load(&config, Gallery::default())?;
    let mut facebank = open_facebank(&facebank_path)?;
    eye.set_gallery(facebank.gallery(eye.model())?);
    let rules = rules(&config, &eye)?;
    let started = said(&eye, &rules);
    if eye.gallery().is_empty() {
        log::warn!("nobody is enrolled: the door opens for nobody; `ostiary enroll NAME PHOTO...`");
    }
    for name in facebank.strangers(eye.model())? {
        log::warn!("{name} is not known to the model in use; `ostiary enroll {name} PHOTO...`");
    }
    let closed = warn_of_closed(&rules.hours, eye.gallery(), &[]);
    let mut clock_watch = ClockWatch::new(store.clone(), newest.accepted);
    clock_watch.look(&shared.wall, &config);

    let source = match source {
        Some(source) => Some(source),
        None => match capture::open(&config.camera, clock.clone()) {
            Ok(source) => Some(source),
            // The capture thread says so, and tries again.
            Err(error) if error.is_transient() => None,
            Err(error) => return Err(error.into()),
        },
    };
    if config.mqtt.enabled {
        let has_contact = config.inputs.contact_line.is_some();
        outputs.push(Box::new(Mqtt::start(&config.mqtt, &config.door.name, has_contact, store.clone())?));
    }

    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let stall = seconds(config.camera.stall_s);
    let capturer = Capturer::new(shared.clone(), config.camera.clone(), source);
    let new_camera = capturer.new.clone();
    let model = eye.model().clone();
    let watch = Watch::new(shared.clone(), Box::new(eye), rules, onlooker);
    let orders = watch.orders();
    let contact = Contact::new(seconds(config.inputs.grace_s), seconds(config.inputs.held_open_s));
    let doorman = Doorman::new(shared.clone(), relay, lamps, contact);
    let ear = inputs.map(|inputs| Ear::new(shared.clone(), inputs));
    let recorder = Recorder::new(shared.clone(), store, outputs);
    let mut crew = Crew::start(shared.clone(), capturer, watch, doorman, recorder, ear, stall)?;

    let tested = models.manifest().clone();
    let mut keeper = Keeper {
        shared,
        config,
        layers,
        model,
        tested,
        trial,
        orders,
        new_camera,
        clock_watch,
        closed,
        started,
    };
    let result = keeper.rounds(&mut crew, &mut signals, &mut facebank);
    say(&[NotifyState::Stopping]);
    crew.end(&result);
    result
}

/// What the main thread holds while the door is kept.
struct Keeper<'a> {
    shared: Arc<Shared>,
    config: Config,
    layers: Option<Layers>,
    /// The embedding model in use.
    model: ModelId,
    /// The manifest of the models in use, which names their files by hash.
    tested: Manifest,
    /// Where the models in use are on probation.
    trial: &'a mut Option<Trial>,
    orders: Arc<Mutex<Orders>>,
    new_camera: NewCamera,
    clock_watch: ClockWatch,
    /// The groups that have no hours although others have, as they were last said.
    closed: Vec<ClosedGroup>,
    /// What is said once the door is kept.
    started: String,
}

impl Keeper<'_> {
    fn rounds(
        &mut self,
        crew: &mut Crew,
        signals: &mut ProcessSignals,
        facebank: &mut Facebank,
    ) -> Result<(), DaemonError> {
        let watchdog = sd_notify::watchdog_enabled();
        let (mut ready, mut fed, mut asked) = (false, Instant::now(), Instant::now());
        let mut stale = false;
        loop {
            for signal in signals.pending() {
                match signal {
                    SIGHUP => self.reload(facebank, || {
                        // The door goes on meanwhile; only its main thread is busy.
                        if let Some(limit) = watchdog
                            && fed.elapsed() > limit / 4
                            && crew.moves(limit / 2)
                        {
                            fed = Instant::now();
                            say(&[NotifyState::Watchdog]);
                        }
                    }),
                    _ => return Ok(()),
                }
            }
            let ended = crew.ended();
            if !ready && self.shared.progress.frames() > 0 {
                ready = true;
                self.shared.tell_of(EventKind::Started, self.started.clone());
                say(&[NotifyState::Ready, NotifyState::Status(&self.started)]);
            }
            if let Some(ended) = ended {
                return ended;
            }
            if let Some(limit) = watchdog
                && fed.elapsed() > limit / 4
                && crew.moves(limit / 2)
            {
                fed = Instant::now();
                say(&[NotifyState::Watchdog]);
            }
            if asked.elapsed() > ASK {
                asked = Instant::now();
                stale = self.ask(facebank, stale);
                self.clock_watch.look(&self.shared.wall, &self.config);
                let frames = self.shared.progress.frames();
                self.trial.take_if(|trial| trial.is_passed(frames));
            }
            thread::sleep(ROUND);
        }
    }

    /// Takes in who was enrolled or removed meanwhile; whether that has to be tried again.
    fn ask(&mut self, facebank: &mut Facebank, stale: bool) -> bool {
        let gallery = match facebank.changed() {
            Ok(false) if !stale => return false,
            Ok(_) => facebank.gallery(&self.model),
            Err(error) => Err(error),
        };
        match gallery {
            Ok(gallery) => {
                log::info!("the facebank has changed: {}", count(gallery.len()));
                if let Ok(hours) = Hours::parse(&self.config.hours) {
                    self.closed = warn_of_closed(&hours, &gallery, &self.closed);
                }
                self.orders().gallery = Some(gallery);
                false
            }
            Err(error) => {
                if !stale {
                    log::error!("{error}; those known before stay known");
                }
                true
            }
        }
    }

    /// Reads the configuration again and puts it in force, or keeps the old one and says why.
    fn reload(&mut self, facebank: &Facebank, meanwhile: impl FnMut()) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            say(&[NotifyState::Reloading, now]);
        }
        match self.prepare(facebank, meanwhile) {
            Err(why) => self.shared.tell_of(EventKind::ReloadRefused, why),
            Ok(Reloaded { config, model, tested, orders, closed, detail }) => {
                // Before it is used for the first time.
                *self.trial = Trial::after_reload(&config.models, self.trial.take());
                self.tested = tested;
                *self.orders() = orders;
                self.closed = closed;
                if config.camera != self.config.camera {
                    let mut new = self.new_camera.lock().unwrap_or_else(PoisonError::into_inner);
                    *new = Some(config.camera.clone());
                }
                self.shared.set_pulse(config.relay.pulse_ms);
                logging::set_level(config.log.level);
                (self.config, self.model) = (config, model);
                self.clock_watch.look(&self.shared.wall, &self.config);
                // The model by its id: whoever changed it waits for this.
                self.shared.tell(Event {
                    detail: Some(detail),
                    model: Some(self.model.to_string()),
                    ..self.shared.event(EventKind::Reloaded)
                });
            }
        }
        say(&[NotifyState::Ready]);
    }

    /// All that may be refused, before anything is changed. The models are loaded and verified again; those that are not
    /// the ones in use are tested first, in a process of their own.
    fn prepare(&self, facebank: &Facebank, meanwhile: impl FnMut()) -> Result<Reloaded, String> {
        let layers = self.layers.as_ref().ok_or("this door is kept without a configuration file")?;
        let config = config::load(layers).map_err(|error| error.to_string())?.config;
        let fixed = self.config.restart_keys(&config);
        if !fixed.is_empty() {
            return Err(format!("{} can only change with a restart", fixed.join(", ")));
        }
        let precision = config.engine.precision;
        let bundle = Bundle::find(&config.models, precision).map_err(|error| error.to_string())?;
        if *bundle.manifest() != self.tested || config.engine != self.config.engine {
            SelfTest::new(&bundle, &config).run(meanwhile).map_err(|error| error.to_string())?;
        }
        let mut eye = Eye::load(&config, Gallery::default()).map_err(|error| error.to_string())?;
        eye.set_gallery(facebank.gallery(eye.model()).map_err(|error| error.to_string())?);
        let rules = rules(&config, &eye).map_err(|error| error.to_string())?;
        let (model, detail) = (eye.model().clone(), said(&eye, &rules));
        let closed = warn_of_closed(&rules.hours, eye.gallery(), &[]);
        let orders = Orders { sight: Some(Box::new(eye)), gallery: None, rules: Some(rules) };
        Ok(Reloaded { config, model, tested: bundle.manifest().clone(), orders, closed, detail })
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A configuration that was found good, with what was made of it.
struct Reloaded {
    config: Config,
    model: ModelId,
    tested: Manifest,
    orders: Orders,
    closed: Vec<ClosedGroup>,
    detail: String,
}

/// Opens the facebank to read it; an empty one is made where there is none yet.
fn open_facebank(path: &Path) -> Result<Facebank, FacebankError> {
    let mut facebank = match Facebank::open_read_only(path) {
        Err(FacebankError::Missing { .. }) => Facebank::open(path)?,
        opened => opened?,
    };
    facebank.set_patience(FACEBANK_PATIENCE)?;
    Ok(facebank)
}

fn rules(config: &Config, eye: &Eye) -> Result<Rules, DaemonError> {
    let threshold = eye.threshold(config.door.far)?;
    let hours = Hours::parse(&config.hours)?;
    if !hours.is_empty() {
        wall_clock::zone().map_err(|fault| DaemonError::Zone { fault })?;
    }
    Ok(Rules { door: config.door.clone(), threshold, hours, trust: config.clock.trust })
}

/// Warns of each group that has no hours although others have, and was not said before; returns all of them.
fn warn_of_closed(hours: &Hours, gallery: &Gallery, said: &[ClosedGroup]) -> Vec<ClosedGroup> {
    let closed = closed_groups(hours, gallery.people());
    for group in closed.iter().filter(|group| !said.contains(group)) {
        log::warn!("{group}; {}", group.fix());
    }
    closed
}

/// What the door is kept with, in a few words.
fn said(eye: &Eye, rules: &Rules) -> String {
    let people = count(eye.gallery().len());
    let (model, backend, threshold) = (eye.model(), eye.backend(), rules.threshold.0);
    format!("{people}, model {model} on {backend}, similarity needed {threshold:.3}")
}

fn count(people: usize) -> String {
    match people {
        1 => "1 person is known".to_owned(),
        people => format!("{people} people are known"),
    }
}

/// Tells systemd, where it started us.
fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("systemd cannot be told: {error}");
    }
}
