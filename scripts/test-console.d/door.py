"""A door with its console, for the tests in a browser."""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORTRAITS = ROOT / "crates/self-test/portraits"
TIMEOUT_S = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, condition, timeout_s=TIMEOUT_S):
    """Waits until the condition gives something."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"timeout while waiting for {what}")


class Door:
    """A folder with the configuration, the people and the events of a door, and its console."""

    def __init__(self, folder, programs, video):
        self.folder, self.programs, self.video = folder, programs, video
        self.port = free_port()
        self.address = f"https://127.0.0.1:{self.port}"
        self.door = self.console = None
        (folder / "console").mkdir(mode=0o700, parents=True)
        # A bundle that is damaged.
        (folder / "models/7").mkdir(parents=True)
        # The browsers of the tests tell an address of their own as a proxy would, so that they do not share their tries to sign in.
        (folder / "ostiary.toml").write_text(
            f"""
[door]
name = "front"
[facebank]
path = "{folder}/facebank.sqlite"
[events]
path = "{folder}/events.sqlite"
[models]
store = "{folder}/models"
keys = ["RWR99XgqhUHpZJv+khu8RYfyYAY4xjxNWET6oRlvOy7a/SzGLSlhZYad"]
[liveness]
level = "off"
[relay]
backend = "printed"
line = 17
pulse_ms = 100
[hours]
staff = ["always"]
night = ["22:00-06:00"]
[console]
listen = "127.0.0.1:{self.port}"
address = "{self.address}"
trusted_proxies = ["127.0.0.1"]
"""
        )

    def ostiary(self, *arguments):
        files = ["--config", str(self.folder / "ostiary.toml"), "--settings", str(self.folder / "settings.toml")]
        return [str(self.programs / "ostiary"), *files, "--models", str(ROOT / "models"), *arguments]

    def output(self, *arguments):
        """The objects that a command prints."""
        command = self.ostiary("--json", *arguments)
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in output.stdout.splitlines()]

    def enroll(self, name, portrait):
        self.output("enroll", name, str(PORTRAITS / portrait))

    def names(self):
        """The names of the enrolled people."""
        return [person["name"] for person in self.output("people", "list")]

    def events(self, **fields):
        """The events with these fields."""
        return [event for event in self.output("events") if event.items() >= fields.items()]

    def events_of(self, name):
        """The events of the person who has or had this name, also under another one."""
        return self.output("events", "--person", name)

    def state(self):
        return self.output("door", "state")[0]

    def wait_mode(self, mode):
        wait_for(f"the mode {mode}", lambda: self.state()["mode"] == mode)

    def start(self, *keys):
        """Starts the door with these keys of the configuration, and waits until it answers."""
        keys = (f"camera.source={self.video}", "camera.realtime=true", *keys)
        run = ["run", "--json", *(word for key in keys for word in ("--set", key))]
        with open(self.folder / "door.log", "a") as log:
            self.door = subprocess.Popen(self.ostiary(*run), stdout=log, stderr=log)
        wait_for("the door", lambda: self.is_running() and self.state()["camera"])

    def is_running(self):
        assert self.door.poll() is None, (self.folder / "door.log").read_text()[-4000:]
        command = self.ostiary("--json", "door", "state")
        return subprocess.run(command, capture_output=True).returncode == 0

    def stop(self):
        self.door.send_signal(signal.SIGTERM)
        self.door.wait()

    def log(self):
        """What the door has printed."""
        return (self.folder / "door.log").read_text()

    def console_command(self, *arguments):
        config = ["--config", str(self.folder / "ostiary.toml"), "--state", str(self.folder / "console")]
        return [str(self.programs / "ostiary-console"), *config, *arguments]

    def start_console(self, **environment):
        with open(self.folder / "console.log", "a") as log:
            environment = os.environ | environment
            self.console = subprocess.Popen(self.console_command("serve"), stdout=log, stderr=log, env=environment)
        unverified = ssl._create_unverified_context()

        def answers():
            try:
                return urllib.request.urlopen(f"{self.address}/sign-in", context=unverified).status == 200
            except (urllib.error.URLError, ConnectionError):
                assert self.console.poll() is None, (self.folder / "console.log").read_text()
                return False

        wait_for("the console", answers)

    def stop_console(self):
        self.console.send_signal(signal.SIGTERM)
        self.console.wait()

    def pair(self, name, role):
        """The one-time code for a new account, and the address to type it at."""
        command = self.console_command("--json", "pair", "--name", name, "--role", role)
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(output.stdout)

    def remove_account(self, name, check=True):
        subprocess.run(self.console_command("accounts", "remove", name), check=check, capture_output=True)

    def end(self):
        for process in (self.console, self.door):
            if process:
                process.kill()
                process.wait()
