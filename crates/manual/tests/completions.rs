//! The completions in real shells. `ostiary` is a stand-in here, which prints what `ostiary complete` would.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use ostiary_manual::write_pages;

const PROGRAM: &str = r#"#!/bin/sh
[ "$1" = complete ] || exit 1
case "$2" in
    people) printf '%s\n' 'Ann Lee' Anna Ben ;;
    keys) printf '%s\n' door.fpir door.margin relay.line ;;
    settable-keys) printf '%s\n' door.fpir door.margin ;;
    accounts) printf '%s\n' 'Ada Lovelace' owner ;;
esac
"#;

/// What a door prints that does not run, or may not be asked.
const SILENT: &str = "#!/bin/sh\nexit 0\n";

/// Runs a script of a shell, in a folder with the completions and the program. Returns its lines.
fn run(shell: &str, program: &str, script: &str, arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path()).unwrap();
    let ostiary = folder.path().join("ostiary");
    fs::write(&ostiary, program).unwrap();
    fs::set_permissions(&ostiary, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell)
        .args(if shell == "bash" { &["--norc", "-c"][..] } else { &["-c"] })
        .arg(script)
        .args(if shell == "bash" { &["bash"][..] } else { &[] })
        .args(arguments)
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("these tests need {shell}: {error}"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Completes the last word as readline does, which gives the words to the function.
const BASH: &str = r#"
source ./ostiary.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_ostiary_listed "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
for reply in "${COMPREPLY[@]}"; do printf '%s\n' "$reply"; done
"#;

#[test]
fn bash_completes_names_and_keys() {
    let complete = |words: &[&str]| run("bash", PROGRAM, BASH, &[&["ostiary"], words].concat());
    assert_eq!(complete(&["people", "show", ""]), ["Ann\\ Lee", "Anna", "Ben"]);
    assert_eq!(complete(&["people", "show", "An"]), ["Ann\\ Lee", "Anna"]);
    assert_eq!(complete(&["people", "show", "Ann\\ "]), ["Ann\\ Lee"]);
    assert_eq!(complete(&["people", "show", "\"Ann L"]), ["Ann Lee"]);
    assert_eq!(complete(&["--json", "--config", "door.toml", "people", "remove", "B"]), ["Ben"]);
    assert_eq!(complete(&["events", "--limit", "3", "--person", "B"]), ["Ben"]);
    assert_eq!(complete(&["models", "activate", "--without", "B"]), ["Ben"]);
    assert_eq!(complete(&["events", "erase", "B"]), ["Ben"]);
    assert_eq!(complete(&["enroll", "B"]), ["Ben"]);
    assert_eq!(complete(&["config", "set", "door."]), ["door.fpir", "door.margin"]);
    assert_eq!(complete(&["config", "reset", "r"]), [""; 0], "only what can be set");
    assert_eq!(complete(&["run", "--set", "r"]), ["relay.line="]);
    assert_eq!(complete(&["console", "accounts", "remove", ""]), ["Ada\\ Lovelace", "owner"]);
    assert_eq!(complete(&["console", "--state", "/tmp", "accounts", "remove", "o"]), ["owner"]);
    assert_eq!(complete(&["console", "pair", "--role", "o"]), ["operator"]);
    assert_eq!(complete(&["console", "pa"]), ["pair"]);
    // Everything else is as before, also behind a name.
    assert_eq!(complete(&["people", "sho"]), ["show"]);
    assert_eq!(complete(&["people", "show", "--js"]), ["--json"]);
    assert!(!complete(&["people", "group", "Ann", ""]).contains(&"Ben".to_owned()));
    assert_eq!(run("bash", SILENT, BASH, &["ostiary", "people", "show", ""]), [""; 0]);
}

#[test]
fn fish_completes_names_and_keys() {
    let complete = |program: &str, line: &str| {
        let script = format!("source ./ostiary.fish; complete -C '{line}'");
        let lines = run("fish", program, &script, &[]);
        lines.iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete(PROGRAM, "ostiary people show "), ["Ann Lee", "Anna", "Ben"]);
    assert_eq!(complete(PROGRAM, "ostiary people remove B"), ["Ben"]);
    assert_eq!(complete(PROGRAM, "ostiary events --person B"), ["Ben"]);
    assert_eq!(complete(PROGRAM, "ostiary config set door.m"), ["door.margin"]);
    assert_eq!(complete(PROGRAM, "ostiary run --set r"), ["relay.line="]);
    assert_eq!(complete(PROGRAM, "ostiary people sho"), ["show"]);
    // `clap_complete` offers the verbs of the third level also after one of them.
    let mut accounts = complete(PROGRAM, "ostiary console accounts remove ");
    accounts.retain(|word| !["help", "list", "remove"].contains(&word.as_str()));
    assert_eq!(accounts, ["Ada Lovelace", "owner"]);
    assert_eq!(complete(PROGRAM, "ostiary console pair --role o"), ["operator"]);
    assert!(!complete(PROGRAM, "ostiary run --p").contains(&"--person".to_owned()));
    assert_eq!(complete(SILENT, "ostiary people show "), [""; 0]);
}

/// zsh completes only at a prompt, so one is run on a terminal of its own. A widget completes and shows the line.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($PWD \$fpath); autoload -U compinit; compinit -u -D"
zpty -w shell 'show() { zle complete-word; print -r -- "<$BUFFER>" }; zle -N show; bindkey "^X" show; print REA""DY'
zpty -r shell line '*READY*'
zpty -n -w shell "$1"$'\x18'
zpty -r shell line '*<*>*'
print -r -- "${${line##*<}%%>*}"
zpty -d shell
"#;

#[test]
fn zsh_completes_names_and_keys() {
    let complete = |program: &str, line: &str| {
        let script = format!("set -- '{line}'\n{ZSH}");
        run("zsh", program, &script, &[]).pop().unwrap()
    };
    for (line, completed) in [
        ("ostiary people show B", "ostiary people show Ben "),
        ("ostiary people show Ann\\ ", "ostiary people show Ann\\ Lee "),
        ("ostiary events --person B", "ostiary events --person Ben "),
        ("ostiary run --set r", "ostiary run --set relay.line="),
        ("ostiary config set door.m", "ostiary config set door.margin "),
        ("ostiary people sho", "ostiary people show "),
        ("ostiary console accounts remove o", "ostiary console accounts remove owner "),
        ("ostiary console pair --role o", "ostiary console pair --role operator "),
    ] {
        assert_eq!(complete(PROGRAM, line), completed);
    }
    assert_eq!(complete(SILENT, "ostiary people show B"), "ostiary people show B");
}
