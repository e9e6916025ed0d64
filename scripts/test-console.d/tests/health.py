"""The health of the door."""

import re

from browser import check_accessible, check_width, go, press
from playwright.sync_api import expect

from tests import test


@test
def an_admin_lets_the_door_check_itself(browsers):
    with browsers.page("Ada") as page:
        page.goto("/")
        go(page, "Health")
        expect(page.locator("main")).to_contain_text(re.compile(r"Version\s*\d+\.\d+"))
        press(page, "Run the checks")
        expect(page.get_by_role("status").filter(has_text="All checks are done.")).to_be_visible(timeout=90_000)
        findings = page.locator(".findings > .finding")
        checks = findings.locator("code").all_inner_texts()
        for check in ("models", "camera", "temperature", "clock"):
            assert any(check in found for found in checks), f"{check} is not among {checks}"
        for finding in page.locator(".finding.warning, .finding.fault").all():
            expect(finding).to_contain_text("How to fix it:")
        check_width(page, "the findings")
        check_accessible(page, "the findings")
        page.get_by_role("link", name="Back to the health of the door").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Health")
        page.get_by_role("link", name="All faults, alarms and notices").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Events")
        started = browsers.door.events(kind="started")[0]["id"]
        expect(page.locator(f"#event{started}")).to_be_visible()
