"""The state of the door, and what operators do with it."""

import re

from browser import DESKTOP, expect_done, go, press
from door import wait_for
from playwright.sync_api import expect

from tests import test


@test
def an_operator_opens_the_door(browsers):
    clicks = browsers.door.log().count("relay")
    with browsers.page("Otto") as page:
        page.goto("/live")
        go(page, "Door")
        page.get_by_role("link", name="Open the door").click()
        expect(page.locator("main")).to_contain_text("The door “front” opens once")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("link", name="Open the door").click()
        press(page, "Open the door")
        expect_done(page, "The door was opened.")
    wait_for("the click of the relay", lambda: browsers.door.log().count("relay") > clicks)
    opened = browsers.door.events(reason="command")[-1]
    assert opened["token"] == "console Otto", opened


@test
def the_door_is_held_open_until_its_end_and_locked_down(browsers):
    with browsers.page("Otto") as page:
        page.goto("/door")
        page.get_by_label("Hold open for").select_option("1 min")
        press(page, "Hold open")
        expect_done(page, "The door is held open.")
        expect(page.locator("#state .mode-held_open")).to_have_text("Held open for 1 more min")
        assert 0 < browsers.door.state()["mode_ends_s"] <= 60
        press(page, "Lock down")
        expect_done(page, "The door is locked down.")
        expect(page.locator("#state .mode-locked_down")).to_be_visible()
        press(page, "Back to normal")
        expect_done(page, "The door works as usual.")
        browsers.door.wait_mode("normal")
    modes = [event for event in browsers.door.events(kind="mode_changed") if event["token"] == "console Otto"]
    assert len(modes) >= 3, modes


@test
def two_browsers_see_the_same_door(browsers):
    with browsers.page("Otto") as first, browsers.page("Vera", viewport=DESKTOP) as second:
        second.goto("/door")
        expect(second.locator("#state .mode-normal")).to_be_visible()
        first.goto("/door")
        press(first, "Lock down")
        expect(second.locator("#state .mode-locked_down")).to_be_visible()
        press(first, "Back to normal")
        expect(second.locator("#state .mode-normal")).to_be_visible()
        expect(second.locator("#state")).to_contain_text(re.compile(r"Enrolled people\s*2"))
