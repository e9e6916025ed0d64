"""Uses every page of the console in a real browser. See scripts/test-console."""

import contextlib
import pathlib
import re
import sys
import tempfile
import time

from axe_playwright_python.sync_playwright import Axe
from door import ROOT, Door
from playwright.sync_api import expect, sync_playwright

PASSWORD = "correct horse battery"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
IMAGES = ROOT / "docs/guide/images"
LANGUAGES = ["en", "de", "fr", "es", "vi"]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Browsers:
    """Chromium, and the people who are signed in."""

    def __init__(self, playwright, door):
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        self.chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        self.door = door
        self.cookies = {}

    @contextlib.contextmanager
    def page(self, account=None, **options):
        """A page of a browser of its own, with the session of an account. Each error of a script fails the test."""
        options = {"viewport": PHONE, "ignore_https_errors": True, "base_url": self.door.address, "locale": "en-US", **options}
        context = self.chromium.new_context(**options)
        if account:
            context.add_cookies(self.cookies[account])
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        foreign = []
        page.on("request", lambda request: foreign.append(request.url) if not is_own(request.url, self.door) else None)
        try:
            yield page
            assert not errors, errors
            assert not foreign, f"requests to the internet: {foreign}"
        finally:
            context.close()

    def pair(self, name, role):
        """Gives an account a password in the browser."""
        code = self.door.pair(name, role)
        with self.page() as page:
            page.goto(f"/pair#{code}")
            expect(page.get_by_label("Code")).to_have_value(re.compile(".+"))
            assert "#" not in page.url, "the code stays in the address"
            page.locator("#password").fill(PASSWORD)
            page.locator("#again").fill(PASSWORD)
            page.get_by_role("button", name="Pair").click()
            expect(page.get_by_role("navigation")).to_be_visible()
            self.cookies[name] = page.context.cookies()


def is_own(url, door):
    return url.startswith((door.address, door.address.replace("https", "wss"), "data:", "blob:"))


def pages(page):
    """The paths of the pages that the navigation shows."""
    links = page.get_by_role("navigation").get_by_role("link").all()
    return [link.get_attribute("href") for link in links]


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


@test
def every_page_is_readable_on_a_phone_by_a_screen_reader_in_light_and_dark(browsers):
    for scheme in ("light", "dark"):
        with browsers.page("Ada", color_scheme=scheme) as page:
            page.goto("/")
            for path in pages(page):
                page.goto(path)
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                check_width(page, path)
                check_accessible(page, f"{path}, {scheme}")
    with browsers.page() as page:
        for path in ("/sign-in", "/pair"):
            page.goto(path)
            check_width(page, path)
            check_accessible(page, path)


@test
def every_page_is_in_the_language_of_the_browser(browsers):
    titles = {}
    for language in LANGUAGES:
        with browsers.page("Ada", locale=language) as page:
            page.goto("/")
            for path in pages(page):
                page.goto(path)
                assert page.locator("html").get_attribute("lang") == language
                text = page.locator("body").inner_text()
                # An identifier of a text that is missing.
                missing = re.findall(r"\b(?:nav|error|door|live|people|events|report|health|settings|models|setup)-[a-z-]+\b", text)
                assert not missing, f"{path} in {language}: {missing}"
                titles.setdefault(path, set()).add(page.title())
    for path, found in titles.items():
        assert len(found) >= 3, f"{path} has the same title in most languages: {found}"


@test
def a_wrong_and_a_used_code_are_refused(browsers):
    code = browsers.door.pair("Eve", "viewer")
    with browsers.page() as page:
        for given in ("AAAAA-AAAAA", None):
            page.goto("/pair")
            page.get_by_label("Code").fill(given or code)
            page.locator("#password").fill(PASSWORD)
            page.locator("#again").fill(PASSWORD)
            page.get_by_role("button", name="Pair").click()
            if given:
                expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_role("navigation")).to_be_visible()
    with browsers.page() as page:
        page.goto("/pair")
        page.get_by_label("Code").fill(code)
        page.locator("#password").fill(PASSWORD)
        page.locator("#again").fill(PASSWORD)
        page.get_by_role("button", name="Pair").click()
        expect(page.get_by_role("alert")).to_be_visible()


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
def the_live_picture_names_the_person(browsers):
    with browsers.page("Vera") as page:
        page.goto("/live")
        expect(page.locator("canvas")).to_be_visible(timeout=15_000)
        expect(page.locator("[data-faces]")).to_contain_text("Joe", timeout=15_000)
        # Green, where the box is drawn.
        painted = page.locator("canvas").evaluate(
            "canvas => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let count = 0;"
            "for (let at = 0; at < data.length; at += 4) if (data[at + 1] > 200 && data[at] < 120 && data[at + 2] < 170) count++;"
            "return count; }"
        )
        assert painted > 100, f"no box is drawn: {painted} pixels"


@test
def a_viewer_sees_and_an_operator_opens_and_locks(browsers):
    with browsers.page("Vera") as page:
        page.goto("/door")
        expect(page.get_by_role("button", name="Lock down")).to_have_count(0)
        response = page.request.post("/door/lockdown", headers={"origin": browsers.door.address}, max_redirects=0)
        assert response.status == 403, response.status
    with browsers.page("Otto") as page:
        page.goto("/door")
        page.get_by_role("button", name="Lock down").click()
        wait_mode(browsers, "locked_down")
        page.get_by_role("button", name="Back to normal").click()
        wait_mode(browsers, "normal")
    modes = [event for event in browsers.door.output("events") if event["kind"] == "mode_changed"]
    assert modes[-1]["token"] == "console Otto", modes[-1]


def wait_mode(browsers, mode):
    end = time.monotonic() + 10
    while (found := browsers.door.output("door", "state")[0]["mode"]) != mode:
        assert time.monotonic() < end, f"{found}, not {mode}"
        time.sleep(0.1)


@test
def two_browsers_see_the_same_door(browsers):
    with browsers.page("Otto") as first, browsers.page("Vera", viewport=DESKTOP) as second:
        second.goto("/door")
        first.goto("/door")
        first.get_by_role("button", name="Lock down").click()
        expect(second.locator("#state .mode-locked_down")).to_be_visible(timeout=10_000)
        first.get_by_role("button", name="Back to normal").click()
        expect(second.locator("#state .mode-normal")).to_be_visible(timeout=10_000)


@test
def every_page_works_without_scripts(browsers):
    with browsers.page("Ada", java_script_enabled=False) as page:
        page.goto("/")
        paths = pages(page)
        for path in paths:
            response = page.goto(path)
            assert response.status == 200, f"{path}: {response.status}"
        page.goto("/live")
        assert page.locator("noscript img").count() == 1 or page.locator("img.picture").count() == 1
        page.goto("/door")
        page.get_by_role("button", name="Lock down").click()
        page.get_by_role("button", name="Back to normal").click()
        wait_mode(browsers, "normal")


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
        expect(page.locator("canvas")).to_be_visible(timeout=30_000)


@test
def the_first_page_is_small(browsers):
    with browsers.page() as page:
        sizes = []
        page.on("response", lambda response: sizes.append(len(response.body())))
        page.goto("/sign-in", wait_until="networkidle")
        assert sum(sizes) <= 100_000, f"{sum(sizes)} bytes"


@test
def a_door_that_restarts_is_told_and_found_again(browsers):
    with browsers.page("Ada") as page:
        page.goto("/live")
        expect(page.locator("canvas")).to_be_visible(timeout=15_000)
        browsers.door.stop()
        response = page.goto("/door")
        assert response.status == 503
        check_accessible(page, "a door that does not run")
        browsers.door.start()
        page.goto("/door")
        expect(page.locator("#state .mode-normal")).to_be_visible()
        page.goto("/live")
        expect(page.locator("canvas")).to_be_visible(timeout=15_000)


@test
def a_console_that_restarts_keeps_its_sessions(browsers):
    with browsers.page("Ada") as page:
        page.goto("/door")
        browsers.door.stop_console()
        browsers.door.start_console()
        page.goto("/door")
        expect(page.locator("#state .mode-normal")).to_be_visible()


def screenshots(browsers):
    """The pictures of the guide."""
    IMAGES.mkdir(exist_ok=True)
    with browsers.page("Ada", device_scale_factor=1) as page:
        page.goto("/")
        for path in pages(page):
            page.goto(path)
            page.wait_for_timeout(1500)
            name = path.strip("/").replace("/", "-")
            page.screenshot(path=IMAGES / f"console-{name}.png")


def main():
    arguments = sys.argv[2:]
    wants_pictures = "--screenshots" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        door = Door(pathlib.Path(folder), pathlib.Path(sys.argv[1]).resolve())
        try:
            door.enroll("Joe", "biden.jpg")
            door.enroll("Barack", "obama.jpg")
            door.start()
            door.start_console()
            browsers = Browsers(playwright, door)
            for name, role in (("Ada", "admin"), ("Otto", "operator"), ("Vera", "viewer")):
                browsers.pair(name, role)
            if wants_pictures:
                screenshots(browsers)
                return
            failed = []
            for function in TESTS:
                if names and not any(name in function.__name__ for name in names):
                    continue
                start = time.monotonic()
                try:
                    function(browsers)
                    result = "ok"
                except Exception as error:
                    result = f"FAILED: {error}"
                    failed.append(function.__name__)
                print(f"{time.monotonic() - start:6.1f} s  {function.__name__}: {result}", flush=True)
            if failed:
                sys.exit(f"{len(failed)} of the tests failed: {', '.join(failed)}")
        finally:
            door.end()


main()
