"""The pictures of the guide. No real person is shown: where the door's camera shows a face, the page draws a figure."""

import shutil
import subprocess

import pictures
from browser import DESKTOP, PHONE, Browsers, expect_done, press
from door import PORTRAITS, ROOT, Door, wait_for
from playwright.sync_api import expect
from tests.record import ids
from tests.settings import form

IMAGES = ROOT / "docs/guide/images"
MOST_BYTES = 60_000
# Draws a figure where the picture of the camera has a person: the video is not shown.
DRAWN_FIGURE = """
createImageBitmap = async () => {
  const drawn = new OffscreenCanvas(480, 360), context = drawn.getContext("2d");
  const part = (color, draw) => { context.fillStyle = color; context.beginPath(); draw(); context.fill(); };
  part("#b9c4be", () => context.rect(0, 0, 480, 360));
  part("#8b9a92", () => context.rect(30, 40, 110, 320));
  part("#33513f", () => context.ellipse(284, 460, 200, 130, 0, 0, 7));
  part("#4a3426", () => context.ellipse(284, 190, 106, 104, 0, 0, 7));
  part("#d9a47e", () => context.ellipse(284, 236, 88, 118, 0, 0, 7));
  part("#2b2b2b", () => context.ellipse(252, 222, 9, 7, 0, 0, 7));
  part("#2b2b2b", () => context.ellipse(316, 222, 9, 7, 0, 0, 7));
  part("#9b5b4d", () => context.ellipse(284, 300, 30, 8, 0, 0, 7));
  return drawn.transferToImageBitmap();
};
"""


def save(page, name, height=None, part=None):
    """The page, or a part of it, as a small file."""
    path = IMAGES / f"console-{name}.png"
    if height:
        page.set_viewport_size({**page.viewport_size, "height": height})
    page.evaluate("window.scrollTo(0, 0)")
    large = path.with_suffix(".large.png")
    (part or page).screenshot(path=large)
    palette = "split[a][b];[a]palettegen=max_colors=64:reserve_transparent=0[p];[b][p]paletteuse=dither=none"
    subprocess.run([*pictures.CONVERT, "-i", large, "-vf", palette, "-pred", "none", "-compression_level", "100", path], check=True)
    large.unlink()
    size = path.stat().st_size
    print(f"{size:6} bytes  {path.relative_to(ROOT)}")
    assert size <= MOST_BYTES, f"{path} is too large"


def make(folder, programs, chromium):
    shutil.rmtree(IMAGES, ignore_errors=True)
    IMAGES.mkdir()
    video = pictures.video(folder, "visitors", [("hopper.jpg", 12), ("biden.jpg", 600)])
    door = Door(folder / "door", programs, video)
    try:
        door.enroll("Ben", "biden.jpg")
        door.enroll("Carla", "obama.jpg")
        door.start()
        door.start_console()
        browsers = Browsers(chromium, door)
        browsers.pair("Ada", "admin")
        wait_for("a visit", lambda: door.events(kind="granted", person="Ben"))
        pages(browsers)
    finally:
        door.end()


def pages(browsers):
    phone = {"viewport": PHONE, "device_scale_factor": 2}
    with browsers.page(**phone) as page:
        page.goto("/pair")
        save(page, "pair", 640)
    with browsers.page("Ada", **phone) as page:
        page.goto("/door")
        save(page, "door", 900)
        page.goto("/setup")
        save(page, "setup", 900)
        page.goto("/people/enroll")
        page.get_by_label("Name", exact=True).fill("Grace")
        save(page, "enroll", 900)
        page.get_by_label("Choose photos").set_input_files(PORTRAITS / "hopper.jpg")
        press(page, "Send the photos")
        expect_done(page, "Grace is enrolled.")
        page.goto("/people")
        save(page, "people", 800)
        page.add_init_script(DRAWN_FIGURE)
        page.goto("/live")
        expect(page.locator("[data-faces]")).to_contain_text("Ben")
        expect(page.locator("[data-meters]")).to_be_visible()
        save(page, "live", 900)
        page.goto("/settings")
        save(page, "settings", part=form(page, "door.cooldown_s"))
    with browsers.page("Ada", viewport={**DESKTOP, "width": 900}) as page:
        page.goto("/events")
        assert ids(page)
        save(page, "events", 700)
        page.goto("/events?reason=granted")
        page.locator("#events a").first.click()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        save(page, "event", 800)
        page.goto("/health")
        press(page, "Run the checks")
        expect(page.get_by_role("status").filter(has_text="All checks are done.")).to_be_visible(timeout=90_000)
        # Where an owner has these files.
        rename = "(all, folder) => all.forEach(found => { found.textContent = found.textContent.replaceAll(folder, '/var/lib/ostiary'); })"
        page.locator(".finding p[lang=en]").evaluate_all(rename, str(browsers.door.folder))
        save(page, "health", 800)
