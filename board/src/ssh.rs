//! Commands on the board, by the system's own ssh, as root.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How the board is reached.
pub struct Ssh {
    options: Vec<String>,
    address: String,
    /// What makes a shell's command one of root.
    become_root: bool,
    _control: Option<tempfile::TempDir>,
}

/// How a command ended.
pub struct Ended {
    /// `None` where ssh was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// Both streams, for messages.
    pub fn said(&self) -> String {
        format!("{}{}", self.out, self.err).trim().to_owned()
    }
}

impl Ssh {
    /// The virtual board, whose run folder has a configuration for ssh.
    pub fn virtual_board(run: &Path) -> Self {
        let options = vec!["-F".into(), run.join("ssh_config").to_string_lossy().into_owned()];
        Self { options, address: "board".into(), become_root: false, _control: None }
    }

    /// A real board; one connection is kept for all commands.
    pub fn real(address: &str) -> anyhow::Result<Self> {
        let control = tempfile::tempdir()?;
        let socket: PathBuf = control.path().join("ssh.sock");
        let option = |text: String| ["-o".to_owned(), text];
        let options = [
            option("BatchMode=yes".into()),
            option("ControlMaster=auto".into()),
            option(format!("ControlPath={}", socket.display())),
            option("ControlPersist=60".into()),
        ];
        Ok(Self {
            options: options.concat(),
            address: address.to_owned(),
            become_root: !address.starts_with("root@"),
            _control: Some(control),
        })
    }

    /// Starts a command of the shell.
    pub fn start(&self, command: &str) -> anyhow::Result<Child> {
        let command =
            if self.become_root { format!("sudo sh -c {}", quoted(command)) } else { command.to_owned() };
        Command::new("ssh")
            .args(&self.options)
            .arg(&self.address)
            .arg(&command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("ssh: install openssh-client")
    }

    /// Runs a command of the shell to its end.
    pub fn run(&self, command: &str, input: &[u8], limit: Duration) -> anyhow::Result<Ended> {
        let mut child = self.start(command)?;
        let (mut stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = input.to_vec();
        let written = thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&input)));
        let (out, err) = (collect(out), collect(err));
        let since = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if since.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                bail!("`{command}` did not end within {} s", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        };
        // A command that does not read its input is no failure; its exit code is what counts.
        drop(written);
        let text = |thread: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        let ended = Ended { code: status.code(), out: text(out), err: text(err) };
        ensure!(ended.code != Some(255), "ssh to {}: {}", self.address, ended.said());
        Ok(ended)
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before a connection broke is worth having.
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A word of the shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
