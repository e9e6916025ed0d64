//! Several doors on one board: each is addressed by its name, and has files, a socket, and topics of its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ostiary_testkit::{Broker, ffmpeg};
use serde_json::Value;

/// Runs two doors in folders that only this process sees, asks both, and ends them.
const SCRIPT: &str = r#"
set -eu
mkdir "$FOLDER/etc"
mount --rbind /etc "$FOLDER/etc"
for folder in /etc /run /var/lib; do mount -t tmpfs tmpfs "$folder"; done
ln -s "$FOLDER"/etc/* /etc/
pids=
for door in back garden; do
  mkdir "/etc/ostiary-$door" "/var/lib/ostiary-$door" "/run/ostiary-$door"
  cp "$FOLDER/ostiary.toml" "/etc/ostiary-$door/"
  RUNTIME_DIRECTORY=/run/ostiary-$door "$OSTIARY" --door "$door" run > /dev/null 2> "$FOLDER/$door.log" &
  pids="$pids $!"
done
trap 'kill $pids; wait' EXIT
for door in back garden; do
  until "$OSTIARY" --door "$door" events 2> /dev/null | grep -q .; do
    kill -0 $pids
    sleep 0.05
  done
done
"$OSTIARY" --door garden enroll Ada "$PORTRAIT" > /dev/null
for door in back garden; do
  "$OSTIARY" --door "$door" --json door state
  "$OSTIARY" --door "$door" --json events | tail -n 1
done
"$OSTIARY" door state && exit 1
mkdir /etc/ostiary-attic
"$OSTIARY" --door attic door state && exit 1
ls /run/ostiary-* > "$FOLDER/run"
"$OSTIARY" --door garden --json doctor > "$FOLDER/doctor" || true
"#;

#[test]
fn two_doors_run_on_one_board() {
    let broker = Broker::open();
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("empty.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600"], &video);
    let config = format!(
        "[camera]\nsource = {video:?}\nrealtime = true\n[liveness]\nlevel = \"off\"\n\
         [mqtt]\nenabled = true\nhost = \"127.0.0.1\"\nport = {}\n[relay]\nbackend = \"printed\"\nline = 17\n",
        broker.port()
    );
    fs::write(folder.path().join("ostiary.toml"), config).unwrap();
    let portrait = ostiary_testkit::portrait("obama.jpg");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", SCRIPT])
        .env("FOLDER", folder.path())
        .env("OSTIARY", assert_cmd::cargo::cargo_bin!("ostiary"))
        .env("PORTRAIT", portrait)
        .env("OSTIARY_MODELS__DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let logs = ["back.log", "garden.log"].map(read);
    assert!(output.status.success(), "{output:?} {logs:?}");
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [back, of_back, garden, of_garden] = lines.as_slice() else { panic!("{lines:?}") };
    for (state, name) in [(back, "back"), (garden, "garden")] {
        assert_eq!(state["name"], name);
        assert_eq!(state["facebank"], format!("/var/lib/ostiary-{name}/facebank.sqlite"));
    }
    assert_eq!((&of_back["door"], &of_back["kind"]), (&"back".into(), &"started".into()));
    assert_eq!((&of_garden["door"], &of_garden["kind"]), (&"garden".into(), &"administered".into()));
    // A broker ends the connection of a client whose id another one takes.
    for log in logs {
        assert!(!log.contains("it is tried again") && !log.contains("another door"), "{log}");
    }
    let no_door = String::from_utf8(output.stderr).unwrap();
    for (socket, service) in [("ostiary", "ostiary"), ("ostiary-attic", "ostiary@attic")] {
        let expected = format!(
            "no door runs with this configuration (/run/{socket}/control): start its service with `sudo systemctl start {service}`"
        );
        assert!(no_door.contains(&expected), "{no_door}");
    }
    assert_eq!(read("run").matches("relay.json").count(), 2);
    let doctor = read("doctor");
    let broker: Vec<&str> = doctor.lines().filter(|line| line.contains("\"broker\"")).collect();
    assert!(broker.len() == 1 && broker[0].contains("accepts the connection"), "{doctor}");
}
