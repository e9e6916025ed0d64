"""A door with its console, for the tests in a browser."""

import json
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


def wait_for(what, condition):
    """Waits until the condition gives something."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"timeout while waiting for {what}")


def person_video(folder):
    """A video of a person who moves in front of a plain background."""
    picture, video = folder / "person.png", folder / "person.mkv"
    convert = ["ffmpeg", "-loglevel", "error", "-y"]
    subprocess.run([*convert, "-i", str(PORTRAITS / "biden.jpg"), "-vf", "scale=640:-2", str(picture)], check=True)
    # With noise, so that no two frames are the same photo.
    filters = "loop=-1:1,fps=10,crop=480:360:(iw-480)/2+20*sin(t):0,noise=alls=2:allf=t"
    output = ["-vf", filters, "-t", "600", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"]
    subprocess.run([*convert, "-i", str(picture), *output, str(video)], check=True)
    return video


class Door:
    """A folder with the configuration, the people and the events of a door, and its console."""

    def __init__(self, folder, programs):
        self.folder, self.programs = folder, programs
        self.port = free_port()
        self.address = f"https://127.0.0.1:{self.port}"
        self.video = person_video(folder)
        self.door = self.console = None
        (folder / "console").mkdir(mode=0o700)
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
[liveness]
level = "off"
[console]
listen = "127.0.0.1:{self.port}"
address = "{self.address}"
"""
        )

    def ostiary(self, *arguments):
        config = ["--config", str(self.folder / "ostiary.toml"), "--models", str(ROOT / "models")]
        return [str(self.programs / "ostiary"), *config, *arguments]

    def output(self, *arguments):
        """The objects that a command prints."""
        command = self.ostiary("--json", *arguments)
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in output.stdout.splitlines()]

    def enroll(self, name, portrait):
        self.output("enroll", name, str(PORTRAITS / portrait))

    def start(self):
        """Starts the door, and waits until it answers."""
        run = ["run", "--json", "--set", f"camera.source={self.video}", "--set", "camera.realtime=true"]
        with open(self.folder / "door.log", "a") as log:
            self.door = subprocess.Popen(self.ostiary(*run), stdout=log, stderr=log)
        wait_for("the door", lambda: self.is_running() and self.output("door", "state")[0]["camera"])

    def is_running(self):
        command = self.ostiary("--json", "door", "state")
        return subprocess.run(command, capture_output=True).returncode == 0

    def stop(self):
        self.door.send_signal(signal.SIGTERM)
        self.door.wait()

    def console_command(self, *arguments):
        config = ["--config", str(self.folder / "ostiary.toml"), "--state", str(self.folder / "console")]
        return [str(self.programs / "ostiary-console"), *config, *arguments]

    def start_console(self):
        with open(self.folder / "console.log", "a") as log:
            self.console = subprocess.Popen(self.console_command("serve"), stdout=log, stderr=log)
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
        """The one-time code for a new account."""
        command = self.console_command("--json", "pair", "--name", name, "--role", role)
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(output.stdout)["code"]

    def end(self):
        for process in (self.console, self.door):
            if process:
                process.kill()
                process.wait()
