"""Chromium, the people who use it, and what every page must fulfill."""

import contextlib
import itertools
import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PASSWORD = "correct horse battery"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
CHROMIUM = {"executable_path": "/usr/bin/chromium", "args": ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]}
# How long a page may take on a machine that is busy, milliseconds.
PATIENCE_MS = 30_000
ADDRESSES = (f"192.0.2.{number}" for number in itertools.cycle(range(1, 255)))

expect.set_options(timeout=PATIENCE_MS)


class Browsers:
    """Chromium at a door, and the people who are signed in."""

    def __init__(self, chromium, door):
        self.chromium, self.door = chromium, door
        self.cookies = {}

    def options(self, **options):
        """Those of a phone, with an address of its own."""
        return {
            "viewport": PHONE,
            "ignore_https_errors": True,
            "base_url": self.door.address,
            "locale": "en-US",
            "extra_http_headers": {"x-forwarded-for": next(ADDRESSES)},
            **options,
        }

    @contextlib.contextmanager
    def page(self, account=None, **options):
        """A page of a browser of its own, with the session of an account."""
        context = self.chromium.new_context(**self.options(**options))
        if account:
            context.add_cookies(self.cookies[account])
        try:
            with self.watched(context.new_page(), options.get("base_url", self.door.address)) as page:
                yield page
        finally:
            context.close()

    @contextlib.contextmanager
    def watched(self, page, address):
        """Each error of a script fails the test, and each request to another address."""
        page.set_default_timeout(PATIENCE_MS)
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
        page.on("request", lambda request: None if is_own(request.url, address) else faults.append(f"a request to {request.url}"))
        yield page
        assert not faults, faults

    def pair(self, name, role):
        """Gives an account a password in the browser."""
        code = self.door.pair(name, role)["code"]
        with self.page() as page:
            page.goto(f"/pair#{code}")
            expect(page.get_by_label("Code")).to_have_value(re.compile(".+"))
            assert "#" not in page.url, "the code stays in the address"
            choose_password(page)
            expect(page.get_by_role("navigation")).to_be_visible()
            self.cookies[name] = [cookie for cookie in page.context.cookies() if "session" in cookie["name"]]

    @contextlib.contextmanager
    def account(self, name, role):
        """An account for one test."""
        self.pair(name, role)
        try:
            yield name
        finally:
            self.door.remove_account(name, check=False)


def is_own(url, address):
    return url.startswith((address, address.replace("https", "wss"), "data:", "blob:"))


def choose_password(page, password=PASSWORD):
    page.locator("#password").fill(password)
    page.locator("#again").fill(password)
    page.get_by_role("button", name="Pair").click()


def sign_in(page, name, password=PASSWORD):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def pages(page):
    """The paths of the pages that the navigation shows."""
    return page.locator("header nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")


def go(page, name):
    """Uses a link of the navigation."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def expect_done(page, text):
    expect(page.locator("p.done")).to_contain_text(text)


def check_accessible(page, what):
    """axe-core finds nothing serious."""
    violations = Axe().run(page).response["violations"]
    serious = [
        (found["id"], found["help"], [node["target"] for node in found["nodes"]])
        for found in violations
        if found["impact"] in ("serious", "critical")
    ]
    assert not serious, f"{what}: {serious}"


def check_width(page, what):
    """Nothing is wider than the screen."""
    width, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= screen, f"{what}: {width} pixels wide on a screen of {screen}"
