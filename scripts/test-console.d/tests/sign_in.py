"""Pairing, signing in and out."""

import contextlib
import json
import pathlib
import re
import tempfile

from browser import CHROMIUM, PASSWORD, choose_password, sign_in
from playwright.sync_api import expect

from tests import test


@test
def a_wrong_and_a_used_code_are_refused(browsers):
    code = browsers.door.pair("Eve", "viewer")["code"]

    def pair(page, given):
        page.goto("/pair")
        page.get_by_label("Code").fill(given)
        choose_password(page)

    with browsers.page() as page:
        pair(page, "AAAAA-AAAAA")
        expect(page.get_by_role("alert")).to_contain_text("This code is not valid")
        pair(page, code)
        expect(page.locator("p.done")).to_have_text(re.compile("Welcome, Eve"))
    with browsers.page() as page:
        pair(page, code)
        expect(page.get_by_role("alert")).to_contain_text("This code is not valid")
    browsers.door.remove_account("Eve")


@test
def the_keyboard_alone_signs_in_and_out(browsers):
    with browsers.page() as page:
        page.goto("/sign-in")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", "the first stop leads over the navigation"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("Ada")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        # Loaded: a key that is pressed before goes to the page that is left.
        page.wait_for_url("**/door")
        page.get_by_role("button", name="Sign out").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/sign-in"))
        page.goto("/door")
        page.wait_for_url(re.compile("/sign-in"))


@test
def a_wrong_password_is_told_and_the_page_that_was_wanted_is_shown(browsers):
    with browsers.page() as page:
        page.goto("/report")
        sign_in(page, "Vera", "wrong horse battery")
        expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
        sign_in(page, "vera")
        expect(page.get_by_role("heading", level=1)).to_have_text("Report")


@contextlib.contextmanager
def page_without_cookies(browsers):
    """A page of a browser whose owner has forbidden cookies."""
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder, "Default")
        profile.mkdir()
        forbidden = {"profile": {"default_content_setting_values": {"cookies": 2}}}
        (profile / "Preferences").write_text(json.dumps(forbidden))
        context = browsers.chromium.browser_type.launch_persistent_context(folder, **CHROMIUM, **browsers.options())
        try:
            with browsers.watched(context.pages[0], browsers.door.address) as page:
                yield page
        finally:
            context.close()


@test
def a_browser_that_keeps_no_cookies_is_told(browsers):
    code = browsers.door.pair("Eve", "viewer")["code"]
    with page_without_cookies(browsers) as page:
        page.goto("/sign-in")
        sign_in(page, "Ada")
        expect(page.get_by_role("alert")).to_contain_text("cookies")
        page.goto(f"/pair#{code}")
        choose_password(page)
        expect(page.get_by_role("alert")).to_contain_text("cookies")
    browsers.door.remove_account("Eve")
