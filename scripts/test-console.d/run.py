"""Uses every page of the console in a real browser. See scripts/test-console."""

import argparse
import contextlib
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

import pictures
import screenshots
from browser import CHROMIUM, Browsers
from door import Door, wait_for
from playwright.sync_api import sync_playwright
from tests import TESTS


@contextlib.contextmanager
def browsers_at_a_door(folder, programs, chromium, video):
    """A door with two people, before which somebody stands, and an account of each role."""
    door = Door(folder, programs, video)
    try:
        door.enroll("Joe", "biden.jpg")
        door.enroll("Barack", "obama.jpg")
        door.start()
        door.start_console()
        browsers = Browsers(chromium, door)
        for name, role in (("Ada", "admin"), ("Otto", "operator"), ("Vera", "viewer")):
            browsers.pair(name, role)
        wait_for("the first grant", lambda: door.events(kind="granted"))
        yield browsers
    finally:
        door.end()


def run(browsers, tests):
    """The names of the tests that failed."""
    failed = []
    for function in tests:
        start = time.monotonic()
        try:
            function(browsers)
            result = "ok"
        except Exception as error:
            result = f"FAILED: {type(error).__name__}: {error}"
            failed.append(function.__name__)
        print(f"{time.monotonic() - start:6.1f} s  {function.__name__}: {result}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("names", nargs="*")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--screenshots", action="store_true")
    given = parser.parse_intermixed_args()
    tests = [function for function in TESTS if not given.names or any(name in function.__name__ for name in given.names)]
    if not tests:
        sys.exit(f"no test has a name with {' or '.join(given.names)}")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder, chromium = pathlib.Path(name), playwright.chromium.launch(**CHROMIUM)
        if given.screenshots:
            return screenshots.make(folder, given.programs, chromium)
        video = pictures.video(folder, "visitors", [("hopper.jpg", 6), ("biden.jpg", 900)])
        failed, times = [], []
        for number in range(given.repeat):
            start, own = time.monotonic(), folder / f"run{number}"
            with browsers_at_a_door(own, given.programs, chromium, video) as browsers:
                failed += run(browsers, tests)
            shutil.rmtree(own)
            times.append(time.monotonic() - start)
            print(f"{times[-1]:6.1f} s  run {number + 1} of {given.repeat}, {len(failed)} failures until now", flush=True)
        if given.repeat > 1:
            print(f"median: {statistics.median(times):.1f} s")
        if failed:
            sys.exit(f"{len(failed)} tests failed: {', '.join(failed)}")


main()
