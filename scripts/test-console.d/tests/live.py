"""The live picture, the prompts on it, and the camera on its page."""

import contextlib
import pathlib
import re
import tempfile

import pictures
from browser import PATIENCE_MS, expect_done, press
from door import wait_for
from playwright.sync_api import expect

from tests import test

SIZE = "canvas => [canvas.width, canvas.height]"


# Records what the prompt says, how large, and where. It may be there for less than a second on a slow machine.
RECORD_PROMPTS = """prompt => {
    window.prompts = [];
    new MutationObserver(() => {
        const { top, bottom } = prompt.getBoundingClientRect(), size = parseFloat(getComputedStyle(prompt).fontSize);
        window.prompts.push({ text: prompt.textContent, size, top, bottom });
    }).observe(prompt, { childList: true });
}"""
ASKED = re.compile("Schauen Sie in die Kamera|Drehen Sie den Kopf|(Heben|Senken) Sie das Kinn")


def wait_size(page, width, height):
    """Waits for a picture of this size."""
    check = f"([w, h]) => {{ const c = document.querySelector('canvas'); return !c.hidden && c.width === w && c.height === h; }}"
    page.wait_for_function(check, arg=[width, height], timeout=PATIENCE_MS)


@contextlib.contextmanager
def started_again(door, video, *keys):
    """The door with this video and these keys."""
    usual = door.video
    door.stop()
    door.video = video
    try:
        door.start(*keys)
        yield
    finally:
        door.stop()
        door.video = usual
        door.start()


@contextlib.contextmanager
def reset_after(page, *keys):
    try:
        yield
    finally:
        for key in keys:
            headers = {"origin": page.url.split("/live")[0]}
            page.request.post("/settings/reset", form={"key": key}, headers=headers)


@test
def the_live_picture_names_the_person(browsers):
    with browsers.page("Vera") as page:
        page.goto("/live")
        expect(page.locator("canvas")).to_be_visible()
        expect(page.locator("[data-faces]")).to_contain_text("Joe")
        # Green, where the box is drawn.
        painted = page.locator("canvas").evaluate(
            "canvas => { const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let count = 0;"
            "for (let at = 0; at < data.length; at += 4) if (data[at + 1] > 200 && data[at] < 120 && data[at + 2] < 170) count++;"
            "return count; }"
        )
        assert painted > 100, f"no box is drawn: {painted} pixels"
        expect(page.locator("#camera")).to_have_count(0)


@test
def what_the_door_asks_a_person_to_do_is_shown_in_the_language_of_the_page_until_it_ends(browsers):
    with tempfile.TemporaryDirectory() as name, browsers.page("Vera", locale="de-DE") as page:
        # Joe does not turn the head, and leaves.
        video = pictures.video(pathlib.Path(name), "joe", [("biden.jpg", 6), ("hopper.jpg", 60)], fps=10)
        page.goto("/live")
        prompt = page.locator("#prompt")
        expect(prompt).to_have_attribute("aria-live", "assertive")
        expect(prompt).to_be_empty()
        prompt.evaluate(RECORD_PROMPTS)
        # In near infrared a challenge does not depend on what the network says about a portrait.
        with started_again(browsers.door, video, "liveness.level=active", "camera.kind=nir"):
            page.wait_for_function("() => window.prompts.at(-1)?.text === ''", timeout=PATIENCE_MS)
            prompts = page.evaluate("window.prompts")
        asked = [found for found in prompts if found["text"]]
        assert asked and all(ASKED.search(found["text"]) for found in asked), prompts
        for found in asked:
            assert found["size"] >= 24 and 0 <= found["top"] < found["bottom"] <= 740, found
        expect(prompt).to_be_hidden()


@test
def an_admin_sees_light_and_focus_and_turns_the_picture(browsers):
    with browsers.page("Ada") as page:
        page.goto("/live")
        wait_size(page, 480, 360)
        # They are measured after the picture is shown.
        expect(page.locator("[data-focus]")).to_have_text(re.compile(r"^\d+$"))
        light = int(page.locator("[data-light]").inner_text().removesuffix(" %"))
        assert 20 <= light <= 90, light
        assert int(page.locator("[data-focus]").inner_text()) > 0
        expect(page.locator("[data-is=lit]")).to_have_text("good")
        expect(page.locator("[data-is=dark]")).to_be_hidden()
        with reset_after(page, "camera.rotate", "camera.mirror"):
            press(page, "Turn right by 90°")
            expect_done(page, "The camera is changed")
            wait_size(page, 360, 480)
            press(page, "Swap left and right")
            expect(page.get_by_role("button", name="Do not swap left and right")).to_be_visible()
            press(page, "Do not swap left and right")
            expect(page.get_by_role("button", name="Swap left and right", exact=True)).to_be_visible()
        page.goto("/live")
        wait_size(page, 480, 360)


@test
def a_region_is_drawn_with_the_mouse_and_removed(browsers):
    with browsers.page("Ada") as page:
        page.goto("/live")
        wait_size(page, 480, 360)
        press(page, "Draw the region on the picture")
        box = page.locator("canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.1)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=3)
        expect(page.locator(".drawn")).to_be_visible()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.9, steps=3)
        page.mouse.up()
        drawn = typed(page)
        assert all(abs(found - wanted) <= 3 for found, wanted in zip(drawn, (48, 36, 384, 288))), drawn
        with reset_after(page, "camera.region"):
            press(page, "Save")
            expect_done(page, "The camera is changed")
            wait_size(page, *drawn[2:])
            assert typed(page) == drawn
            press(page, "Remove the region")
            expect(page.get_by_role("button", name="Remove the region")).to_have_count(0)
            wait_size(page, 480, 360)


@test
def a_region_is_drawn_with_a_finger_and_one_that_does_not_fit_can_be_removed(browsers):
    with browsers.page("Ada", has_touch=True, is_mobile=True) as page:
        page.goto("/live")
        wait_size(page, 480, 360)
        page.get_by_role("button", name="Draw the region on the picture").tap()
        box = page.locator("canvas").bounding_box()
        fingers = page.context.new_cdp_session(page)

        def touch(kind, share=None):
            at = {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] * share} if share else None
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at] if at else []})

        touch("touchStart", 0.25)
        for share in (0.4, 0.6, 0.75):
            touch("touchMove", share)
        touch("touchEnd")
        drawn = typed(page)
        assert all(abs(found - wanted) <= 3 for found, wanted in zip(drawn, (120, 90, 240, 180))), drawn
        page.get_by_label("Width").fill("9999")
        with reset_after(page, "camera.region"):
            press(page, "Save")
            expect_done(page, "The camera is changed")
            wait_for("the loss of the picture", lambda: not browsers.door.state()["camera"])
            lost = browsers.door.events(kind="camera_lost")[-1]
            assert "reaches beyond the rotated picture" in lost["detail"], lost
            page.goto("/live")
            press(page, "Remove the region")
            wait_size(page, 480, 360)


def typed(page):
    """The region in the form."""
    return [int(page.locator(f"#{name}").input_value()) for name in ("x", "y", "width", "height")]
