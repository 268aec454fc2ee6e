"""Fixtures: the API of a service, with a cluster (`live`) and without (`api`, `offline`)."""

from collections.abc import Iterator

import pytest

from tests.helpers.http import Api, serve_api
from tests.helpers.service import World, start_world


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One service without cluster for all tests that only knock at its door."""
    with start_world(None, tmp_path_factory.mktemp("offline"), "default") as world:
        yield world


@pytest.fixture(scope="session")
def api(offline: World) -> Iterator[Api]:
    """The API of `offline`, with the secrets of webhooks."""
    with serve_api(offline) as served:
        yield served


@pytest.fixture
def live(world: World) -> Iterator[Api]:
    """The API of `world`."""
    with serve_api(world) as served:
        yield served
