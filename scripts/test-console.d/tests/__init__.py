"""The tests: each is a function with the browsers of a door that all tests share. A test leaves the door as it was."""

import importlib
import pkgutil

TESTS = []


def test(function):
    TESTS.append(function)
    return function


for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{module}")
