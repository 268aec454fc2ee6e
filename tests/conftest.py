"""Marks by folder, and fixtures that every folder shares."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(  # a loaded machine is not a defect
    "shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared-machine")

pytest_plugins = ("tests.helpers.controlplane", "tests.helpers.service", "tests.helpers.walk")

FOLDERS = ("unit", "laws", "cases", "contract", "cluster", "api", "e2e", "deploy", "docs")
ROOT = Path(__file__).parent


# What a shell starts in the background (`make test &`) ignores Ctrl-C, and so would all that tests
# start and then interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(ROOT).parts[0]
        if folder in FOLDERS:
            item.add_marker(getattr(pytest.mark, folder))
