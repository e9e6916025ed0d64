//! Runs commands on the board as root, with the system's ssh.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// An ssh destination.
pub struct Ssh {
    options: Vec<String>,
    address: String,
    /// Whether commands are run through sudo.
    become_root: bool,
    /// Keeps the folder of the control socket.
    _control: Option<tempfile::TempDir>,
}

/// The result of a command.
pub struct CommandOutput {
    /// Exit code; `None` if ssh was killed by a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl CommandOutput {
    /// Whether the exit code is 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output and standard error, for messages.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr).trim().to_owned()
    }
}

impl Ssh {
    /// The virtual board, by the ssh configuration in its run folder.
    pub fn virtual_board(run: &Path) -> Self {
        let options = vec!["-F".into(), run.join("ssh_config").to_string_lossy().into_owned()];
        Self { options, address: "board".into(), become_root: false, _control: None }
    }

    /// A real board at `address` (`USER@HOST`). All commands share one connection.
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

    /// Starts a shell command.
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
            .context("cannot start ssh; install openssh-client")
    }

    /// Runs a shell command with `input` as its standard input. Fails if it takes longer than `limit`, or if ssh itself
    /// fails.
    pub fn run(&self, command: &str, input: &[u8], limit: Duration) -> anyhow::Result<CommandOutput> {
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
        // A command that does not read all of its input is not an error; only the exit code counts.
        drop(written);
        let text = |thread: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        let output = CommandOutput { code: status.code(), stdout: text(out), stderr: text(err) };
        ensure!(output.code != Some(255), "ssh to {}: {}", self.address, output.text());
        Ok(output)
    }
}

/// Reads a stream to its end, in a thread.
fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // If the connection breaks, what has arrived is still returned.
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Quotes a word for the shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
