"""Runs a door and Home Assistant, and checks what Home Assistant shows. See scripts/test-home-assistant."""

import asyncio
import contextlib
import inspect
import json
import logging
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import MappingProxyType

import paho.mqtt.client
import yaml
from homeassistant import auth, bootstrap, config_entries, core, loader
from homeassistant.components.mqtt import const as mqtt
from homeassistant.const import EVENT_STATE_CHANGED, __version__
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.helpers.recorder import async_initialize_recorder as initialize_recorder
from homeassistant.setup import async_setup_component

ROOT = pathlib.Path(__file__).resolve().parents[2]
OSTIARY = pathlib.Path(sys.argv[1]).resolve()
PORTRAITS = ROOT / "crates/self-test/portraits"
TIMEOUT_S = 120
# Home Assistant could read this name as a template.
NAME = "Ada {{ states }}"
SHOWN_NAME = "Ada { { states }}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Door:
    """A folder with the configuration, the people and the events of a door."""

    def __init__(self, folder, port):
        self.folder = folder
        (folder / "ostiary.toml").write_text(
            f"""
[door]
name = "front"
[facebank]
path = "{folder}/facebank.sqlite"
[events]
path = "{folder}/events.sqlite"
[liveness]
level = "off"
[mqtt]
enabled = true
host = "127.0.0.1"
port = {port}
"""
        )

    def command(self, *arguments):
        config = ["--config", str(self.folder / "ostiary.toml"), "--models", str(ROOT / "models")]
        return [str(OSTIARY), *config, *arguments]

    def enroll(self, name, portrait):
        subprocess.run(self.command("enroll", name, str(PORTRAITS / portrait)), check=True, stdout=subprocess.DEVNULL)

    def events(self):
        """All events of the record."""
        output = subprocess.run(self.command("--json", "events", "--limit", "100000"), check=True, capture_output=True, text=True)
        return [json.loads(line) for line in output.stdout.splitlines()]

    def start(self, stack, clip, *settings, before=()):
        """Starts the door in front of a clip, at the speed of the clip. It ends with the clip, or with the stack. The words `before`
        begin the command."""
        arguments = ["run", "--json", "--set", f"camera.source={clip}", "--set", "camera.realtime=true"]
        for setting in settings:
            arguments += ["--set", setting]
        with open(self.folder / "door.log", "a") as log:
            return started(stack, [*before, *self.command(*arguments)], stdout=log, stderr=log)


def with_temperature(folder, degrees):
    """The beginning of a command that runs on a board with a sensor of this temperature."""
    zone = folder / "thermal/thermal_zone0"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text(f"{degrees * 1000}\n")
    # Seen by this process alone.
    namespace = ["--mount"] if os.geteuid() == 0 else ["--map-root-user", "--mount"]
    mount = 'mount --bind "$0" /sys/class/thermal && exec "$@"'
    return ["unshare", *namespace, "sh", "-c", mount, str(folder / "thermal")]


def clip(folder, portrait, seconds):
    """A video of a person who moves in front of a plain background."""
    path = folder / f"{portrait}-{seconds}.mp4"
    face = "[1:v]scale=-2:440[face];[0:v][face]overlay=x=100+10*t:y=20:enable='between(t,0.4,4)'"
    background = f"color=c=gray:s=640x480:r=15:d={seconds}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", background, "-loop", "1", "-t"]
    command += [str(seconds), "-i", str(PORTRAITS / portrait), "-filter_complex", face, "-t", str(seconds)]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def empty(folder, seconds):
    """A video of a plain background."""
    path = folder / f"empty-{seconds}.mp4"
    background = f"color=c=gray:s=640x480:r=15:d={seconds}"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", background, str(path)], check=True)
    return path


def started(stack, command, **options):
    """A process that ends with the stack at the latest."""
    process = subprocess.Popen(command, **options)
    stack.callback(stop, process)
    return process


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(30)


class Warnings(logging.Handler):
    """Collects what Home Assistant warns of."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        if record.levelno >= logging.ERROR:
            print(self.format(record), file=sys.stderr)
        # `frame` tells of the code of Home Assistant itself.
        sources = ("homeassistant.components", "homeassistant.helpers", "homeassistant.util")
        if record.name.startswith(sources) and record.name != "homeassistant.helpers.frame":
            self.messages.append(f"{record.name}: {record.getMessage()}")


async def start_home_assistant(stack, folder, port, recorder=False):
    """Starts Home Assistant, which stops with the stack. The recorder writes all states into a database in the folder."""
    hass = core.HomeAssistant(str(folder))
    stack.push_async_callback(hass.async_stop)
    loader.async_setup(hass)
    http = {"server_host": "127.0.0.1", "server_port": free_port()}
    hass.config_entries = config_entries.ConfigEntries(hass, {"http": http})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    assert await async_setup_component(hass, "homeassistant", {})
    if recorder:
        initialize_recorder(hass)
        assert await async_setup_component(hass, "recorder", {"recorder": {"commit_interval": 1}})
    await hass.async_start()
    if hass.config_entries.async_entries("mqtt"):
        # From an earlier start in this folder.
        assert await async_setup_component(hass, "mqtt", {})
        return hass
    fields = {
        "data": {"broker": "127.0.0.1", "port": port, "discovery": True, "discovery_prefix": "homeassistant"},
        "discovery_keys": MappingProxyType({}),
        "domain": "mqtt",
        "minor_version": mqtt.CONFIG_ENTRY_MINOR_VERSION,
        "options": {},
        "source": "user",
        "subentries_data": None,
        "title": "Broker",
        "unique_id": None,
        "version": mqtt.CONFIG_ENTRY_VERSION,
    }
    known = inspect.signature(config_entries.ConfigEntry).parameters
    entry = config_entries.ConfigEntry(**{name: value for name, value in fields.items() if name in known})
    await hass.config_entries.async_add(entry)
    assert entry.state is config_entries.ConfigEntryState.LOADED, entry.state
    return hass


def automations(*pages):
    """The automations of the guide."""
    blocks = []
    for page in pages:
        blocks += re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/guide" / page).read_text(), re.S)
    found = [yaml.safe_load(block) for block in blocks]
    return [{**one, "id": str(n), "alias": f"guide {n}"} for n, one in enumerate(found) if "triggers" in one]


async def wait_for(what, condition):
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"timeout: {what()}" if callable(what) else f"timeout: {what}"
        await asyncio.sleep(0.1)


async def check(folder, warnings):
    async with contextlib.AsyncExitStack() as stack:
        await check_with(stack, folder)
    assert not warnings.messages, "\n".join(warnings.messages)


async def check_with(stack, folder):
    port = free_port()
    door = Door(folder / "door", port)
    door.enroll(NAME, "obama.jpg")
    known, unknown = clip(folder, "obama2.jpg", 6), clip(folder, "hopper.jpg", 12)

    print("A visit while the broker is away")
    door.start(stack, known).wait(TIMEOUT_S)

    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    path = f"{os.environ['PATH']}:/usr/sbin"
    command = ["mosquitto", "-c", str(config)]
    started(stack, command, stderr=subprocess.DEVNULL, env={**os.environ, "PATH": path})
    time.sleep(1)
    publisher = paho.mqtt.client.Client(paho.mqtt.client.CallbackAPIVersion.VERSION2)
    received = []
    publisher.on_message = lambda _client, _data, message: received.append(json.loads(message.payload))
    publisher.connect("127.0.0.1", port)
    publisher.subscribe("ostiary/front/event", 1)
    publisher.loop_start()
    stack.callback(publisher.loop_stop)

    print(f"Home Assistant {__version__}")
    (folder / "home-assistant").mkdir()
    (folder / "home-assistant" / "configuration.yaml").write_text("{}\n")
    hass = await start_home_assistant(stack, folder / "home-assistant", port)
    events, notified, times = [], [], {}

    def on_state(event):
        new = event.data["new_state"]
        # The state is the time of the last event, also when the door is available again.
        if new and new.domain == "event" and "id" in new.attributes and times.get(new.entity_id) != new.state:
            times[new.entity_id] = new.state
            events.append((new.entity_id.removeprefix("event.door_front_"), dict(new.attributes)))

    hass.bus.async_listen(EVENT_STATE_CHANGED, core.callback(on_state))
    notify = core.callback(lambda call: notified.append(call.data["message"]))
    hass.services.async_register("notify", "notify", notify)
    guide = automations("home-assistant.md", "wire-inputs.md")
    assert len(guide) >= 2 and await async_setup_component(hass, "automation", {"automation": guide})

    def state(entity):
        found = hass.states.get(entity.replace(".", ".door_front_", 1))
        return found.state if found else None

    def devices():
        found = device_registry.async_get(hass).devices.values()
        return {device.name for device in found if device.manufacturer == "Ostiary"}

    print("A stranger")
    process = door.start(stack, unknown, before=with_temperature(folder, 47))
    await wait_for("the stranger", lambda: state("sensor.last_visitor") == "stranger")
    await wait_for("the event", lambda: any(kind["event_type"] == "denied" for name, kind in events))
    late = [event for event in received if event.get("late")]
    assert any(event["kind"] == "granted" and event["person"] == NAME for event in late), received
    shown = [event["id"] for _, event in events]
    assert not {event["id"] for event in late} & set(shown), "a late event came as new"
    expected = {
        "sensor.last_reason": "unknown",
        "sensor.mode": "normal",
        "sensor.people": "1",
        "sensor.prompt": "",
        "binary_sensor.lock": "off",
        "binary_sensor.camera": "on",
        "binary_sensor.problem": "off",
        "binary_sensor.event_record": "off",
        "sensor.board_temperature": "47",
        "update.model_update": "off",
    }
    found = {entity: state(entity) for entity in expected}
    # The reason `unknown` is a word of the door.
    assert found == expected, found
    assert re.fullmatch("[0-9a-f]{16}", state("sensor.model")), state("sensor.model")
    assert re.match(r"\d{4}-\d\d-\d\dT", state("sensor.last_visit")), state("sensor.last_visit")
    update = hass.states.get("update.door_front_model_update").attributes
    assert update["installed_version"] == update["latest_version"] == "own folder", update
    registry = entity_registry.async_get(hass).entities.values()
    entities = {entry.original_name for entry in registry if entry.platform == "mqtt"}
    names = {"Visitor event", "Door event", "System event", "Last visitor", "Last visit", "Last reason", "Mode", "Lock", "Prompt"}
    assert entities == names | {"Camera", "Problem", "Event record", "People", "Model", "Model update", "Board temperature"}, entities
    assert devices() == {"Door front"}, devices()
    await wait_for("the automation of the guide", lambda: notified)
    assert set(notified) == {"Somebody unknown is at the front door"}, notified
    process.wait(TIMEOUT_S)
    await wait_for("unavailable", lambda: state("sensor.last_visitor") == "unavailable")

    print("A person whose name looks like a template")
    process = door.start(stack, known)
    await wait_for("the person", lambda: state("sensor.last_visitor") == SHOWN_NAME)
    assert state("sensor.board_temperature") is None, "a board without a sensor has no temperature"
    await wait_for("the event", lambda: ("visitor_event", SHOWN_NAME) in [(name, one.get("person")) for name, one in events])
    process.wait(TIMEOUT_S)
    shown = [event["id"] for _, event in events]
    assert len(shown) == len(set(shown)), "an event came twice"

    print("Commands")
    process = door.start(stack, empty(folder, 30), 'mqtt.commands=["lockdown", "people"]')
    await wait_for("the switch", lambda: state("switch.lockdown") == "off")

    async def call(service, entity):
        domain, name = entity.split(".", 1)
        data = {"entity_id": f"{domain}.door_front_{name}"}
        await hass.services.async_call(domain, service, data, blocking=True)

    await call("turn_on", "switch.lockdown")
    await wait_for("the lockdown", lambda: (state("switch.lockdown"), state("sensor.mode")) == ("on", "locked_down"))
    await call("turn_off", "switch.lockdown")
    await wait_for("the end of the lockdown", lambda: (state("switch.lockdown"), state("sensor.mode")) == ("off", "normal"))
    person = "switch.ada_states"
    await wait_for("the switch of the person", lambda: state(person) == "on")
    await call("turn_off", person)
    await wait_for("the person is disabled", lambda: state(person) == "off")
    await call("turn_on", person)
    await wait_for("the person is enabled", lambda: state(person) == "on")
    changes = [event["kind"] for event in received if event.get("via") == "mqtt"]
    assert changes == ["mode_changed", "mode_changed", "administered", "administered"], changes
    assert hass.states.get("lock.door_front_lock") is None, "a door without a relay has no lock"
    stop(process)

    print("A lock, as a door with a relay announces it, and an update of the models")
    def announced(name):
        (snapshot,) = (ROOT / "tests/act/snapshots").glob(f"*__home_assistant_{name}.snap")
        return json.loads(snapshot.read_text().split("---", 2)[2])

    lock = announced("commands")["lock"] | {"unique_id": "another_lock", "name": "Another lock"}
    device = {"identifiers": ["another"], "name": "Another"}
    update = announced("discovery")["components"]["model_update"] | {"unique_id": "another_update"}
    config = {"device": device, "origin": {"name": "ostiary"}, "components": {"lock": lock, "model_update": update}}
    publisher.publish("homeassistant/device/another/config", json.dumps(config), 1, True).wait_for_publish(5)
    given = []
    publisher.message_callback_add("ostiary/front/command", lambda _client, _data, message: given.append(json.loads(message.payload)))
    publisher.subscribe("ostiary/front/command", 1)
    entity = "lock.another_another_lock"
    publisher.publish("ostiary/front/state", json.dumps({"relay": "off"}), 1).wait_for_publish(5)
    await wait_for("the lock", lambda: hass.states.get(entity) and hass.states.get(entity).state == "locked")
    publisher.publish("ostiary/front/state", json.dumps({"relay": "on"}), 1).wait_for_publish(5)
    await wait_for("it is unlocked", lambda: hass.states.get(entity).state == "unlocked")
    for service, command in [("open", "open"), ("unlock", "hold_open"), ("lock", "lock")]:
        await hass.services.async_call("lock", service, {"entity_id": entity}, blocking=True)
        await wait_for(command, lambda: given and given[-1]["command"] == command)
    assert [one["seconds"] for one in given] == [3600] * 3 and len({one["nonce"] for one in given}) == 3, given
    shown = "update.another_model_update"
    for installed, latest, expected in [("program 0.2.0", "bundle 1", "on"), ("bundle 9", "bundle 10", "on"), ("bundle 10", "bundle 10", "off")]:
        models = {"installed_version": installed, "latest_version": latest}
        publisher.publish("ostiary/front/state", json.dumps({"models": models}), 1).wait_for_publish(5)
        await wait_for(latest, lambda: hass.states.get(shown).attributes["installed_version"] == installed)
        found = hass.states.get(shown)
        assert (found.state, found.attributes["latest_version"], found.attributes["supported_features"] & 1) == (expected, latest, 0), found
    publisher.publish("homeassistant/device/another/config", "", 1, True).wait_for_publish(5)

    print("Messages that are empty or no JSON")
    for topic in ["ostiary/front/state", "ostiary/front/prompt"]:
        for payload in ["", "no JSON", "5", "null", "[]", '{"last":null}']:
            publisher.publish(topic, payload, 1).wait_for_publish(5)
    await asyncio.sleep(1)

    print("Another name, and no discovery")
    door.start(stack, known, "door.name=back").wait(TIMEOUT_S)
    await wait_for(devices, lambda: devices() == {"Door back"})
    door.start(stack, known, "door.name=back", "mqtt.discovery_prefix=").wait(TIMEOUT_S)
    await wait_for(devices, lambda: devices() == set())


def main(check, done):
    """Runs a check in a new folder."""
    warnings = Warnings()
    logging.getLogger().addHandler(warnings)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "door").mkdir()
        try:
            asyncio.run(check(folder, warnings))
        except BaseException:
            log = folder / "door" / "door.log"
            print(log.read_text()[-8000:] if log.exists() else "", *warnings.messages, sep="\n", file=sys.stderr)
            raise
    print(done)


if __name__ == "__main__":
    main(check, "Home Assistant shows the door as the guide says.")
