//! What in a configuration, or in the files and devices that it names, would keep a door from starting on this host.
//!
//! A door with such a configuration ends with the same error. Nothing is opened that a running door uses, and nothing is
//! changed. What only this user may not read is not checked.

use std::fs::File;
use std::io;
use std::path::Path;

use ostiary_capture as capture;
use ostiary_config::{Config, Hours};
use ostiary_core::ModelRole;
use ostiary_devices::{GpioError, inspect, inspect_inputs};
use ostiary_engine::Backend;
use ostiary_events::{EventStore, StoreError};
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::{Bundle, BundleError, ModelStoreError};
use ostiary_mqtt as mqtt;
use ostiary_pipeline::Thresholds;

use crate::wall_clock;

/// One reason why a door would not start.
#[derive(Debug)]
pub struct StartProblem {
    /// A stable name, for scripts.
    pub kind: &'static str,
    /// The key to change.
    pub key: &'static str,
    /// What is wrong, and how to fix it.
    pub message: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct StartCheck {
    /// All reasons why the door would not start.
    pub problems: Vec<StartProblem>,
    /// What this user may not read, each as a sentence.
    pub unchecked: Vec<String>,
}

impl StartCheck {
    /// Checks a configuration whose values are valid.
    pub fn of(config: &Config) -> Self {
        let mut check = Self::default();
        check.models(config);
        check.hours(config);
        check.camera(config);
        check.lines(config);
        check.mqtt(config);
        check.stores(config);
        check
    }

    fn add(&mut self, kind: &'static str, key: &'static str, error: impl ToString) {
        self.problems.push(StartProblem { kind, key, message: error.to_string() });
    }

    /// Whether this user may read these files, those that exist; what may not be read is noted.
    fn may_read<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) -> bool {
        let is_denied = |path: &&Path| {
            File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        };
        let denied: Vec<_> = files.into_iter().filter(is_denied).collect();
        let note =
            |path: &&Path| format!("{}: this user may not read it, so it is not checked", path.display());
        self.unchecked.extend(denied.iter().map(note));
        denied.is_empty()
    }

    /// The models, whether they can run here, and whether they support `door.fpir`.
    fn models(&mut self, config: &Config) {
        let bundle = match Bundle::find(&config.models, config.engine.precision) {
            Ok(bundle) => bundle,
            Err(error) if is_denied(&error) => return self.unchecked.push(error.to_string()),
            Err(error) => return self.add("models", "models.dir", error),
        };
        match bundle.entry(ModelRole::Embedder) {
            Ok(entry) => {
                if let Err(error) = Thresholds::new(entry, config.door.fpir) {
                    self.add("unsupported_fpir", "door.fpir", error);
                }
            }
            Err(error) => self.add("models", "models.dir", error),
        }
        if let Err(error) = Backend::new(&config.engine, &config.ort) {
            self.add("engine", "engine.backend", error);
        }
    }

    fn hours(&mut self, config: &Config) {
        match Hours::parse(&config.hours) {
            Err(error) => self.add("hours", "hours", error),
            Ok(hours) if hours.is_empty() => {}
            Ok(_) => {
                if let Err(fault) = wall_clock::zone() {
                    let message = format!("{fault}, and [hours] need the local time; {}", fault.fix());
                    self.add("time_zone", "hours", message);
                }
            }
        }
    }

    fn camera(&mut self, config: &Config) {
        let camera = &config.camera;
        let default = Path::new(capture::DEFAULT_PASSWORD_FILE);
        let password = camera.user.as_ref().map(|_| camera.password_file.as_deref().unwrap_or(default));
        let files = password.into_iter().chain(camera.ca_file.as_deref());
        if self.may_read(files)
            && let Err(error) = capture::check_settings(camera)
        {
            self.add("camera", "camera.source", error);
        }
    }

    /// The GPIO lines. None is requested.
    fn lines(&mut self, config: &Config) {
        let outputs = inspect(&config.relay, &config.signals).into_iter().filter_map(Result::err);
        let inputs = inspect_inputs(&config.inputs, &config.relay).into_iter().filter_map(Result::err);
        for error in outputs.chain(inputs) {
            match error {
                GpioError::ChipMissing { key, .. } | GpioError::NotAChip { key, .. } => {
                    self.add("gpio", key, error);
                }
                GpioError::LineOutOfRange { .. } => self.add("gpio", "relay.line", error),
                GpioError::PermissionDenied { .. } => self.unchecked.push(error.to_string()),
                // In use, which can be the running door, or an error of the device.
                _ => {}
            }
        }
    }

    fn mqtt(&mut self, config: &Config) {
        let mqtt = &config.mqtt;
        let files = [&mqtt.password_file, &mqtt.ca_file, &mqtt.cert_file, &mqtt.key_file];
        if mqtt.enabled
            && self.may_read(files.into_iter().filter_map(|file| file.as_deref()))
            && let Err(error) = mqtt::check_settings(mqtt, &config.door.name)
        {
            self.add("mqtt", "mqtt", error);
        }
    }

    /// The files of people and events. They may be missing, and are not made.
    fn stores(&mut self, config: &Config) {
        let default = Config::default();
        for (kind, key, path, default) in [
            ("facebank", "facebank.path", &config.facebank.path, &default.facebank.path),
            ("events", "events.path", &config.events.path, &default.events.path),
        ] {
            // systemd makes the default folder when the service starts.
            if path != default && has_no_folder(path) {
                let message = format!("{key}: there is no folder for {}; create it first", path.display());
                self.add(kind, key, message);
            }
        }
        if let Err(
            error @ (FacebankError::NotAFacebank { .. }
            | FacebankError::Newer { .. }
            | FacebankError::Corrupt { .. }),
        ) = Facebank::open_read_only(&config.facebank.path)
        {
            self.add("facebank", "facebank.path", error);
        }
        if let Err(error @ (StoreError::Foreign { .. } | StoreError::Newer { .. })) =
            EventStore::open_read_only(&config.events.path)
        {
            self.add("events", "events.path", error);
        }
    }
}

/// Whether this user may not read the models.
fn is_denied(error: &BundleError) -> bool {
    let why = match error {
        BundleError::Unreadable { why, .. } => why,
        BundleError::Active(error) => match &**error {
            ModelStoreError::Io { why, .. } => why,
            _ => return false,
        },
        _ => return false,
    };
    why.kind() == io::ErrorKind::PermissionDenied
}

fn has_no_folder(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    match folder.metadata() {
        Ok(metadata) => !metadata.is_dir(),
        Err(error) => error.kind() != io::ErrorKind::PermissionDenied,
    }
}
