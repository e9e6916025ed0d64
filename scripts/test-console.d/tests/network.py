"""Slow networks, and programs that restart under open pages."""

import pathlib
import re

from browser import PHONE, check_accessible, press
from door import PORTRAITS
from playwright.sync_api import expect
from slow_network import SlowNetwork

from tests import test
from tests.people import remove, send_photos
from tests.record import ids


@test
def a_slow_network_is_no_error(browsers):
    with browsers.page("Ada") as page:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        # 2G: 300 ms, 250 kbit/s.
        slow = {"offline": False, "latency": 300, "downloadThroughput": 31_250, "uploadThroughput": 31_250}
        network.send("Network.emulateNetworkConditions", slow)
        page.goto("/door")
        expect(page.locator("#state .mode-normal")).to_be_visible()
        page.goto("/live")
        expect(page.locator("canvas")).to_be_visible()


@test
def a_slow_upload_is_shown_and_a_lost_one_told(browsers):
    photo = PORTRAITS / "hopper.jpg"
    network = SlowNetwork(browsers.door.port)
    with browsers.page("Ada", base_url=network.address) as page:
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Grace")
        # The photo would take two minutes.
        network.bytes_per_s = photo.stat().st_size // 120
        send_photos(page, photo)
        expect(page.locator("[data-sending]")).to_be_visible()
        network.cut()
        expect(page.locator("[data-failed]")).to_be_visible()
        expect(page.locator("[data-sending]")).to_be_hidden()
        network.bytes_per_s = None
        network.mend()
        press(page, "Send the photos")
        expect(page.locator("p.done")).to_have_text("Grace is enrolled.")
        remove(page, "Grace")
    network.close()


@test
def photos_stay_chosen_while_another_upload_runs(browsers):
    photo = PORTRAITS / "hopper.jpg"
    network = SlowNetwork(browsers.door.port)
    with browsers.page("Ada", base_url=network.address) as slow, browsers.page("Ada") as page:
        for one in (slow, page):
            one.goto("/people/enroll")
            one.get_by_label("Name", exact=True).fill("Grace")
        network.bytes_per_s = photo.stat().st_size // 120
        send_photos(slow, photo)
        expect(slow.locator("[data-sending]")).to_be_visible()
        send_photos(page, photo)
        expect(page.locator("[data-failed]")).to_have_text("The console is busy. Try again in a moment.")
        # An upload waits for one that is then lost.
        press(page, "Send the photos")
        expect(page.locator("[data-sending]")).to_be_visible()
        network.cut()
        expect(page.locator("p.done")).to_have_text("Grace is enrolled.")
        remove(page, "Grace")
    network.close()


@test
def pages_that_are_open_find_a_door_that_restarts(browsers):
    door = browsers.door
    with browsers.page("Ada") as live, browsers.page("Vera") as events, browsers.page("Otto", viewport=PHONE) as page:
        live.goto("/live")
        expect(live.locator("canvas")).to_be_visible()
        events.goto("/events")
        expect(events.locator("#events > li").first).to_be_visible()
        newest = ids(events)[0]
        door.stop()
        expect(live.locator("[data-message]")).to_have_text("The door gives no picture.")
        assert page.goto("/door").status == 503
        expect(page.get_by_role("alert")).to_contain_text("The door does not answer.")
        check_accessible(page, "a door that does not run")
        door.start()
        expect(live.locator("[data-message]")).to_have_text("")
        expect(live.locator("[data-faces]")).to_contain_text(re.compile("unknown|Joe"))
        # The door records its start.
        expect(events.locator(f"#event{newest + 1}")).to_be_visible()
        page.reload()
        expect(page.locator("#state .mode-normal")).to_be_visible()


@test
def a_clock_that_jumps_ends_no_session(browsers):
    door = browsers.door
    clock = door.folder / "clock"
    clock.write_text("+0")
    door.stop_console()
    # The wall clock of the console is that of the file.
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    names = {"FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    door.start_console(LD_PRELOAD=str(library), **names)
    with browsers.page("Vera") as page:
        # After a start without network the clock is behind; sessions end after a month without use.
        for jump in ("-2d", "+40d"):
            clock.write_text(jump)
            page.goto("/door")
            page.wait_for_url(re.compile("/sign-in"))
            clock.write_text("+0")
            page.goto("/door")
            expect(page.get_by_role("heading", level=1)).to_have_text("Door")
    door.stop_console()
    door.start_console()


@test
def pages_that_are_open_find_a_console_that_restarts(browsers):
    door = browsers.door
    with browsers.page("Ada") as live, browsers.page("Vera") as events, browsers.page("Otto") as page:
        live.goto("/live")
        expect(live.locator("canvas")).to_be_visible()
        events.goto("/events")
        expect(events.locator("#events > li").first).to_be_visible()
        newest = ids(events)[0]
        page.goto("/door")
        door.stop_console()
        expect(live.locator("[data-lost]")).to_be_visible()
        door.start_console()
        expect(live.locator("[data-lost]")).to_be_hidden()
        # What a person does next, with the session of before.
        press(page, "Lock down")
        expect(page.locator("#state .mode-locked_down")).to_be_visible()
        expect(events.locator(f"#event{newest + 1}")).to_be_visible()
        press(page, "Back to normal")
        expect(page.locator("#state .mode-normal")).to_be_visible()
