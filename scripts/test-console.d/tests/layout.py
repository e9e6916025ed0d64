"""What every page must fulfill."""

import re

from browser import check_accessible, check_width, pages
from playwright.sync_api import expect

from tests import test

LANGUAGES = ["en", "de", "fr", "es", "vi"]
# Those that the navigation does not show.
MORE = ["/people/enroll", "/people/1", "/people/1/enroll", "/people/1/remove", "/door/open", "/setup/liveness", "/models/rollback"]
NO_TEXT = re.compile(r"\b(?:nav|error|door|live|people|person|enroll|events|report|health|settings|models|setup|account)-[a-z-]+\b")


@test
def every_page_is_readable_on_a_phone_by_a_screen_reader_in_light_and_dark(browsers):
    event = browsers.door.events(kind="granted")[0]["id"]
    with browsers.page("Ada") as page:
        page.goto("/")
        for path in [*pages(page), *MORE, f"/events/{event}"]:
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                check_accessible(page, f"{path}, {scheme}")
            check_width(page, path)
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
            for path in [*pages(page), *MORE]:
                page.goto(path)
                assert page.locator("html").get_attribute("lang") == language
                # An identifier of a text that is missing.
                missing = NO_TEXT.findall(page.locator("body").inner_text())
                assert not missing, f"{path} in {language}: {missing}"
                titles.setdefault(path, set()).add(page.title())
    for path, found in titles.items():
        assert len(found) >= 3 or path == "/people/1", f"{path} has the same title in most languages: {found}"


@test
def the_first_page_is_small(browsers):
    with browsers.page() as page:
        sizes = []
        page.on("response", lambda response: sizes.append(len(response.body())))
        page.goto("/sign-in", wait_until="networkidle")
        assert sum(sizes) <= 100_000, f"{sum(sizes)} bytes"
