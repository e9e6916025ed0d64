"""The record of events, its files, the report."""

import csv
import json
import re

from browser import DESKTOP, go, press
from door import wait_for
from playwright.sync_api import expect

from tests import test


def ids(page):
    """The numbers of the events that a page lists."""
    return [int(item.get_attribute("id").removeprefix("event")) for item in page.locator("#events > li").all()]


@test
def events_are_filtered_explained_and_decided_again(browsers):
    door = browsers.door
    granted = door.events(kind="granted", person="Joe")[-1]
    with browsers.page("Vera") as page:
        page.goto("/")
        go(page, "Events")
        page.get_by_label("Person").fill("joe")
        page.get_by_label("Kind").select_option("let in or refused")
        press(page, "Show these")
        expect(page.get_by_label("Person")).to_have_value("joe")

        def decisions():
            return [event["id"] for event in door.events_of("Joe")[::-1] if event["kind"] in ("granted", "denied")]

        # Another one may come meanwhile.
        wait_for("the decisions about Joe", lambda: ids(page) == decisions()[:50])
        page.get_by_label("Reason").select_option("unknown person")
        press(page, "Show these")
        expect(page.locator("main")).to_contain_text("No event fits.")
        page.get_by_role("link", name="Show all").click()
        page.get_by_label("From").fill("2030-01-01T00:00")
        page.get_by_label("Until").fill("2029-01-01T00:00")
        press(page, "Show these")
        expect(page.get_by_role("alert")).to_have_text("“From” must be before “until”.")

        page.goto("/events?reason=granted&person=Joe")
        page.locator(f"#event{granted['id']} a").click()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        expect(page.get_by_role("region", name="Moments of the decision").locator("tbody tr")).not_to_have_count(0)
        page.get_by_text("All recorded values").click()
        recorded = json.loads(page.get_by_role("region", name="All recorded values").inner_text())
        assert recorded, "the values are JSON"

        press(page, "Decide again")
        expect(page.get_by_role("alert")).to_have_text("Change at least one setting.")
        page.get_by_label("Good moments needed").fill("many")
        press(page, "Decide again")
        expect(page.get_by_role("alert")).to_contain_text("A value is not possible.")
        page.get_by_label("Good moments needed").fill("2")
        press(page, "Decide again")
        expect(page.get_by_role("heading", name="Result")).to_be_visible()
        page.get_by_role("link", name="Back to the event").click()
        page.get_by_role("link", name="All events").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Events")


@test
def the_events_of_a_filter_are_downloaded(browsers):
    recorded = browsers.door.events(reason="granted")
    with browsers.page("Vera") as page:
        page.goto("/events?reason=granted")
        with page.expect_download() as download:
            page.get_by_role("link", name="JSON Lines").click()
        assert download.value.suggested_filename == "events.jsonl"
        lines = download.value.path().read_text().splitlines()
        found = [json.loads(line) for line in lines]
        assert found == recorded[: len(found)] and len(found) >= 1, found
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == "events.csv"
        with open(download.value.path(), newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["id"]) for row in rows] == [event["id"] for event in found], rows
        assert [row["person"] for row in rows] == [event["person"] for event in found], rows


@test
def a_new_event_appears_while_the_page_is_open(browsers):
    with browsers.page("Vera") as page:
        page.goto("/events")
        page.evaluate("window.isSamePage = true")
        expect(page.locator("#events > li").first).to_be_visible()
        before = ids(page)
        browsers.door.output("door", "lockdown")
        expect(page.locator("#added")).to_contain_text("New events:")
        assert before[0] in ids(page), "what was there stays"
        new = page.locator("#events > li").first
        expect(new).to_contain_text(re.compile("lock", re.I))
        assert page.evaluate("window.isSamePage"), "the page was loaded again"
        browsers.door.output("door", "normal")
        browsers.door.wait_mode("normal")


@test
def the_report_counts_visits(browsers):
    with browsers.page("Vera", viewport=DESKTOP) as page:
        page.goto("/")
        go(page, "Report")
        for span in ("24 hours", "7 days", "4 weeks", "All"):
            page.get_by_role("link", name=span).click()
            expect(page.get_by_role("link", name=span)).to_have_attribute("aria-current", "true")
            expect(page.get_by_role("region", name="People").get_by_role("row", name="Joe")).to_be_visible()
        page.goto("/report?span=century")
        expect(page.get_by_role("alert")).to_contain_text("There is no such span of time.")
