"""The enrolled people: enrolled by photos, changed, removed."""

import re

import pictures
from browser import check_width, expect_done, go, press
from door import PORTRAITS
from playwright.sync_api import expect

from tests import test

MARKUP = "<b>x</b>"


def send_photos(page, *photos):
    page.get_by_label("Choose photos").set_input_files(photos)
    press(page, "Send the photos")


def remove(page, name):
    """Removes a person who was just enrolled."""
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("link", name="Remove this person").click()
    press(page, "Remove this person")
    expect_done(page, f"{name} is removed.")


def person(page, name):
    """Opens the page of a person from the list."""
    go(page, "People")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


@test
def a_person_is_enrolled_by_a_photo_changed_and_removed(browsers):
    with browsers.page("Ada") as page:
        page.goto("/")
        go(page, "People")
        page.get_by_role("link", name="Enroll a person").click()
        page.get_by_label("Name", exact=True).fill("Grace")
        send_photos(page, PORTRAITS / "hopper.jpg")
        expect_done(page, "Grace is enrolled.")
        expect(page.locator("main")).to_contain_text("New photos: 1. In all: 1.")
        assert browsers.door.names() == ["Barack", "Grace", "Joe"]
        page.get_by_role("link", name="Grace").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Grace")

        page.get_by_label("Group").select_option("staff")
        press(page, "Change the group")
        expect_done(page, "The group of Grace is changed.")
        expect(page.get_by_label("Group")).to_have_value("staff")
        page.get_by_label("Name", exact=True).fill("Grace Hopper")
        press(page, "Change the name")
        expect_done(page, "The name is now Grace Hopper.")
        press(page, "Stop letting in")
        expect_done(page, "Grace Hopper is not let in any longer.")
        go(page, "People")
        item = page.locator(".people > li").filter(has=page.get_by_role("link", name="Grace Hopper"))
        expect(item).to_contain_text("disabled: is not let in")
        expect(item).to_contain_text("group staff")
        person(page, "Grace Hopper")
        press(page, "Let in again")
        expect_done(page, "Grace Hopper is let in again.")

        page.get_by_role("link", name="Remove this person").click()
        expect(page.locator("main")).to_contain_text("Templates of the face, one for each photo: 1")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("link", name="Remove this person").click()
        press(page, "Remove this person")
        expect_done(page, "Grace Hopper is removed.")
        expect(page.locator("main")).to_contain_text("console Ada")
        number = int(page.locator("dd").first.inner_text())
        go(page, "People")
        expect(page.get_by_role("link", name="Grace Hopper")).to_have_count(0)
    assert browsers.door.names() == ["Barack", "Joe"]
    (removal,) = browsers.door.events(id=number)
    assert (removal["action"], removal["person"], removal["token"]) == ("removed", "Grace Hopper", "console Ada"), removal
    # What the page names as the proof.
    browsers.door.output("events", "verify")


@test
def files_that_show_no_single_face_are_refused(browsers):
    folder = browsers.door.folder
    (text := folder / "letter.jpg").write_text("Dear door,\n")
    with open(large := folder / "large.jpg", "wb") as file:
        file.write((PORTRAITS / "hopper.jpg").read_bytes())
        file.truncate(12_000_001)
    refused = [
        (text, "letter.jpg: the file is no JPEG or PNG picture"),
        (large, "large.jpg: the file is larger than 12 MB"),
        (pictures.two_faces(folder), re.compile("two.jpg: more than one face found")),
        (pictures.bomb(folder), re.compile("bomb.png: .*")),
    ]
    with browsers.page("Ada") as page:
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Mallory")
        for photo, why in refused:
            send_photos(page, photo)
            alert = page.get_by_role("alert")
            expect(alert).to_contain_text("Nothing was stored")
            expect(alert.get_by_role("listitem")).to_have_text(why)
            expect(page.get_by_label("Name", exact=True)).to_have_value("Mallory")
            expect(page.locator("[data-sending]")).to_be_hidden()
            check_width(page, "a refusal")
        chosen = page.get_by_label("Choose photos").evaluate("input => input.files[0].name")
        assert chosen == "bomb.png", "a photo that was refused stays chosen"
    assert browsers.door.names() == ["Barack", "Joe"]


@test
def what_is_larger_than_any_form_is_refused(browsers):
    large = browsers.door.folder / "larger.jpg"
    with open(large, "wb") as file:
        file.truncate(140_000_000)
    with browsers.page("Ada") as page:
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Mallory")
        send_photos(page, large)
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("too large")
    assert browsers.door.names() == ["Barack", "Joe"]


@test
def a_name_with_markup_is_text_everywhere(browsers):
    with browsers.page("Ada") as page:
        page.goto("/people")
        person(page, "Joe")
        own = page.url
        page.get_by_label("Name", exact=True).fill(MARKUP)
        press(page, "Change the name")
        try:
            expect_done(page, f"The name is now {MARKUP}.")
            shown(page)
            for path in ("/people", own, f"{own}/enroll", f"{own}/remove", "/events"):
                page.goto(path)
                shown(page)
            page.goto("/events")
            page.get_by_role("link", name=MARKUP).first.click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Event")
            shown(page)
            page.goto("/live")
            expect(page.locator("[data-faces]")).to_contain_text(MARKUP)
        finally:
            page.goto(own)
            page.get_by_label("Name", exact=True).fill("Joe")
            press(page, "Change the name")
            expect_done(page, "The name is now Joe.")


def shown(page):
    """The page shows the name as text."""
    expect(page.locator("main")).to_contain_text(MARKUP)
    assert page.locator("main b").count() == 0, f"markup of a name on {page.url}"


@test
def a_person_who_was_removed_meanwhile_is_told(browsers):
    browsers.door.enroll("Grace", "hopper.jpg")
    with browsers.page("Ada") as first, browsers.page("Ada") as second:
        first.goto("/people")
        person(first, "Grace")
        second.goto(first.url)
        first.get_by_role("link", name="Remove this person").click()
        press(first, "Remove this person")
        expect_done(first, "Grace is removed.")
        own = second.url
        second.get_by_label("Name", exact=True).fill("Grace Hopper")
        press(second, "Change the name")
        expect(second.get_by_role("alert")).to_contain_text("not enrolled any longer")
        for form, fields in (("group", {"group": "staff"}), ("enabled", {"enabled": "false"}), ("remove", {})):
            response = second.request.post(f"{own}/{form}", form=fields, headers={"origin": browsers.door.address})
            assert response.status == 404 and "not enrolled any longer" in response.text(), f"{form}: {response.status}"
        second.goto(f"{own}/remove")
        expect(second.get_by_role("alert")).to_contain_text("not enrolled any longer")
    assert browsers.door.names() == ["Barack", "Joe"]
