//! `ostiary people` and `ostiary enroll` on a facebank.

use super::*;

/// `ostiary people ARGS` on this facebank.
fn people(path: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    cargo_bin_cmd!("ostiary").arg("people").args(args).arg("--facebank").arg(path).assert()
}

fn json(path: &Path, args: &[&str]) -> Vec<Value> {
    let output = people(path, &[args, &["--json"]].concat()).success().get_output().stdout.clone();
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn error(path: &Path, args: &[&str]) -> String {
    let output = people(path, args).code(2).get_output().stderr.clone();
    String::from_utf8(output).unwrap()
}

fn refusal(path: &Path, args: &[&str]) -> String {
    let output = people(path, args).code(1).get_output().stderr.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn the_people_commands_change_the_facebank() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let listed = json(&path, &["list"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["name"], "Ann");
    assert_eq!(listed[0]["templates"], 2);
    assert_eq!(listed[0]["models"][0], model().0);
    assert_eq!(json(&path, &["rename", "ann", "Ann Lee"])[0]["name"], "Ann Lee");
    assert_eq!(json(&path, &["disable", "Ann Lee"])[0]["enabled"], false);
    assert_eq!(json(&path, &["enable", "Ann Lee"])[0]["enabled"], true);
    assert_eq!(json(&path, &["group", "Bob", "cleaners"])[0]["group"], "cleaners");
    assert_eq!(json(&path, &["group", "Bob", "CleanerS"])[0]["group"], "cleaners", "one group in any case");
    assert_eq!(json(&path, &["group", "Bob"])[0]["group"], Value::Null);
    assert_eq!(json(&path, &["show", "bob"])[0]["name"], "Bob");
    assert_eq!(json(&path, &["remove", "bob"])[0]["removed"], "Bob");
    assert_eq!(json(&path, &["list"]).len(), 1);
    let output = people(&path, &["list"]).success().get_output().stdout.clone();
    assert!(String::from_utf8(output).unwrap().starts_with("Ann Lee  enabled   2 templates"));
}

#[test]
fn export_and_import_copy_all_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let everyone = |path: &Path| Facebank::open_read_only(path).unwrap().people().unwrap();
    let copy = folder.path().join("copy.sqlite");
    let export = folder.path().join("export.jsonl");
    let file = export.to_str().unwrap();
    assert_eq!(json(&path, &["export", "-o", file])[0]["exported"], 2);
    assert_eq!(json(&copy, &["import", file])[0]["imported"], 2);
    assert_eq!(everyone(&copy), everyone(&path));
    // Export to standard output, and import from standard input.
    let lines = people(&path, &["export"]).success().get_output().stdout.clone();
    assert_eq!(lines, fs::read(&export).unwrap());
    let piped = folder.path().join("piped.sqlite");
    let mut import = cargo_bin_cmd!("ostiary");
    import.args(["people", "import", "-", "--facebank"]).arg(&piped).write_stdin(lines).assert().success();
    assert_eq!(everyone(&piped), everyone(&path));
    assert!(refusal(&copy, &["import", file]).contains("already a person called \"Ann\""));
}

#[test]
fn errors_name_the_subject_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    assert!(refusal(&path, &["show", "Anne"]).contains("did you mean \"Ann\""));
    assert!(refusal(&path, &["rename", "Ann", "Bob"]).contains("\"Bob\""));
    assert!(refusal(&path, &["rename", "Ann", "a\nb"]).contains("control characters"));
    let absent = folder.path().join("absent.sqlite");
    assert_eq!(json(&absent, &["list"]), [Value::Null; 0], "nobody is enrolled yet, which is no error");
    for verb in [&["show", "Ann"][..], &["remove", "Ann"], &["reembed"]] {
        assert!(error(&absent, verb).contains("ostiary enroll"), "{verb:?}");
    }
    assert!(error(&absent, &["import", "/no/such/export"]).contains("/no/such/export"));
    assert!(!absent.exists());
}

#[test]
fn enroll_refuses_invalid_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let enroll_with = |code: i32, args: &[&str]| {
        let output = cargo_bin_cmd!("ostiary").arg("enroll").args(args).arg("--facebank").arg(&path).assert();
        String::from_utf8(output.code(code).get_output().stderr.clone()).unwrap()
    };
    let enroll = |args: &[&str]| enroll_with(2, args);
    assert!(enroll(&["Ann"]).contains("give photos, or --camera"));
    assert!(enroll_with(1, &[" ", "a.jpg"]).contains("it is empty"), "a rule of names refuses it");
    assert!(enroll(&["Ann", "a.jpg", "--camera"]).contains("--camera"));
    assert!(enroll(&["Ann", "--from", "photos"]).contains("--from"));
    assert!(enroll(&[]).contains("NAME"));
    assert!(enroll(&["Ann", "a.jpg", "--timeout", "5"]).contains("--timeout"));
    assert!(enroll(&["Ann", "--source", "x.mp4"]).contains("--camera"));
    assert!(enroll(&["Ann", "/no/such/photo.jpg"]).contains("/no/such/photo.jpg"));
    assert!(!path.exists());
}

#[test]
fn completions_list_names_and_keys_and_never_complain() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let config = folder.path().join("ostiary.toml");
    let socket = folder.path().join("control");
    fs::write(&config, format!("[facebank]\npath = {path:?}\n[control]\nsocket = {socket:?}\n")).unwrap();
    let complete = |config: &Path, what: &str| {
        let begin = std::time::Instant::now();
        let output = cargo_bin_cmd!("ostiary").args(["complete", what, "--config"]).arg(config).assert();
        let output = output.success().get_output().clone();
        assert!(begin.elapsed() < std::time::Duration::from_secs(3), "{what}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&config, "people"), ["Ann", "Bob"]);
    let (keys, settable) = (complete(&config, "keys"), complete(&config, "settable-keys"));
    let has = |keys: &[String], key: &str| keys.iter().any(|other| other == key);
    assert!(has(&keys, "relay.line") && has(&keys, "door.cooldown_s"), "{keys:?}");
    assert!(!has(&settable, "relay.line") && has(&settable, "door.cooldown_s"), "{settable:?}");
    // A door that accepts a connection, and does not answer.
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(complete(&config, "people"), [""; 0]);
    fs::write(&config, "[facebank]\npath = 7\n").unwrap();
    assert_eq!(complete(&config, "people"), [""; 0]);
    assert_eq!(complete(&folder.path().join("none.toml"), "people"), [""; 0]);
}
