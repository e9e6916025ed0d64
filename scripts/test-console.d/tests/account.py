"""The account of the person who is signed in."""

import re

from browser import PASSWORD, expect_done, go, press, sign_in
from playwright.sync_api import expect

from tests import test

OTHER = "another horse battery"


def change_password(page, current, password, again=None):
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password again").fill(again or password)
    press(page, "Change the password")


@test
def a_password_is_changed_and_other_browsers_are_signed_out(browsers):
    with browsers.account("Ben", "viewer") as name, browsers.page(name) as page, browsers.page(name) as other:
        page.goto("/")
        go(page, "Account")
        change_password(page, PASSWORD, OTHER, "another horse batters")
        expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
        change_password(page, "wrong horse battery", OTHER)
        expect(page.get_by_role("alert")).to_have_text("The current password is wrong.")
        other.goto("/account")
        change_password(page, PASSWORD, OTHER)
        expect_done(page, "The password is changed.")
        other.goto("/account")
        other.wait_for_url(re.compile("/sign-in"))
        sign_in(other, name, PASSWORD)
        expect(other.get_by_role("alert")).to_have_text("The name or the password is wrong.")
        sign_in(other, name, OTHER)
        expect(other.get_by_role("heading", level=1)).to_have_text("Account")
        expect(page.locator("main")).to_contain_text("viewer: may look")

        # Both browsers again.
        page.get_by_label("Language").select_option("Deutsch")
        press(page, "Save")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.get_by_label("Sprache").select_option(index=0)
        press(page, "Speichern")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        press(page, "Sign out everywhere")
        expect_done(page, "All browsers are signed out.")
        other.goto("/door")
        other.wait_for_url(re.compile("/sign-in"))


@test
def a_removed_account_ends_in_open_pages(browsers):
    with browsers.account("Ben", "admin") as name, browsers.page(name) as live, browsers.page(name) as events:
        live.goto("/live")
        expect(live.locator("canvas")).to_be_visible()
        events.goto("/events")
        expect(events.locator("#events > li").first).to_be_visible()
        browsers.door.remove_account(name)
        for page in (live, events):
            page.wait_for_url(re.compile("/sign-in"))
            page.goto("/door")
            page.wait_for_url(re.compile("/sign-in"))
