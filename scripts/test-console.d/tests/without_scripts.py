"""Everything works without scripts."""

from browser import expect_done, pages, press
from door import PORTRAITS
from playwright.sync_api import expect

from tests import test
from tests.people import remove, send_photos
from tests.record import ids
from tests.settings import form, save, value


@test
def every_page_works_without_scripts(browsers):
    with browsers.page("Ada", java_script_enabled=False) as page:
        page.goto("/")
        for path in pages(page):
            response = page.goto(path)
            assert response.status == 200, f"{path}: {response.status}"
        page.goto("/live")
        picture = page.locator("img.picture")
        assert picture.evaluate("image => image.complete && image.naturalWidth") == 480
        page.goto("/door")
        press(page, "Lock down")
        expect_done(page, "The door is locked down.")
        press(page, "Back to normal")
        expect_done(page, "The door works as usual.")
        browsers.door.wait_mode("normal")


@test
def people_are_enrolled_without_scripts(browsers):
    letter = browsers.door.folder / "letter.png"
    letter.write_text("Dear door,\n")
    with browsers.page("Ada", java_script_enabled=False) as page:
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Grace")
        for photo in (letter, PORTRAITS / "hopper.jpg"):
            send_photos(page, photo)
            if photo == letter:
                expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("letter.png: the file is no JPEG or PNG picture")
                expect(page.get_by_label("Name", exact=True)).to_have_value("Grace")
        expect_done(page, "Grace is enrolled.")
        remove(page, "Grace")

        # The page of the camera loads itself again.
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Ann")
        press(page, "Begin")
        expect(page.get_by_role("log")).to_contain_text("Look straight at the camera")
        press(page, "Cancel")
        expect(page.get_by_role("alert")).to_contain_text("The enrollment was ended.")
    assert browsers.door.names() == ["Barack", "Joe"]


@test
def settings_and_events_work_without_scripts(browsers):
    key = "door.cooldown_s"
    with browsers.page("Ada", java_script_enabled=False) as page:
        page.goto("/settings")
        value(page, key).fill("7")
        save(page, key)
        expect_done(page, f"{key} is changed.")
        form(page, key).get_by_role("button", name="Back to the owner").click()
        expect(value(page, key)).to_have_value("10.0")
        page.goto("/events")
        page.get_by_label("Reason").select_option("let in")
        press(page, "Show these")
        wanted = [event["id"] for event in browsers.door.events(kind="granted")]
        assert ids(page)[-1] == wanted[0], (ids(page), wanted)
        page.get_by_role("link", name="Load again").click()
        expect(page.get_by_label("Reason")).to_have_value("granted")
