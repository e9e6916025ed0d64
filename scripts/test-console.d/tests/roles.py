"""What each role may do: what it may not is not shown, and is refused with a page that says why."""

import re

from browser import pages
from door import ROOT

from tests import test

EVERYBODY, VIEWER, OPERATOR, ADMIN = range(4)
NAMES = ["everybody", "viewer", "operator", "admin"]
ACCOUNTS = {"Vera": VIEWER, "Otto": OPERATOR, "Ada": ADMIN}
# Every form: its path and the least role that may send it.
FORMS = {
    "/sign-in": EVERYBODY,
    "/sign-out": EVERYBODY,
    "/pair": EVERYBODY,
    "/door/open": OPERATOR,
    "/door/hold": OPERATOR,
    "/door/lockdown": OPERATOR,
    "/door/normal": OPERATOR,
    "/live/rotate": ADMIN,
    "/live/mirror": ADMIN,
    "/live/region": ADMIN,
    "/live/region/remove": ADMIN,
    "/settings/set": ADMIN,
    "/settings/reset": ADMIN,
    "/settings/undo": ADMIN,
    "/models/activate": ADMIN,
    "/models/rollback": ADMIN,
    "/models/verify": ADMIN,
    "/setup/language": ADMIN,
    "/setup/relay": ADMIN,
    "/setup/liveness/begin": ADMIN,
    "/setup/liveness/end": ADMIN,
    "/health": ADMIN,
    "/people/photos": ADMIN,
    "/people/camera": ADMIN,
    "/people/camera/cancel": ADMIN,
    "/people/{id}/name": ADMIN,
    "/people/{id}/group": ADMIN,
    "/people/{id}/enabled": ADMIN,
    "/people/{id}/remove": ADMIN,
    "/events/{id}/snapshot/enroll": ADMIN,
    "/events/{id}/snapshot/delete": ADMIN,
    "/account/language": VIEWER,
    "/account/password": VIEWER,
    "/account/sign-out-everywhere": VIEWER,
}
# Every page, likewise.
PAGES = {
    "/assets/{name}": EVERYBODY,
    "/": EVERYBODY,
    "/sign-in": EVERYBODY,
    "/pair": EVERYBODY,
    "/door": VIEWER,
    "/door/open": OPERATOR,
    "/live": VIEWER,
    "/live/still.jpg": VIEWER,
    "/live/socket": VIEWER,
    "/settings": ADMIN,
    "/models": VIEWER,
    "/models/activate": ADMIN,
    "/models/rollback": ADMIN,
    "/models/work": ADMIN,
    "/setup": ADMIN,
    "/setup/liveness": ADMIN,
    "/setup/liveness/work": ADMIN,
    "/events": VIEWER,
    "/events.csv": VIEWER,
    "/events.jsonl": VIEWER,
    "/events/stream": VIEWER,
    "/events/{id}": VIEWER,
    "/events/{id}/what-if": VIEWER,
    "/events/{id}/snapshot": OPERATOR,
    "/report": VIEWER,
    "/health": ADMIN,
    "/people": VIEWER,
    "/people/enroll": ADMIN,
    "/people/camera": ADMIN,
    "/people/camera/socket": ADMIN,
    "/people/removed/{event}": ADMIN,
    "/people/{id}": VIEWER,
    "/people/{id}/enroll": ADMIN,
    "/people/{id}/remove": ADMIN,
    "/account": VIEWER,
}
WHY = "Your role does not allow this."


@test
def the_tables_of_this_test_have_every_route(browsers):
    source = (ROOT / "console/src/routes.rs").read_text()
    # The path is the first text, the first name after it is the access.
    routes = re.findall(r'Route::(get|post)\(\s*"([^"]+)",\s*(?:From\()?(\w+)', source)
    roles = {"Everybody": EVERYBODY, "Viewer": VIEWER, "Operator": OPERATOR, "Admin": ADMIN}
    assert len(routes) == source.count("Route::get(") + source.count("Route::post("), "a route that this test cannot read"
    for table, method in ((FORMS, "post"), (PAGES, "get")):
        found = {path: roles[role] for kind, path, role in routes if kind == method}
        assert found == table, f"{method}: {found.items() ^ table.items()}"


def filled(path):
    """A path with numbers."""
    return re.sub(r"\{\w+\}", "1", path)


@test
def what_a_role_may_not_do_is_refused_and_the_page_says_why(browsers):
    own = {"origin": browsers.door.address}
    people = browsers.door.output("people", "list")
    for account, role in ACCOUNTS.items():
        with browsers.page(account) as page:
            for path in (path for path, least in FORMS.items() if least > role):
                response = page.request.post(filled(path), headers=own, form={"name": "x"}, max_redirects=0)
                assert response.status == 403 and WHY in response.text(), f"{account}: POST {path}: {response.status}"
            for path in (path for path, least in PAGES.items() if least > role):
                response = page.goto(filled(path))
                assert response.status == 403, f"{account}: GET {path}: {response.status}"
                alert, detail = page.get_by_role("alert").inner_text(), page.locator(".detail").inner_text()
                assert alert == WHY, f"{account}: GET {path}: {alert}"
                assert detail == f"this takes the role {NAMES[PAGES[path]]}", f"{account}: GET {path}: {detail}"
    with browsers.page() as page:
        for path, least in FORMS.items():
            if least > EVERYBODY:
                response = page.request.post(filled(path), headers=own, form={"name": "x"}, max_redirects=0)
                assert response.status == 401 and "You are not signed in." in response.text(), f"POST {path}: {response.status}"
        for path, least in PAGES.items():
            if least > EVERYBODY:
                response = page.request.get(filled(path), max_redirects=0)
                assert response.status == 303 and "/sign-in" in response.headers["location"], f"GET {path}: {response.status}"
    assert browsers.door.output("people", "list") == people


@test
def a_form_of_another_site_is_refused(browsers):
    with browsers.page("Ada") as page:
        for path in FORMS:
            response = page.request.post(filled(path), headers={"origin": "https://evil.example"}, max_redirects=0)
            assert response.status == 403 and "another site" in response.text(), f"{path}: {response.status}"


def least_role(table, path):
    """The least role for a path of a page."""
    # The paths without numbers count first.
    for known in sorted(table, key=lambda known: "{" in known):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
            return table[known]
    raise AssertionError(f"no route for {path}")


@test
def what_a_role_may_not_do_is_not_shown(browsers):
    event = browsers.door.events(kind="granted")[0]["id"]
    shown_to = {}
    for account, role in ACCOUNTS.items():
        with browsers.page(account) as page:
            page.goto("/")
            more = ["/people/1", f"/events/{event}", "/people/1/enroll", "/people/1/remove", "/door/open", "/setup/liveness"]
            for path in [*pages(page), *(path for path in more if least_role(PAGES, path) <= role)]:
                assert page.goto(path).status == 200, f"{account}: {path}"
                forms = page.locator("form[method=post]").evaluate_all(
                    "forms => forms.flatMap(form => [form, ...form.querySelectorAll('[formaction]')]"
                    ".map(one => new URL(one.getAttribute('formaction') ?? one.getAttribute('action'), location).pathname))"
                )
                links = page.locator("a[href^='/']").evaluate_all("links => links.map(link => new URL(link.href).pathname)")
                for table, found in ((FORMS, forms), (PAGES, links)):
                    for one in found:
                        assert least_role(table, one) <= role, f"{account} sees {one} on {path}"
                shown_to.setdefault(role, set()).update(forms)
    assert "/door/open" not in shown_to[VIEWER] and "/door/lockdown" in shown_to[OPERATOR], shown_to
    assert len(shown_to[VIEWER]) < len(shown_to[OPERATOR]) < len(shown_to[ADMIN]), shown_to
