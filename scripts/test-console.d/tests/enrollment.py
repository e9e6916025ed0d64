"""Enrollment with the door's camera."""

from browser import go, press
from playwright.sync_api import expect

from tests import test


@test
def the_door_asks_for_poses_and_the_page_follows(browsers):
    with browsers.page("Ada") as page:
        page.goto("/")
        go(page, "People")
        page.get_by_role("link", name="Enroll a person").click()
        page.get_by_label("Name", exact=True).fill("Ann")
        press(page, "Begin")
        expect(page.get_by_role("heading", level=1)).to_have_text("Look at the door’s camera")
        expect(page.get_by_role("log")).to_contain_text("Picture 1 of 7: Look straight at the camera")
        expect(page.locator("canvas")).to_be_visible()
        # The person in the video turns the head to no side.
        expect(page.get_by_role("log")).to_contain_text("Picture 2 of 7")
        press(page, "Cancel")
        expect(page.get_by_role("alert")).to_contain_text("The enrollment was ended. Nothing was stored.")

        page.get_by_label("In any pose").check()
        press(page, "Try again")
        # The person is enrolled with another name.
        expect(page.get_by_role("alert")).to_contain_text("looks like Joe")
        page.get_by_label("Accept that the person looks like somebody else").check()
        press(page, "Try again")
        expect(page.locator("p.done")).to_have_text("Ann is enrolled.")
        expect(page.locator("main")).to_contain_text("In all: 3.")
        page.get_by_role("link", name="Ann").click()
        expect(page.locator("main")).to_contain_text("cannot tell this person apart from Joe")
        page.get_by_role("link", name="Remove this person").click()
        press(page, "Remove this person")
        expect(page.locator("p.done")).to_have_text("Ann is removed.")
    assert browsers.door.names() == ["Barack", "Joe"]
