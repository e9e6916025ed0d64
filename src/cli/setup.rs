//! `ostiary setup`: leads the owner from a new board to a door that knows its first person.
//!
//! It writes one file of its own among the owner's configuration files, restarts the service, and does all else by the control API
//! of the running door, as other commands do.

mod aim;
mod camera_choice;
mod dialog;
mod owner_file;
mod service;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dialog::Dialog;
use ostiary_access::CommandRefusal;
use ostiary_config::{LivenessLevel, Mqtt, SourceKind};
use ostiary_control::interface::{EnrollOptions, EventFilter, VarlinkClientInterface};
use ostiary_control::{CallError, Client};
use ostiary_core::{PersonName, durable};
use ostiary_devices::chips;
use ostiary_events::{EventKind, sentence};
use owner_file::OwnerFile;
use service::Service;
use toml::Value;

use super::Globals;
use super::enroll::{CameraOptions, enroll_from_door_camera, print as print_enrollment};
use super::events::from_api;
use super::output::line;
use super::running_door::required_door;
use crate::liveness_problem::LivenessProblem;

/// The time that a person has to come to the door.
const VISIT_TIME: Duration = Duration::from_secs(60);
/// The pause between two looks at the record.
const PAUSE: Duration = Duration::from_millis(500);
/// The time that the pictures of a person may take.
const ENROLLMENT_TIME: Duration = Duration::from_secs(120);
/// The names of the files with the passwords, which systemd passes to the service.
const MQTT_PASSWORD: &str = "mqtt-password";
const CAMERA_PASSWORD: &str = "camera-password";
/// The GPIO chips of the headers of boards, as their drivers name them.
const HEADER_CHIPS: [&str; 4] = ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835", "tegra234-gpio"];

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ostiary setup\n\n\
                        Enter keeps what stands in brackets, so that the command can be run again at any time. What it sets is in \
                        /etc/ostiary/conf.d/50-setup.toml. What was set before an error stays.")]
pub struct Args {
    /// Take pictures of the first person in any pose, for somebody who cannot turn the head.
    #[arg(long)]
    any_pose: bool,
    /// The name of the door's service; by default ostiary, or with --door NAME ostiary@NAME.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The folder of the passwords, if not that of the configuration.
    #[arg(long, value_name = "FOLDER", hide = true)]
    secrets: Option<PathBuf>,
}

/// A dialog that sets up a door.
struct Setup<'a> {
    globals: &'a Globals,
    args: &'a Args,
    /// The folder with the sources of the service's credentials.
    secrets: PathBuf,
    dialog: Dialog,
    file: OwnerFile,
    service: Service,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(!globals.json, "setup is a dialog, and has no --json");
    let layers = globals.layers();
    let service = Service::new(args.service.as_deref().unwrap_or(&globals.service()));
    let secrets = args.secrets.clone().unwrap_or_else(|| layers.folder.clone());
    let file = OwnerFile::open(layers)?;
    let mut setup = Setup { globals, args, secrets, dialog: Dialog::default(), file, service };
    setup.camera_and_name()?;
    setup.aim()?;
    setup.first_person()?;
    setup.relay()?;
    setup.broker()?;
    setup.liveness_test()?;
    setup.say(&format!(
        "\nThe door is set up. Its keys are in {}; `ostiary config show --origin` shows all of them, and `sudo ostiary doctor` \
         checks everything.",
        setup.file.path().display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

impl Setup<'_> {
    /// Prints a text with the commands of this door.
    fn say(&self, text: &str) -> anyhow::Result<()> {
        line(&self.globals.addressed(text))
    }

    /// Sets the camera and the name of the door, and starts the door.
    fn camera_and_name(&mut self) -> anyhow::Result<()> {
        let config = self.file.config()?;
        let camera = camera_choice::choose(&mut self.dialog, &config.camera)?;
        if self.service.allow_camera(&SourceKind::of(&camera.source)?)? {
            line("The service may use the devices of this camera now.")?;
        }
        loop {
            let name =
                self.dialog.ask("Name of the door (letters, digits, - and _)", Some(&config.door.name))?;
            let mut keys =
                vec![("camera.source", Value::from(camera.source.clone())), ("door.name", Value::from(name))];
            if let Some((user, password)) = &camera.login {
                keys.push(("camera.user", Value::from(user.clone())));
                if let Some(password) = password {
                    write_secret(&self.secrets.join(CAMERA_PASSWORD), password)?;
                }
            }
            match self.file.set(&keys) {
                Ok(()) => break,
                Err(error) => self.say(&format!("{error:#}"))?,
            }
        }
        self.restart()
    }

    /// Restarts the service, which waits for the first picture of the camera.
    fn restart(&self) -> anyhow::Result<()> {
        line("Starting the door ...")?;
        self.service.restart()
    }

    fn door(&self) -> anyhow::Result<Client> {
        required_door(&self.file.config()?)
    }

    /// Tells what the camera sees until the owner is content.
    fn aim(&mut self) -> anyhow::Result<()> {
        line(
            "\nStand where people will stand, and turn the camera until this says that the face is good. Then press Enter.",
        )?;
        let door = self.door()?;
        aim::watch(&mut self.dialog, door)
    }

    /// Enrolls the first person, and waits until the door has recognized the person.
    fn first_person(&mut self) -> anyhow::Result<()> {
        let name = loop {
            let question = "\nName of the first person, who stands before the camera; Enter for nobody";
            let name = self.dialog.ask(question, Some(""))?;
            if name.is_empty() {
                return Ok(());
            }
            match PersonName::new(&name) {
                Ok(name) => break name,
                Err(error) => line(&error.to_string())?,
            }
        };
        // Somebody who stands before the door is recognized at once.
        let before = self.newest_event()?;
        while !self.enroll(name.as_str())? {
            if !self.dialog.agrees("Try again?", true)? {
                return Ok(());
            }
        }
        loop {
            if self.is_recognized(name.as_str(), before)? {
                return Ok(());
            }
            line(
                "The door has not recognized the person; more light on the face, or less behind it, helps.",
            )?;
            if !self.dialog.agrees("Try again?", true)? {
                return Ok(());
            }
        }
    }

    /// Takes pictures of a person. Returns whether the person is enrolled.
    fn enroll(&self, name: &str) -> anyhow::Result<bool> {
        let options = CameraOptions { any_pose: self.args.any_pose, timeout: ENROLLMENT_TIME };
        let refusing =
            EnrollOptions { aligned: false, force: false, allow_similar: false, allow_unlike: false };
        match enroll_from_door_camera(&mut self.door()?, name, &options, refusing) {
            Ok(enrollment) => Ok(print_enrollment(&enrollment, false)? == ExitCode::SUCCESS),
            Err(error) => {
                self.say(&format!("{error:#}"))?;
                Ok(false)
            }
        }
    }

    /// The id of the newest event; `None` if there is none.
    fn newest_event(&self) -> anyhow::Result<Option<i64>> {
        let call = self.door()?.door().list_events(events_after(None, None), Some(1)).call();
        let events = call.map_err(CallError::from)?.events;
        Ok(events.first().and_then(|event| event.get("id")?.as_i64()))
    }

    /// Waits until the door decides about this person, after the event with this id.
    fn is_recognized(&self, name: &str, after: Option<i64>) -> anyhow::Result<bool> {
        let mut door = self.door()?;
        let seconds = VISIT_TIME.as_secs();
        line(&format!(
            "\nNow go away for some seconds, and come to the door. (This waits for {seconds} s.)"
        ))?;
        let start = Instant::now();
        while start.elapsed() < VISIT_TIME {
            let of_person = events_after(after, Some(name));
            let found = door.door().list_events(of_person, Some(1000)).call().map_err(CallError::from)?;
            for event in found.events {
                let event = from_api(event)?;
                if matches!(event.kind, EventKind::Granted(_) | EventKind::Denied(_)) {
                    line(&format!("The door has recognized {name}. {}", sentence(&event)))?;
                    return Ok(true);
                }
            }
            thread::sleep(PAUSE);
        }
        Ok(false)
    }

    /// Sets the relay's line, and tests whether the relay clicks.
    fn relay(&mut self) -> anyhow::Result<()> {
        loop {
            let config = self.file.config()?;
            let current = config.relay.line.map(|line| line.to_string()).unwrap_or_default();
            let question = "\nNumber of the relay's GPIO line (17 is GPIO17); Enter if there is no relay yet";
            let answer = self.dialog.ask(question, Some(&current))?;
            if answer.is_empty() {
                return line("Without a relay the door opens nothing. It records whom it would let in.");
            }
            let Ok(number) = answer.parse::<u32>() else {
                line(&format!("{answer:?} is no number of a line"))?;
                continue;
            };
            let is_low = self.dialog.agrees("Is the relay on while the line is low?", false)?;
            let active = if is_low { "low" } else { "high" };
            let mut keys =
                vec![("relay.line", Value::from(i64::from(number))), ("relay.active", Value::from(active))];
            let header = chips().into_iter().find(|chip| HEADER_CHIPS.contains(&chip.label.as_str()));
            if let Some(path) = header.as_ref().and_then(|chip| chip.path.to_str()) {
                keys.push(("relay.chip", Value::from(path)));
            }
            match self.file.set(&keys).and_then(|()| self.restart()) {
                Ok(()) => break,
                Err(error) => self.say(&format!("{error:#}"))?,
            }
        }
        self.test_relay()
    }

    fn test_relay(&mut self) -> anyhow::Result<()> {
        let name = self.file.config()?.door.name;
        let question = format!(
            "\nThe relay can be tested now, which opens the door {name}. Type {name} to do it; Enter leaves the test out"
        );
        let answer = self.dialog.ask(&question, Some(""))?;
        if answer.is_empty() {
            return Ok(());
        }
        // Somebody who was let in a moment ago holds the relay on for a pulse.
        let end = Instant::now() + Duration::from_millis(self.file.config()?.relay.pulse_ms) + PAUSE;
        let mut door = self.door()?;
        let tested = loop {
            match door.door().test_relay(answer.clone()).call().map_err(CallError::from) {
                Err(error) if is_relay_on(&error) && Instant::now() < end => thread::sleep(PAUSE),
                tested => break tested,
            }
        };
        match tested {
            Ok(reply) => {
                let seconds = reply.pulse_s;
                let question = format!(
                    "The relay is on for {seconds:.1} s. Did it click twice, at the start and at the end?"
                );
                if !self.dialog.agrees(&question, true)? {
                    self.say(
                        "Then `sudo ostiary doctor` says whether the line exists and who holds it. Check the wires, the number \
                         of the line and the level (the guide \"Wire a relay\"), and run this command again.",
                    )?;
                }
                Ok(())
            }
            Err(error) => self.say(&format!("The relay was not tested: {error}")),
        }
    }

    /// Sets the broker, after a connection to it.
    fn broker(&mut self) -> anyhow::Result<()> {
        loop {
            let mqtt = self.file.config()?.mqtt;
            let current = if mqtt.enabled { mqtt.host.clone() } else { String::new() };
            let question = "\nAddress of the MQTT broker (Home Assistant's, for example); Enter for none";
            let host = self.dialog.ask(question, Some(&current))?;
            if host.is_empty() {
                return Ok(());
            }
            let user = self
                .dialog
                .ask("User name at the broker; Enter for none", mqtt.username.as_deref().or(Some("")))?;
            let mut keys = vec![("mqtt.enabled", Value::from(true)), ("mqtt.host", Value::from(host))];
            let mut password = None;
            if !user.is_empty() {
                keys.push(("mqtt.username", Value::from(user)));
                password = Some(self.dialog.ask_secret("Password; Enter keeps the one before")?)
                    .filter(|password| !password.is_empty());
            }
            let before = self.file.clone();
            match self.file.set(&keys).and_then(|()| self.check_broker(password.as_deref())) {
                Ok(false) => {}
                Ok(true) => line(
                    "Another door at this broker has the same name, so that nobody can tell the two apart: run this command again \
                     and give this one another name.",
                )?,
                Err(error) => {
                    self.say(&format!("{error:#}. The broker is as it was before."))?;
                    self.file = before;
                    self.file.write()?;
                    continue;
                }
            }
            if let Some(password) = &password {
                write_secret(&self.secrets.join(MQTT_PASSWORD), password)?;
            }
            line("The broker accepts the connection.")?;
            return self.restart();
        }
    }

    /// Connects to the broker, with a new password or the one before. Returns whether another door there has the same name.
    fn check_broker(&self, password: Option<&str>) -> anyhow::Result<bool> {
        let config = self.file.config()?;
        // A new password is kept only once the broker has accepted it.
        let new = password.map(|_| self.secrets.join(format!("{MQTT_PASSWORD}.new")));
        if let (Some(file), Some(password)) = (&new, password) {
            write_secret(file, password)?;
        }
        let password_file = new.clone().or(config.mqtt.password_file.clone());
        let mqtt = Mqtt { password_file, ..config.mqtt.clone() };
        let checked = ostiary_mqtt::check(&mqtt, &config.door.name, &config.events.path);
        if let Some(file) = new {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
        Ok(checked?)
    }

    /// Offers the test of what pictures can open the door.
    fn liveness_test(&mut self) -> anyhow::Result<()> {
        let config = self.file.config()?;
        // Whether the models have the network is said by the test.
        if let Some(problem) = LivenessProblem::find(&config, true, config.has_prompt_output()) {
            self.say(&format!("\nNote: {problem}; {}.", problem.fix()))?;
            if problem.keeps_everybody_out() || config.liveness.level() == LivenessLevel::Off {
                return Ok(());
            }
        }
        let question =
            "\nTest now which pictures this door lets in? It takes half an hour and printed photos";
        if self.dialog.agrees(question, false)? {
            super::liveness::test(self.globals)?;
        } else {
            self.say("Later: `sudo ostiary liveness test`.")?;
        }
        Ok(())
    }
}

/// Writes a password to a file that only its owner can read.
fn write_secret(path: &Path, password: &str) -> anyhow::Result<()> {
    durable::write(path, format!("{password}\n").as_bytes(), 0o600)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The events after one, of a person or of all.
fn events_after(after: Option<i64>, person: Option<&str>) -> EventFilter {
    EventFilter {
        since: None,
        until: None,
        after,
        person: person.map(str::to_owned),
        reason: None,
        before: None,
        kinds: None,
    }
}

/// Whether the relay was not tested because it was on.
fn is_relay_on(error: &CallError) -> bool {
    error.to_string().contains(&CommandRefusal::RelayIsOn.to_string())
}
