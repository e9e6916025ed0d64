"""A new door: from a console that is not paired to a recognized person."""

import pathlib
import tempfile

import pictures
from browser import Browsers, choose_password
from door import Door
from playwright.sync_api import expect

from tests import test

# A step is an address that is opened, a link that is used, or a form that is sent. The person stands before the camera all the time.
MOST_STEPS = 8


class Steps:
    """What a person does in the browser, counted."""

    def __init__(self, page):
        self.page, self.done = page, []

    def open(self, address):
        self.done.append(f"open {address.split('#')[0]}")
        self.page.goto(address)

    def use(self, role, name):
        self.done.append(f"{role} {name}")
        self.page.get_by_role(role, name=name, exact=True).click()


@test
def a_new_door_recognizes_its_first_person_after_few_steps(browsers):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        video = pictures.video(folder, "joe", [("biden.jpg", 300)])
        door = Door(folder / "door", browsers.door.programs, video)
        try:
            door.start()
            door.start_console()
            set_up(door, Browsers(browsers.chromium, door))
        finally:
            door.end()


def set_up(door, browsers):
    paired = door.pair("Ada", "admin")
    with browsers.page() as page:
        steps = Steps(page)
        # The address of the QR code.
        steps.open(f"{paired['url']}#{paired['code']}")
        page.locator("#password").fill("correct horse battery")
        page.locator("#again").fill("correct horse battery")
        steps.use("button", "Pair")
        steps.use("link", "Setup")
        expect(page.locator(".steps .mark.is")).to_have_count(1)
        steps.use("link", "To the people")
        steps.use("link", "Enroll a person")
        page.get_by_label("Name", exact=True).fill("Joe")
        # The video has one pose.
        page.get_by_label("In any pose").check()
        steps.use("button", "Begin")
        expect(page.locator("p.done")).to_have_text("Joe is enrolled.")
        steps.use("link", "Live picture")
        expect(page.locator("[data-faces]")).to_contain_text("Joe")
        steps.use("link", "Events")
        expect(page.locator("#events")).to_contain_text("Joe")
        assert len(steps.done) <= MOST_STEPS, steps.done
        granted = door.events(kind="granted")
        page.goto("/setup")
        expect(page.locator(".steps > li").filter(has_text="Somebody is recognized").locator(".mark")).to_have_text("done")
    assert granted[0]["person"] == "Joe", granted
