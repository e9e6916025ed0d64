"""Two weeks of a door in a few minutes, with a real broker and Home Assistant, which restart meanwhile. See scripts/test-home-assistant.

Counts what Home Assistant has recorded against the record of the door: no event may be lost, and none may be there twice. Home Assistant
does not get events that are late, and none while it does not run."""

import asyncio
import collections
import contextlib
import json
import os
import random
import sqlite3
import time
from datetime import datetime

import paho.mqtt.client
import run

DAYS = 14
DAY_S = float(os.environ.get("DAY_S", 20))
# What happens on which days.
BROKER_RESTARTS, BROKER_CRASHES, HA_RESTARTS, DOOR_RESTARTS = {2, 8}, {12}, {4, 10}, {6}
# Home Assistant warns of a broker that is away, which is right, and of statistics that it was computing when it was stopped.
EXPECTED_WARNINGS = (
    "Error returned from MQTT server: The connection was lost",
    "Failed to connect to MQTT server",
    "homeassistant.helpers.recorder: Error executing query",
    "Error while processing event StatisticsTask",
)
COMMANDS = [["door", "open"], ["people", "disable", "Ben"], ["door", "lockdown"], ["people", "enable", "Ben"], ["door", "normal"]]


class Broker:
    """A broker that keeps retained messages and sessions over a restart."""

    def __init__(self, folder, port):
        self.port = port
        (folder / "broker").mkdir()
        config = folder / "mosquitto.conf"
        config.write_text(
            f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/broker/\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n"
        )
        self.command = ["mosquitto", "-c", str(config)]
        self.process = None

    async def start(self):
        path = f"{os.environ['PATH']}:/usr/sbin"
        error = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(*self.command, stderr=error, env={**os.environ, "PATH": path})

    async def stop(self, crash=False):
        self.process.kill() if crash else self.process.terminate()
        await self.process.wait()


class Listener:
    """Hears what the door publishes, also what it published while the broker was away, and when Home Assistant is there."""

    def __init__(self, port):
        version = paho.mqtt.client.CallbackAPIVersion.VERSION2
        self.client = paho.mqtt.client.Client(version, client_id="listener", clean_session=False)
        self.events, self.presence, self.subscribed = [], [], False
        self.client.on_connect = self.connected
        self.client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self.client.on_message = self.received
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def connected(self, client, *_):
        client.subscribe([("ostiary/front/event", 1), ("homeassistant/status", 1)])

    def received(self, _client, _data, message):
        if message.topic == "homeassistant/status":
            self.presence.append((time.time(), message.payload.decode()))
        else:
            self.events.append(json.loads(message.payload))


async def command(door, *arguments):
    """Runs a command of the door. One while the door restarts fails, and does nothing."""
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*door.command(*arguments), stdout=null, stderr=null)
    return await process.wait()


async def household(door, until):
    """People use the door: commands at random times, besides the visits of the video."""
    number = 0
    while time.monotonic() < until:
        await asyncio.sleep(random.uniform(0.4, 1.6) * DAY_S / 24)
        await command(door, *COMMANDS[number % len(COMMANDS)])
        number += 1


def recorded(database):
    """The states of the entities of events that Home Assistant has recorded: how often each event."""
    rows = sqlite3.connect(database).execute(
        "SELECT meta.entity_id, state, shared_attrs FROM states JOIN states_meta AS meta USING (metadata_id)"
        " JOIN state_attributes USING (attributes_id) WHERE meta.entity_id LIKE 'event.door_front_%' ORDER BY state_id"
    )
    last, found = {}, collections.Counter()
    for entity, state, attributes in rows:
        if state in ("unknown", "unavailable"):
            continue
        event = json.loads(attributes)["id"]
        # When the door or Home Assistant is there again, the entity has its last event again, with its time.
        if last.get(entity) != (state, event):
            found[event] += 1
        last[entity] = (state, event)
    return found


def visit(folder):
    """A day of DAY_S: a person who is known, and one who is not."""
    one, other = run.clip(folder, "obama2.jpg", DAY_S / 2), run.clip(folder, "hopper.jpg", DAY_S / 2)
    days, video = folder / "days.txt", folder / "days.mp4"
    days.write_text(f"file '{one}'\nfile '{other}'\n" * (DAYS + 4))
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(days), "-c", "copy", str(video)]
    run.subprocess.run(command, check=True)
    return video


async def check(folder, warnings):
    port = run.free_port()
    door = run.Door(folder / "door", port)
    with open(door.folder / "ostiary.toml", "a") as config:
        config.write('[relay]\nbackend = "printed"\nline = 17\npulse_ms = 500\n')
    door.enroll("Ada", "obama.jpg")
    door.enroll("Ben", "biden.jpg")
    video = visit(folder)
    broker = Broker(folder, port)
    home = folder / "home-assistant"
    home.mkdir()
    (home / "configuration.yaml").write_text("{}\n")
    # When Home Assistant did not run, or did not know the door yet.
    absences = []
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(broker.stop)
        await broker.start()
        await asyncio.sleep(1)
        listener = Listener(port)
        stack.callback(listener.client.loop_stop)
        await run.wait_for("the listener", lambda: listener.subscribed)
        ha = contextlib.AsyncExitStack()
        stack.push_async_callback(lambda: ha.aclose())
        hass = await run.start_home_assistant(ha, home, port, recorder=True)
        process = door.start(stack, video)
        await run.wait_for("the door", lambda: hass.states.get("event.door_front_system_event"))
        # Home Assistant subscribes to the topics of a new door.
        await asyncio.sleep(2)
        absences.append((0, time.time()))
        start = time.monotonic()
        people = asyncio.create_task(household(door, start + DAYS * DAY_S))
        for day in range(DAYS):
            # At an unexpected time of the day.
            await asyncio.sleep(max(0, start + (day + random.random() * 0.6) * DAY_S - time.monotonic()))
            if day in BROKER_RESTARTS | BROKER_CRASHES:
                print(f"Day {day + 1}: the broker {'crashes' if day in BROKER_CRASHES else 'restarts'}")
                await broker.stop(crash=day in BROKER_CRASHES)
                await asyncio.sleep(1.5)
                await broker.start()
            if day in HA_RESTARTS:
                print(f"Day {day + 1}: Home Assistant restarts")
                before, known = time.time(), len(listener.presence)
                await ha.aclose()
                ha = contextlib.AsyncExitStack()
                hass = await run.start_home_assistant(ha, home, port, recorder=True)
                online = lambda: any(word == "online" for _, word in listener.presence[known:])
                await run.wait_for("Home Assistant", online)
                absences.append((before, time.time()))
            if day in DOOR_RESTARTS:
                print(f"Day {day + 1}: the door restarts")
                process.terminate()
                await asyncio.to_thread(process.wait, 30)
                process = door.start(stack, video)
            await asyncio.sleep(max(0, start + (day + 1) * DAY_S - time.monotonic()))
        await people
        # The last events, and a commit of the recorder.
        await asyncio.sleep(12)
        process.terminate()
        await asyncio.to_thread(process.wait, 30)
        await asyncio.sleep(3)
    events = door.events()
    compare(events, listener.events, recorded(home / "home-assistant_v2.db"), absences)
    unexpected = [text for text in warnings.messages if not any(word in text for word in EXPECTED_WARNINGS)]
    assert not unexpected, "\n".join(unexpected)


def compare(events, published, shown, absences):
    """Compares the record, what the broker got, and what Home Assistant recorded."""
    ids = [event["id"] for event in events]
    times = {event["id"]: datetime.fromisoformat(event["time"]).timestamp() for event in events}
    late = {event["id"] for event in published if event.get("late")}
    twice = sum(count - 1 for count in collections.Counter(event["id"] for event in published).values())
    missing = sorted(set(ids) - {event["id"] for event in published})
    print(f"{len(ids)} events in the record, {len(late)} of them published late, {twice} published twice at the broker")
    assert not missing, f"never published: {missing}"
    away = {one for one in ids if any(begin <= times[one] <= end for begin, end in absences)}
    first = min(times.values())
    print("Home Assistant was away, seconds from the start:", [(round(max(begin, first) - first), round(end - first)) for begin, end in absences])
    lost = [one for one in ids if one not in shown and one not in late and one not in away]
    doubled = [one for one, count in shown.items() if count > 1]
    kinds = {event["id"]: (event["kind"], round(times[event["id"]] - first, 1)) for event in events}
    print(f"{len(shown)} events in Home Assistant, {len(away - set(shown))} happened while it did not run")
    assert not lost, f"lost: {[(one, kinds[one]) for one in lost]}"
    assert not doubled, f"twice: {[(one, kinds[one]) for one in doubled]}"
    assert not late & set(shown), f"late, but shown as new: {late & set(shown)}"
    assert len(ids) >= 25 * DAYS, "too few events for two weeks of a household"


run.main(check, f"{DAYS} days: no event is lost, and none is shown twice.")
