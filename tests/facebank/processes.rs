//! Several processes with one facebank, and processes that are killed.

use super::*;

#[test]
fn a_second_daemon_is_refused_from_another_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut child = spawn_actor(&path, "daemon");
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    wait_for(&mut output, "locked");
    let refused = DaemonLock::acquire(&path).unwrap_err();
    assert!(matches!(refused, FacebankError::DaemonRunning { pid: Some(pid), .. } if pid == child.id()));
    assert!(refused.to_string().contains("people.sqlite"), "{refused}");
    // People can be enrolled while a daemon runs.
    Facebank::open(&path).unwrap().enroll("Carl", &model(), &[template(4)]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    DaemonLock::acquire(&path).unwrap();
}

/// Ends processes that enroll people at different moments of their first two enrollments. Checks that the facebank has only
/// complete people, and all people whose enrollment was reported.
fn check_after_signal(signal: libc::c_int) {
    const ROUNDS: u32 = 25;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let mut reported = BTreeSet::new();
    let mut journals = 0;
    // The time of one enrollment depends on the machine and its load. The first round measures it.
    let mut enrollment = None;
    for round in 0..ROUNDS {
        let mut child = spawn_actor(&path, "enroll");
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        wait_for(&mut output, "begin");
        match enrollment {
            None => {
                let start = Instant::now();
                let line =
                    output.by_ref().map(|line| line.unwrap()).find(|line| line.starts_with("enrolled "));
                reported.extend(line.unwrap().strip_prefix("enrolled ").map(str::to_owned));
                enrollment = Some(start.elapsed());
            }
            Some(time) => std::thread::sleep(time * 2 * round / ROUNDS),
        }
        // SAFETY: kill takes no memory; the child has not been waited for, so the id is still its own.
        assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
        let lines: Vec<String> = output.map(|line| line.unwrap()).collect();
        assert!(!child.wait().unwrap().success());
        reported.extend(lines.iter().filter_map(|line| line.strip_prefix("enrolled ").map(str::to_owned)));

        // A read-only facebank also rolls back an incomplete transaction.
        let open = if round % 2 == 0 { Facebank::open } else { Facebank::open_read_only };
        journals += usize::from(folder.path().join("people.sqlite-journal").exists());
        let facebank = open(&path).unwrap();
        facebank.check().unwrap();
        let people = facebank.people().unwrap();
        assert!(people.iter().all(|person| person.templates == TEMPLATES as usize), "{people:?}");
        let found: BTreeSet<String> = people.iter().map(|person| person.person.name.clone()).collect();
        assert!(reported.is_subset(&found), "lost: {:?}", reported.difference(&found).collect::<Vec<_>>());
        facebank.gallery(&model()).unwrap();
    }
    assert!(journals > 0, "no process was ended within a transaction");
}

#[test]
fn after_a_kill_the_facebank_has_only_complete_people() {
    check_after_signal(libc::SIGKILL);
}

#[test]
fn after_a_termination_the_facebank_has_only_complete_people() {
    check_after_signal(libc::SIGTERM);
}

/// The templates of one person. With their crops they are larger than SQLite's cache, so a transaction writes to the file
/// before the commit, and only the journal can roll it back.
const TEMPLATES: u64 = 100;

/// Runs [`actor`] of this test binary in another process.
fn spawn_actor(path: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::actor", "--nocapture", "--ignored"])
        .env("OSTIARY_TEST_FACEBANK", path)
        .env("OSTIARY_TEST_ROLE", role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(output: &mut impl Iterator<Item = std::io::Result<String>>, word: &str) {
    assert!(output.any(|line| line.unwrap() == word), "the other process ended early");
}

/// The other process of the tests above. It does nothing unless they start it.
#[test]
#[ignore = "the other process of other tests"]
fn actor() {
    let Some(path) = std::env::var_os("OSTIARY_TEST_FACEBANK").map(PathBuf::from) else { return };
    if std::env::var("OSTIARY_TEST_ROLE").unwrap() == "daemon" {
        let _lock = DaemonLock::acquire(&path).unwrap();
        println!("\nlocked");
        loop {
            std::thread::park();
        }
    }
    let mut facebank = Facebank::open(&path).unwrap();
    println!("\nbegin");
    for number in 0.. {
        let name = format!("{}-{number}", std::process::id());
        let templates: Vec<Template> = (0..TEMPLATES).map(|i| with_crop(number * TEMPLATES + i)).collect();
        facebank.enroll(&name, &model(), &templates).unwrap();
        println!("enrolled {name}");
    }
}
