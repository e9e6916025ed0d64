"""The keys of the configuration."""

from browser import expect_done, go
from playwright.sync_api import expect

from tests import test


def form(page, key):
    return page.locator(f'[id="{key}"]')


def value(page, key):
    return page.locator(f'[id="{key}.value"]')


def save(page, key):
    form(page, key).get_by_role("button", name="Save").click()


@test
def a_key_is_changed_refused_and_taken_back(browsers):
    key = "door.cooldown_s"
    with browsers.page("Ada") as page:
        page.goto("/")
        go(page, "Settings")
        value(page, key).fill("7")
        save(page, key)
        expect_done(page, f"{key} is changed.")
        expect(value(page, key)).to_have_value("7.0")
        expect(form(page, key)).to_contain_text("settings.toml")
        (found,) = [shown["value"] for shown in browsers.door.output("config", "show") if shown["key"] == key]
        assert found == 7.0, found

        # The browser itself refuses a number that is too large; the door refuses what only it can check.
        value(page, key).fill("99999")
        save(page, key)
        assert value(page, key).evaluate("input => !input.validity.valid")
        value(page, "camera.region").fill("[1, 2")
        save(page, "camera.region")
        alert = form(page, "camera.region").get_by_role("alert")
        expect(alert).to_contain_text("camera.region")
        expect(value(page, "camera.region")).to_have_value("[1, 2")
        expect(value(page, "camera.region")).to_be_focused()

        page.get_by_role("button", name="Undo").click()
        expect_done(page, f"The change of {key} is undone.")
        expect(value(page, key)).to_have_value("10.0")
        expect(page.get_by_role("button", name="Undo")).to_have_count(0)
        page.get_by_text("Other keys", exact=True).click()
        expect(page.get_by_role("listitem").filter(has_text="relay.line")).to_contain_text("17")


@test
def two_admins_change_keys_at_once(browsers):
    with browsers.page("Ada") as first, browsers.page("Ada") as second:
        for page, key in ((first, "door.cooldown_s"), (second, "door.away_s")):
            page.goto("/settings")
            value(page, key).fill("5")
        for page, key in ((first, "door.cooldown_s"), (second, "door.away_s")):
            save(page, key)
            expect_done(page, f"{key} is changed.")
        first.reload()
        for key in ("door.cooldown_s", "door.away_s"):
            expect(value(first, key)).to_have_value("5.0")
            form(first, key).get_by_role("button", name="Back to the owner").click()
            expect_done(first, f"{key} is again as in the owner")
