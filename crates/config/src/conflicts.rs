//! Values that are each allowed but contradict each other.

use crate::error::Problem;
use crate::loaded::Loaded;
use crate::origin::Origin;
use crate::sections::{Backend, CameraKind, GpioBackend, LivenessLevel, Provider};

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
        let is_device = camera.source.starts_with("/dev/");
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
