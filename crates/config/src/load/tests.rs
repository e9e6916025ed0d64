use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::commented_file::commented_file;
use crate::key::Key;
use crate::rule::Kind;
use crate::sections::SECTIONS;

/// The file that ships.
const SHIPPED: &str = include_str!("../../../../config/ostiary.toml");

/// A public key; its secret key was deleted.
const KEY: &str = "RWR99XgqhUHpZJv+khu8RYfyYAY4xjxNWET6oRlvOy7a/SzGLSlhZYad";

struct Etc(tempfile::TempDir);

impl Etc {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn layers(&self) -> Layers {
        Layers { folder: self.0.path().to_owned(), ..Layers::default() }
    }
}

fn at(path: &Path, line: usize) -> Option<Origin> {
    Some(Origin::File { path: path.to_owned(), line })
}

fn with_set(set: &[&str]) -> Result<Loaded, ConfigError> {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    load(&Layers { set, ..Etc::new(&[]).layers() })
}

/// The one problem of one `--set` flag, as text.
fn problem(set: &str) -> String {
    let error = with_set(&[set]).expect_err(set);
    assert_eq!(error.problems.len(), 1, "{error}");
    error.to_string()
}

/// The shipped file with the `#` taken from the keys with a default, and from those with an example.
fn shipped() -> (String, String) {
    let (mut defaults, mut examples) = (String::new(), String::new());
    for line in SHIPPED.lines() {
        let key = line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if !line.starts_with('#') {
            defaults += line;
            examples += line;
        }
        if let Some(key) = key {
            let to = if key.contains("# example") { &mut examples } else { &mut defaults };
            *to += key;
        }
        defaults += "\n";
        examples += "\n";
    }
    (defaults, examples)
}

/// The keys of a TOML text, as `section.key`.
fn keys_of(text: &str) -> Vec<String> {
    let document: Table = toml::from_str(text).unwrap();
    let mut names = Vec::new();
    for (section, keys) in &document {
        names.extend(keys.as_table().unwrap().keys().map(|key| format!("{section}.{key}")));
    }
    names
}

#[test]
fn nothing_set_is_the_defaults() {
    let loaded = load(&Etc::new(&[]).layers()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.settings().iter().all(|setting| setting.origin == Origin::Default));
}

#[test]
fn hosts_have_neither_scheme_nor_port() {
    for host in [
        "localhost",
        "broker.local",
        "core-mosquitto",
        "my_broker",
        "192.168.1.10",
        "::1",
        "fe80::1",
        "example.org.",
    ] {
        assert!(with_set(&[&format!("mqtt.host={host}")]).is_ok(), "{host}");
    }
    for host in [
        "mqtt://broker.local",
        "tcp://10.0.0.1",
        "broker.local:1883",
        "10.0.0.1:1883",
        "[::1]:1883",
        "[::1]",
        "//broker",
        "broker/mqtt",
        "user@broker",
        "user:pw@broker",
        "my broker",
        "broker,other",
        "192.168.1.300",
        "192.168.1",
        "-broker",
        "a..b",
        "brok\u{e9}r",
    ] {
        let text = problem(&format!("mqtt.host={host}"));
        assert!(
            text.contains("without a scheme (mqtt://), a user, a port or a path; the port is in mqtt.port"),
            "{text}"
        );
    }
    let keys = format!("models.keys=[{KEY:?}]");
    for source in ["/media/usb/models", "https://models.example.org/door"] {
        assert!(with_set(&[&keys, &format!("models.source={source}")]).is_ok(), "{source}");
    }
    for source in ["ftp://models.example.org", "htps://models.example.org", "file:///models"] {
        assert!(problem(&format!("models.source={source}")).contains("http:// or https://"), "{source}");
    }
}

#[test]
fn a_device_is_no_configuration_file_except_the_null_device() {
    let error = load(&Layers { file: Some("/dev/zero".into()), ..Layers::default() }).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
    assert!(load(&Layers { file: Some("/dev/null".into()), ..Layers::default() }).is_ok());
}

#[test]
fn the_default_and_the_example_of_each_key_are_allowed_and_of_its_type() {
    let mut keys = 0;
    for (key, setting) in lookup::keys().zip(Setting::defaults().unwrap()) {
        let (default, example) = (setting.value, key.example());
        assert!(default.is_some() != example.is_some(), "{}: a default or an example", key.name());
        let value = default.or(example).unwrap();
        let checked = key.check(value.clone()).ok().unwrap_or_else(|| panic!("{} = {value}", key.name()));
        typed(&BTreeMap::from([(key.name().to_owned(), (checked, Origin::Default))])).unwrap();
        keys += 1;
    }
    assert!(keys > 70);
}

/// A range that the field's type cannot hold would be an error of the program in place of one of the file.
#[test]
fn every_value_that_a_rule_allows_fits_the_type() {
    for key in lookup::keys() {
        let values: Vec<Value> = match key.rule.kind {
            Kind::Integer(least, most) => vec![least.into(), most.into()],
            Kind::Number(least, most) => vec![least.into(), most.into()],
            Kind::OneOf(choices) => choices().iter().map(|choice| Value::from(*choice)).collect(),
            Kind::OneOfNumbers(choices) => choices.iter().map(|choice| Value::from(*choice)).collect(),
            _ => continue,
        };
        assert!(values.len() > 1, "{}", key.name());
        for value in values {
            let checked = key.check(value.clone()).ok().unwrap();
            let values = BTreeMap::from([(key.name().to_owned(), (checked, Origin::Default))]);
            typed(&values).unwrap_or_else(|problem| panic!("{} = {value}: {problem}", key.name()));
        }
    }
}

#[test]
fn every_key_and_section_is_documented_in_sentences() {
    for section in SECTIONS {
        let keys = section.keys().iter().map(|key| (key.name(), key.doc().collect::<Vec<_>>()));
        for (name, doc) in keys.chain([(section.name(), section.doc().collect())]) {
            let text = doc.join(" ");
            assert!(text.ends_with(['.', '`']), "{name}: {text}");
            // A span that went over two lines would lose its backticks in the file.
            assert!(
                doc.iter().all(|line| line.len() <= 118 && line.matches('`').count() % 2 == 0),
                "{name}: {text}"
            );
        }
    }
}

#[test]
fn the_shipped_file_is_the_one_that_the_declaration_makes() {
    assert!(
        commented_file().unwrap() == SHIPPED,
        "write it again: cargo run --package ostiary-manual -- configuration config/ostiary.toml"
    );
}

#[test]
fn the_shipped_file_is_the_defaults_and_names_every_key() {
    let (defaults, examples) = shipped();
    for text in [SHIPPED, &defaults] {
        let etc = Etc::new(&[("ostiary.toml", text)]);
        assert_eq!(load(&etc.layers()).unwrap().config, Config::default());
    }
    // Some examples need other keys.
    let needed =
        format!("[camera]\nsource = \"rtsps://cam\"\n[mqtt]\ntls = true\n[models]\nkeys = [{KEY:?}]");
    let etc = Etc::new(&[("ostiary.toml", &examples), ("conf.d/needed.toml", &needed)]);
    load(&etc.layers()).unwrap_or_else(|error| panic!("{error}"));

    let mut shipped = [keys_of(&defaults), keys_of(&examples)].concat();
    shipped.retain(|name| lookup::group(name).is_none());
    let mut known: Vec<&str> = lookup::keys().map(Key::name).collect();
    shipped.sort();
    known.sort_unstable();
    assert_eq!(shipped, known);
}

#[test]
fn keys_that_need_a_restart_are_named() {
    let old = Config::default();
    let mut new = old.clone();
    new.relay.pulse_ms = 500;
    new.door.fpir = Some(1e-3);
    new.camera.source = "/dev/video7".into();
    new.hours.insert("staff".into(), vec!["never".into()]);
    assert_eq!(old.restart_keys(&new), [""; 0]);
    new.relay.line = Some(4);
    new.door.name = "back".into();
    new.inputs.held_open_s = 60.0;
    assert_eq!(old.restart_keys(&new), ["door.name", "relay.line", "inputs.held_open_s"]);
}

#[test]
fn later_layers_win_and_are_named() {
    let etc = Etc::new(&[
        ("ostiary.toml", "[door]\nfpir = 1e-2\nframes = 4\nmargin = 0.1\ncooldown_s = 3\nname = 'front'\n"),
        ("conf.d/20-b.toml", "\n[door]\nframes = 6\nmargin = 0.2"),
        ("conf.d/10-a.toml", "[door]\nframes = 5"),
        ("conf.d/README", "no TOML and not read"),
        ("conf.d/.#20-b.toml", "left by an editor"),
        ("conf.d/.hidden.toml", "left by another program"),
        ("conf.d/#20-b.toml#", "left by an editor"),
        ("conf.d/20-b.toml~", "left by an editor"),
    ]);
    let environment = [("OSTIARY_DOOR__MARGIN", "0.3"), ("OSTIARY_DOOR__COOLDOWN_S", "4"), ("HOME", "/root")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let layers = Layers {
        environment: environment.into(),
        set: vec!["door.cooldown_s=5".into(), "relay.line = 17".into(), "relay.line=18".into()],
        models: Some("/srv/models".into()),
        ..etc.layers()
    };
    let loaded = load(&layers).unwrap();
    let door = &loaded.config.door;
    assert_eq!((door.fpir, door.frames, door.margin, door.cooldown_s), (Some(1e-2), 6, 0.3, 5.0));
    assert_eq!(door.name, "front");
    assert_eq!(loaded.config.relay.line, Some(18));
    assert_eq!(loaded.config.models.dir.as_deref(), Some(Path::new("/srv/models")));
    assert_eq!(loaded.origin("door.fpir").cloned(), at(&etc.path("ostiary.toml"), 2));
    assert_eq!(loaded.origin("door.frames").cloned(), at(&etc.path("conf.d/20-b.toml"), 3));
    let margin = Origin::Environment("OSTIARY_DOOR__MARGIN".into());
    assert_eq!(loaded.origin("door.margin"), Some(&margin));
    assert_eq!(loaded.origin("door.cooldown_s"), Some(&Origin::Flag("--set")));
    assert_eq!(loaded.origin("models.dir"), Some(&Origin::Flag("--models")));
    assert_eq!(loaded.origin("camera.fps"), Some(&Origin::Default));
}

#[test]
fn a_named_file_replaces_the_folder_and_must_exist() {
    let etc = Etc::new(&[
        ("ostiary.toml", "[door]\nframes = 4"),
        ("conf.d/a.toml", "[door]\nframes = 5"),
        ("own/own.toml", "[door]\nmargin = 0.1"),
        ("own/conf.d/a.toml", "[door]\nframes = 6"),
    ]);
    let loaded = load(&Layers { file: Some(etc.path("own/own.toml")), ..etc.layers() }).unwrap();
    assert_eq!((loaded.config.door.frames, loaded.config.door.margin), (3, 0.1));

    let error = load(&Layers { file: Some(etc.path("none.toml")), ..etc.layers() }).unwrap_err();
    assert!(matches!(error.problems.as_slice(), [Problem::Unreadable { .. }]), "{error}");
    assert!(error.to_string().contains("none.toml: cannot be read"), "{error}");
}

#[test]
fn all_problems_are_reported_at_once_with_their_place() {
    let text = "[door]\nfra = 1e-4\nframes = 'three'\nfpri = 1e-2\n\n[camra]\nfps = 3\n[camera]\nfps = 1000\nrotate = 45\n";
    let etc = Etc::new(&[("ostiary.toml", text), ("conf.d/bad.toml", "[door]\nfpir = \n")]);
    let layers = Layers { set: vec!["mqtt.prot=1".into(), "frames".into()], ..etc.layers() };
    let message = load(&layers).unwrap_err().to_string();
    let file = etc.path("ostiary.toml").display().to_string();
    for expected in [
        &format!("{file}:2: there is no door.fra; `ostiary config show` lists all keys"),
        &format!("{file}:3: door.frames wants a whole number from 1 to 32, found string (\"three\")"),
        &format!("{file}:4: there is no door.fpri; did you mean door.fpir?"),
        &format!("{file}:6: there is no camra; did you mean camera?"),
        &format!("{file}:9: camera.fps = 1000 is not allowed; wanted a whole number from 1 to 240"),
        &format!("{file}:10: camera.rotate = 45 is not allowed; wanted one of 0, 90, 180 or 270"),
        "bad.toml:2: not valid TOML",
        "--set: there is no mqtt.prot; did you mean mqtt.port?",
        "--set frames: wanted section.key=value",
    ] {
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
    }
    assert_eq!(message.lines().count(), 9, "{message}");
}

#[test]
fn valid_values_are_read_beside_problems() {
    let etc = Etc::new(&[
        ("ostiary.toml", "[camera]\nsource = 'a.png'\nfps = 12\n[door]\nfra = 1e-4\n"),
        ("conf.d/later.toml", "[camera]\nfps = 1000\n"),
        ("conf.d/torn.toml", "[relay\n"),
    ]);
    let (loaded, problems) = examine(&etc.layers()).unwrap();
    assert_eq!(problems.len(), 3);
    assert_eq!((loaded.config.camera.source.as_str(), loaded.config.camera.fps), ("a.png", 12));
    assert_eq!(loaded.config.door, Config::default().door);
    assert!(load(&etc.layers()).is_err());

    let etc = Etc::new(&[("ostiary.toml", "[relay]\nline = 4\n[signals]\nyes_line = 4\n")]);
    let (loaded, problems) = examine(&etc.layers()).unwrap();
    assert_eq!((loaded.config.relay.line, problems.len()), (Some(4), 1), "a conflict");
}

#[test]
fn a_group_is_the_same_in_upper_and_lower_case() {
    let etc = Etc::new(&[
        ("ostiary.toml", "[hours]\nStaff = ['never']\n'Night Shift' = ['always']\n"),
        ("conf.d/later.toml", "[hours]\nSTAFF = ['sat 10:00-12:00']\n"),
    ]);
    let loaded = load(&etc.layers()).unwrap();
    let groups: Vec<_> =
        loaded.config.hours.iter().map(|(group, times)| (group.as_str(), times.len())).collect();
    assert_eq!(groups, [("night shift", 1), ("staff", 1)]);
    assert_eq!(loaded.config.hours["staff"], ["sat 10:00-12:00"], "the later layer wins");
    assert_eq!(loaded.origin("hours.staff").cloned(), at(&etc.path("conf.d/later.toml"), 2));

    let etc = Etc::new(&[("ostiary.toml", "[hours]\nStaff = ['always']\nstaff = ['never']\n")]);
    let message = load(&etc.layers()).unwrap_err().to_string();
    let file = etc.path("ostiary.toml").display().to_string();
    assert_eq!(
        message,
        format!(
            "hours.Staff and hours.staff are the same group, in upper and lower case; write its hours in one line \
             (hours.Staff: {file}:2, hours.staff: {file}:3)"
        )
    );
}

#[test]
fn an_unknown_key_gets_a_hint() {
    let etc = Etc::new(&[("ostiary.toml", "fpir = 1e-4\ndoor = 3\n")]);
    let message = load(&etc.layers()).unwrap_err().to_string();
    assert!(message.contains(":1: there is no fpir; did you mean door.fpir?"), "{message}");
    assert!(message.contains(":2: door wants to be a section, [door], found integer"), "{message}");
    assert!(problem("camera.fpir=1").contains("did you mean door.fpir?"));
    assert!(problem("dor.fpir=1").contains("did you mean door.fpir?"));
    assert!(problem("xyzzy.plugh=1").contains("config show"));
    assert!(problem("hours.=[]").contains("there is no hours."));
}

#[test]
fn a_retired_key_is_ignored_with_a_warning_in_each_layer() {
    let etc = Etc::new(&[("ostiary.toml", "[door]\nframes = 4\nfar = 1e-5\n")]);
    let layers = Layers {
        environment: vec![("OSTIARY_DOOR__FAR".to_owned(), "much".to_owned())],
        set: vec!["door.far=2".into()],
        ..etc.layers()
    };
    let loaded = load(&layers).unwrap();
    assert_eq!(loaded.config.door, crate::Door { frames: 4, ..crate::Door::default() });
    assert!(loaded.origin("door.far").is_none());
    let warnings: Vec<String> = loaded.ignored().iter().map(ToString::to_string).collect();
    let text = "door.far is ignored: door.fpir has replaced it, the share of strangers' visits that may be let in; remove it";
    let places = [
        format!("{}:3", etc.path("ostiary.toml").display()),
        "environment OSTIARY_DOOR__FAR".to_owned(),
        "--set".to_owned(),
    ];
    assert_eq!(warnings, places.map(|place| format!("{place}: {text}")));
    assert!(load(&Etc::new(&[]).layers()).unwrap().ignored().is_empty());
}

#[test]
fn out_of_range_is_refused() {
    for set in [
        "door.fpir=0",
        "door.fpir=1",
        "door.fpir=-0.1",
        "door.fpir=nan",
        "door.fpir=1e-8",
        "door.fpir=inf",
        "models.keys=[\"\"]",
        "models.keys=[\"RWR99XgqhUHpZJv+khu8RYfyYAY4\"]",
        "models.keep=101",
        "door.frames=0",
        "door.frames=33",
        "door.within_s=0",
        "door.within_s=nan",
        "door.cooldown_s=-1",
        "door.name=a/b",
        "door.name=",
        "door.name=\"front door\"",
        "door.second_face=maybe",
        "camera.fps=0",
        "camera.fps=241",
        "camera.rotate=360",
        "camera.width=0",
        "camera.source=",
        "camera.region=[0,0,0,10]",
        "camera.region=[0,0,10]",
        "camera.region=[-1,0,100,100]",
        "detector.thresholds=[0.5,0.5]",
        "detector.thresholds=[0.5,0.5,1.5]",
        "quality.max_yaw=91",
        "mqtt.port=0",
        "mqtt.port=65536",
        "mqtt.prefix=a/#",
        "mqtt.prefix=/a",
        "mqtt.prefix=",
        "relay.line=-1",
        "relay.pulse_ms=0",
        "relay.active=on",
        "inputs.exit_bias=up",
        "inputs.debounce_ms=0",
        "inputs.grace_s=-1",
        "inputs.held_open_s=0",
        "events.keep=0",
        "log.level=loud",
        "hours.staff=[\"sometimes\"]",
        "clock.trust=blindly",
    ] {
        assert!(problem(set).contains("is not allowed; wanted"), "{}", problem(set));
    }
    for set in [
        "door.fpir=much",
        "door.frames=2.5",
        "camera.mirror=1",
        "hours.staff=always",
        "hours.staff=[1]",
        "camera.region=all",
        "relay.line=\"17\"",
    ] {
        assert!(problem(set).contains(" wants "), "{}", problem(set));
    }
}

#[test]
fn text_needs_no_quotes_outside_a_file() {
    let loaded = with_set(&[
        "door.name=17",
        "mqtt.host='broker'",
        "camera.source=rtsp://user:a=b@cam/1",
        "mqtt.discovery_prefix=",
        "hours.staff=[\"mon-fri 08:00-18:00\"]",
    ])
    .unwrap();
    assert_eq!(loaded.config.door.name, "17");
    assert_eq!(loaded.config.mqtt.host, "broker");
    assert_eq!(loaded.config.camera.source, "rtsp://user:a=b@cam/1");
    assert_eq!(loaded.config.mqtt.discovery_prefix, "");
    assert_eq!(loaded.config.hours["staff"], ["mon-fri 08:00-18:00"]);
}

#[test]
fn variables_of_other_programs_are_ignored_and_misspelt_ones_are_not() {
    let variable = |name: &str| Layers {
        environment: vec![(name.to_owned(), "1".to_owned())],
        ..Etc::new(&[]).layers()
    };
    assert!(load(&variable("OSTIARY_LOG")).is_ok());
    assert!(load(&variable("OTHER_DOOR__FPIR")).is_ok());
    let message = load(&variable("OSTIARY_DOOR__FRAMS")).unwrap_err().to_string();
    assert_eq!(message, "environment OSTIARY_DOOR__FRAMS: there is no door.frams; did you mean door.frames?");
    let message = load(&variable("OSTIARY_RELAY_PULSE_MS")).unwrap_err().to_string();
    assert_eq!(
        message,
        "environment OSTIARY_RELAY_PULSE_MS: there is no relay_pulse_ms; did you mean OSTIARY_RELAY__PULSE_MS?"
    );
}

#[test]
fn contradictions_are_refused() {
    for (set, expected) in [
        (&["quality.min_exposure=0.95"][..], "quality.min_exposure must be less"),
        (&["camera.region=[600,0,100,100]"], "reaches beyond the rotated picture of 640x480"),
        (&["camera.region=[0,500,100,100]"], "reaches beyond"),
        (&["camera.region=[0,0,30,100]"], "smaller than the smallest face"),
        (&["door.frames=30", "door.within_s=0.5", "camera.fps=2"], "cannot come within"),
        (&["lockout.pause_s=1000"], "lockout.pause_s must not be more than lockout.max_pause_s"),
        (&["camera.kind=nir"], "camera.kind = \"nir\" needs liveness.level = \"active\""),
        (&["camera.kind=nir", "liveness.level=passive"], "camera.kind = \"nir\" needs liveness.level"),
        (&["relay.line=4", "signals.no_line=4"], "relay.line and signals.no_line are the same line"),
        (&["signals.yes_line=4", "signals.buzzer_line=4"], "are the same line"),
        (&["relay.line=4", "inputs.exit_line=4"], "relay.line and inputs.exit_line are the same line"),
        (
            &["signals.no_line=4", "inputs.contact_line=4"],
            "signals.no_line and inputs.contact_line are the same",
        ),
        (
            &["inputs.chip=/dev/gpiochip1", "inputs.exit_line=4", "inputs.contact_line=4"],
            "inputs.exit_line and inputs.contact_line are the same line",
        ),
        (&["inputs.chip=/dev/gpiochip1"], "has no effect without inputs.exit_line or inputs.contact_line"),
        (&["mqtt.tls=true", "mqtt.cert_file=/a.pem"], "need each other"),
        (&["mqtt.tls=true", "mqtt.key_file=/a.pem"], "need each other"),
        (&["console.certificate=/a.pem"], "need each other"),
        (&["console.key=/a.pem"], "need each other"),
        (&["mqtt.ca_file=/a.pem"], "has no effect without mqtt.tls"),
        (&["mqtt.password_file=/a"], "needs mqtt.username"),
        (&["models.source=/a"], "needs models.keys"),
        (&["camera.source=rtsp://admin:p#ss@cam/1"], "in a password it is written %23"),
        (&["camera.source=rtsp://admin:p/ss@cam/1"], "written %2F"),
        (&["camera.source=rpicam:x"], "the number of a camera"),
        (&["camera.source=rpicam:0", "camera.width=800"], "a multiple of 64"),
        (&["camera.source=argus:0", "camera.height=481"], "a multiple of 2"),
        (&["camera.user=a"], "camera.source is no stream"),
        (&["camera.source=rtsp://cam/1", "camera.password_file=/a"], "needs camera.user"),
        (&["camera.source=rtsp://a:b@cam/1", "camera.user=a"], "remove user and password from camera.source"),
        (&["camera.source=rtsp://cam/1", "camera.user=a:b"], "has a colon"),
        (&["camera.source=rtsp://cam/1", "camera.ca_file=/a"], "neither rtsps:// nor https://"),
        (&["facebank.path=/a", "events.path=/a"], "are the same file"),
    ] {
        let message = with_set(set).expect_err(set[0]).to_string();
        assert!(message.contains(expected) && message.contains(": --set"), "{message}");
    }
    assert!(with_set(&["camera.region=[0,500,100,100]", "camera.rotate=90"]).is_ok());
    assert!(with_set(&["camera.region=[0,900,100,100]", "camera.source=a.mp4"]).is_ok());
    // At most 8 moments count, and the window is raised to have room for them.
    assert!(with_set(&["door.frames=30", "door.within_s=0.5", "camera.fps=5"]).is_ok());
    assert!(with_set(&["relay.line=4", "signals.yes_line=5", "signals.no_line=6"]).is_ok());
    assert!(with_set(&["camera.source=rtsps://cam/1", "camera.user=a", "camera.ca_file=/a"]).is_ok());
    assert!(with_set(&["camera.source=rpicam:0", "camera.width=1280"]).is_ok());
    let other_chip = "inputs.chip=/dev/gpiochip1";
    assert!(with_set(&["relay.line=4", other_chip, "inputs.exit_line=4"]).is_ok());
}

#[test]
fn no_problem_shows_the_password_of_a_stream() {
    for set in [
        "camera.source=[\"rtsp://admin:SECRET'x@cam\"]",
        "camera.fps=rtsp://admin:SECRET@cam",
        "rtsp://admin:SECRET'x@cam",
        "camera.source=rtsp://admin:SECRET#x@cam",
    ] {
        let message = with_set(&[set]).expect_err(set).to_string();
        assert!(!message.contains("SECRET"), "{message}");
    }
}

#[test]
fn a_reload_reads_the_same_places_again() {
    let etc = Etc::new(&[("ostiary.toml", "[door]\nframes = 4")]);
    let layers = etc.layers();
    assert_eq!(load(&layers).unwrap().config.door.frames, 4);
    std::fs::write(etc.path("ostiary.toml"), "[door]\nframes = 5").unwrap();
    assert_eq!(load(&layers).unwrap().config.door.frames, 5);
}

proptest! {
    #[test]
    fn no_flag_panics(key in prop::sample::select(lookup::keys().collect::<Vec<_>>()), text in ".*") {
        let _ = with_set(&[&format!("{}={text}", key.name()), &text]);
    }

    #[test]
    fn no_file_panics(text in "(\\[[a-z.\"]*\\]\n|[a-z_.]{1,8} ?= ?[0-9a-z\"\\[\\],.-]{0,8}\n|\\PC{0,8}){0,8}") {
        let _ = load(&Etc::new(&[("ostiary.toml", &text)]).layers());
    }

    /// The settings of a configuration make the same configuration when they are read in again.
    #[test]
    fn settings_can_be_read_in_again(margin in 0.0f64..1.0, fpir in 1e-6f64..0.1, port in 1u16..) {
        let flags = [format!("door.margin={margin:?}"), format!("door.fpir={fpir:?}"), format!("mqtt.port={port}")];
        let first = with_set(&flags.each_ref().map(String::as_str)).unwrap();
        let again: Vec<String> = first
            .settings()
            .iter()
            .filter_map(|setting| Some(format!("{}={}", setting.key, setting.value.as_ref()?)))
            .collect();
        let again = with_set(&again.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(first.config, again.config);
    }
}

#[test]
fn each_door_has_its_own_files_and_name() {
    let layers = Layers { settings: None, ..Layers::of_door("back".parse().unwrap()) };
    assert_eq!(layers.folder, Path::new("/etc/ostiary-back"));
    let back = load(&layers).unwrap();
    let front = load(&Layers { settings: None, folder: "/nowhere".into(), ..Layers::default() }).unwrap();
    assert_eq!(back.config.door.name, "back");
    assert_eq!(back.config.control_socket(), Path::new("/run/ostiary-back/control"));
    assert_eq!(back.origin("events.path"), Some(&Origin::Flag("--door")));
    for (of_back, of_front) in [
        (&back.config.facebank.path, &front.config.facebank.path),
        (&back.config.events.path, &front.config.events.path),
        (&back.config.models.store, &front.config.models.store),
    ] {
        // No default path of the first door is shared.
        let name = of_front.strip_prefix("/var/lib/ostiary").unwrap();
        assert_eq!(*of_back, Path::new("/var/lib/ostiary-back").join(name));
    }
}

#[test]
fn the_files_of_a_door_override_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ostiary.toml"), "[door]\nname = \"garden\"\n").unwrap();
    let door = Layers::of_door("back".parse().unwrap());
    let layers = Layers { folder: folder.path().to_owned(), settings: None, ..door };
    assert_eq!(load(&layers).unwrap().config.door.name, "garden");
}

#[test]
fn keys_are_changed_without_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ostiary.toml");
    std::fs::write(&file, "[door]\ncooldown_s = 20\nmargin = 0.2\n[hours]\nStaff = [\"always\"]\n").unwrap();
    let loaded = load(&Layers { file: Some(file.clone()), settings: None, ..Layers::default() }).unwrap();
    std::fs::remove_file(&file).unwrap();
    let unchanged = with_changes(loaded.settings(), &[]).unwrap();
    assert_eq!(unchanged, loaded.config);
    let changes = ["door.margin=0.3", "hours.night=[\"mon 22:00-23:00\"]"].map(str::to_owned);
    let changed = with_changes(loaded.settings(), &changes).unwrap();
    assert_eq!((changed.door.cooldown_s, changed.door.margin, changed.hours.len()), (20.0, 0.3, 2));
    for wrong in ["door.margin=7", "door.margn=0.1", "door", ""] {
        assert!(with_changes(loaded.settings(), &[wrong.to_owned()]).is_err(), "{wrong}");
    }
}

#[test]
fn the_console_has_addresses_that_can_be_used() {
    for good in [
        "console.listen=192.168.1.20:8443",
        "console.listen=[::]:443",
        "console.address=https://door.local:8443",
        "console.address=https://[2001:db8::1]",
        "console.address=https://192.0.2.1/",
        "console.trusted_proxies=[\"127.0.0.1\", \"::1\"]",
    ] {
        assert!(with_set(&[good]).is_ok(), "{good}");
    }
    for bad in [
        "console.listen=8443",
        "console.listen=0.0.0.0",
        "console.listen=0.0.0.0:0",
        "console.listen=door.local:8443",
        "console.address=http://door.local",
        "console.address=https://door.local/console",
        "console.address=https://",
        "console.address=https://door.local:x",
        "console.address=https://ann@door.local",
        "console.trusted_proxies=[\"10.0.0.0/8\"]",
        "console.trusted_proxies=127.0.0.1",
    ] {
        let refused = with_set(&[bad]).unwrap_err().to_string();
        assert!(refused.contains("console."), "{bad}: {refused}");
    }
}
