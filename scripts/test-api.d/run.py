"""Compares the HTTP API of a running console with its description."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "test-console.d"))

import pictures  # noqa: E402
from door import Door  # noqa: E402

# Calls that are not made. Those that never end:
STREAMS = ["FollowEvents", "WatchLive"]
# Those that an admin cannot repeat a hundred times: one waits for a person before the camera, one starts the program again.
LONG = ["EnrollFromCamera", "Doctor"]
LEFT_OUT = {"viewer": STREAMS, "admin": STREAMS + LONG}


def door(folder, programs):
    """A door with a person, and its console."""
    door = Door(folder, programs, pictures.video(folder, "person", [("biden.jpg", 600)]))
    door.enroll("Joe Biden", "biden.jpg")
    return door


def compare(door, role):
    """Starts schemathesis with a token of a role."""
    token = door.output("tokens", "create", role, "--role", role)[0]["token"]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{door.address}/api/openapi.json", "--no-color"]
    command += ["--tls-verify", str(door.folder / "console/certificate.pem")]
    for call in LEFT_OUT[role]:
        command += ["--exclude-operation-id", call]
    environment = {**os.environ, "TOKEN": token, "PYTHONPATH": str(HERE)}
    output = open(door.folder / f"{role}.log", "w+")
    return subprocess.Popen(command, cwd=door.folder, env=environment, stdout=output, stderr=output), output


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        running = door(pathlib.Path(folder), programs)
        try:
            running.start()
            running.start_console()
            failed = []
            for role, (process, output) in {role: compare(running, role) for role in LEFT_OUT}.items():
                if process.wait() != 0:
                    failed.append(role)
                    output.seek(0)
                    print(output.read())
            log = (running.folder / "console.log").read_text() + (running.folder / "door.log").read_text()
            assert "panicked" not in log, log
            assert running.console.poll() is None and running.is_running(), log
        finally:
            running.end()
    print(f"the API differs from its description for: {', '.join(failed)}" if failed else "the API is as its description says")
    sys.exit(bool(failed))


main()
