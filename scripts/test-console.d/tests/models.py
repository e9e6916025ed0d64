"""The stored bundles of models."""

from browser import go, press
from playwright.sync_api import expect

from tests import test


@test
def models_are_listed_and_checked(browsers):
    with browsers.page("Ada") as page:
        page.goto("/")
        go(page, "Models")
        expect(page.locator("main")).to_contain_text("models.dir is set")
        bundle = page.locator('[id="7"]')
        expect(bundle.locator(".problem")).to_be_visible()
        # A folder of the owner counts, so that no bundle can be used.
        expect(page.get_by_role("link", name="Use")).to_have_count(0)
        press(page, "Check bundle 7")
        expect(page.get_by_role("heading", level=1)).to_have_text("Check of the models")
        expect(page.get_by_role("listitem").filter(has_text="Bundle 7: not good:")).to_be_visible()
        expect(page.locator("p.done")).to_have_text("It is done.")
        page.get_by_role("link", name="To the models").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Models")
