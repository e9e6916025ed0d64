//! Values that are each allowed but contradict each other.

use ostiary_core::StreamAddress;

use crate::error::Problem;
use crate::loaded::Loaded;
use crate::origin::Origin;
use crate::sections::{Backend, CameraKind, GpioBackend, LivenessLevel, Provider};
use crate::source_kind::SourceKind;

/// All conflicts of a configuration whose values are each in range.
pub(super) fn find(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    let mut problems = Vec::new();
    let mut forbid = |when: bool, keys: &[&str], message: &str| {
        if when {
            let origin = |key: &str| loaded.origin(key).cloned().unwrap_or(Origin::Default);
            let keys = keys.iter().map(|key| ((*key).to_owned(), origin(key))).collect();
            problems.push(Problem::Conflict { keys, message: message.to_owned() });
        }
    };

    let quality = &config.quality;
    forbid(
        quality.min_exposure >= quality.max_exposure,
        &["quality.min_exposure", "quality.max_exposure"],
        "quality.min_exposure must be less than quality.max_exposure, or no face is ever good enough",
    );

    let camera = &config.camera;
    let (width, height) = match camera.rotate {
        90 | 270 => (camera.height, camera.width),
        _ => (camera.width, camera.height),
    };
    if let Some([x, y, w, h]) = camera.region {
        // The size of files and streams is known only when they are open.
        let is_device = matches!(
            SourceKind::of(&camera.source),
            Ok(SourceKind::Device(_) | SourceKind::Rpicam(_) | SourceKind::Argus(_))
        );
        let outside = x.saturating_add(w) > width || y.saturating_add(h) > height;
        forbid(
            is_device && outside,
            &["camera.region", "camera.width", "camera.height", "camera.rotate"],
            &format!("camera.region reaches beyond the rotated picture of {width}x{height} pixels"),
        );
        forbid(
            w.min(h) < config.detector.min_face,
            &["camera.region", "detector.min_face"],
            "camera.region is smaller than the smallest face that is detected, detector.min_face",
        );
    }

    let source = SourceKind::of(&camera.source);
    if let Err(error) = &source {
        forbid(true, &["camera.source"], &format!("camera.source: {error}"));
    }
    let address = match &source {
        Ok(SourceKind::Stream(address)) => Some(address),
        _ => None,
    };
    if let Some([width, height]) = source.as_ref().ok().and_then(SourceKind::size_step) {
        for (key, value, step) in
            [("camera.width", camera.width, width), ("camera.height", camera.height, height)]
        {
            forbid(
                value % step != 0,
                &[key, "camera.source"],
                &format!("{key} must be a multiple of {step} with this camera.source"),
            );
        }
    }
    if source.is_ok() {
        for (key, is_set) in
            [("camera.user", camera.user.is_some()), ("camera.password_file", camera.password_file.is_some())]
        {
            forbid(
                is_set && address.is_none(),
                &[key, "camera.source"],
                &format!("{key} has no effect: camera.source is no stream"),
            );
        }
        forbid(
            camera.ca_file.is_some() && !address.is_some_and(StreamAddress::is_encrypted),
            &["camera.ca_file", "camera.source"],
            "camera.ca_file has no effect: camera.source is neither rtsps:// nor https://",
        );
    }
    forbid(
        camera.password_file.is_some() && camera.user.is_none(),
        &["camera.password_file", "camera.user"],
        "camera.password_file needs camera.user",
    );
    forbid(
        camera.user.is_some() && address.is_some_and(|address| address.login().is_some()),
        &["camera.user", "camera.source"],
        "camera.source has a user, and camera.user is set; remove user and password from camera.source",
    );
    forbid(
        camera.user.as_ref().is_some_and(|user| user.contains(':')),
        &["camera.user"],
        "camera.user has a colon, which no login can have",
    );

    let door = &config.door;
    forbid(
        f64::from(door.moments().saturating_sub(1)) / f64::from(camera.fps) > door.window().as_secs_f64(),
        &["door.frames", "door.within_s", "camera.fps"],
        "door.frames cannot come within door.within_s at camera.fps, so nobody would be let in; raise door.within_s",
    );

    forbid(
        camera.kind == CameraKind::Nir && config.liveness.level() == LivenessLevel::Passive,
        &["camera.kind", "liveness.level"],
        "camera.kind = \"nir\" needs liveness.level = \"active\": the network of \"passive\" knows only color, so nobody would be let in",
    );

    let lockout = &config.lockout;
    forbid(
        lockout.pause_s > lockout.max_pause_s,
        &["lockout.pause_s", "lockout.max_pause_s"],
        "lockout.pause_s must not be more than lockout.max_pause_s, the longest pause",
    );

    let outputs = config.relay.chip.as_path();
    let inputs = config.inputs.chip(&config.relay);
    let lines = [
        ("relay.line", config.relay.line, outputs),
        ("signals.yes_line", config.signals.yes_line, outputs),
        ("signals.no_line", config.signals.no_line, outputs),
        ("signals.buzzer_line", config.signals.buzzer_line, outputs),
        ("inputs.exit_line", config.inputs.exit_line, inputs),
        ("inputs.contact_line", config.inputs.contact_line, inputs),
    ];
    for (n, (second, line, chip)) in lines.iter().enumerate() {
        for (first, other, others_chip) in lines.iter().take(n) {
            forbid(
                line.is_some() && line == other && chip == others_chip,
                &[first, second],
                &format!("{first} and {second} are the same line; each needs its own"),
            );
        }
    }
    forbid(
        config.inputs.chip.is_some() && config.inputs.is_empty(),
        &["inputs.chip"],
        "inputs.chip has no effect without inputs.exit_line or inputs.contact_line",
    );
    forbid(
        config.relay.backend == GpioBackend::Rppal && !cfg!(feature = "rpi"),
        &["relay.backend"],
        "relay.backend = \"rppal\" needs a program built with the feature rpi; use \"gpiocdev\"",
    );

    forbid(
        config.engine.backend == Backend::Ort && !cfg!(feature = "ort"),
        &["engine.backend"],
        "engine.backend = \"ort\" needs a program built with the feature ort; use \"tract\"",
    );
    forbid(
        config.ort.provider == Provider::Cpu && !config.ort.options.is_empty(),
        &["ort.options", "ort.provider"],
        "ort.provider = \"cpu\" takes no options; remove ort.options, or set the provider that they are for",
    );

    forbid(
        config.models.source.is_some() && config.models.keys.is_empty(),
        &["models.source", "models.keys"],
        "models.source needs models.keys: a bundle is taken only from a publisher who is trusted",
    );

    let mqtt = &config.mqtt;
    forbid(
        mqtt.cert_file.is_some() != mqtt.key_file.is_some(),
        &["mqtt.cert_file", "mqtt.key_file"],
        "mqtt.cert_file and mqtt.key_file need each other: set both or neither",
    );
    let console = &config.console;
    forbid(
        console.certificate.is_some() != console.key.is_some(),
        &["console.certificate", "console.key"],
        "console.certificate and console.key need each other: set both or neither",
    );
    for (key, file) in [("mqtt.ca_file", &mqtt.ca_file), ("mqtt.cert_file", &mqtt.cert_file)] {
        forbid(
            file.is_some() && !mqtt.tls,
            &[key, "mqtt.tls"],
            &format!("{key} has no effect without mqtt.tls = true"),
        );
    }
    forbid(
        mqtt.password_file.is_some() && mqtt.username.is_none(),
        &["mqtt.password_file", "mqtt.username"],
        "mqtt.password_file needs mqtt.username: MQTT sends no password without a name",
    );

    forbid(
        config.facebank.path == config.events.path,
        &["facebank.path", "events.path"],
        "facebank.path and events.path are the same file; each needs its own",
    );
    problems
}
