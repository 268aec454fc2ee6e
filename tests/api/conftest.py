"""Fixtures: the API of a service, with a cluster (`live`) and without (`api`)."""

from collections.abc import Iterator

import pytest

from tests.helpers.http import Api, serve_api
from tests.helpers.service import World


@pytest.fixture
def api(quiet: World) -> Iterator[Api]:
    with serve_api(quiet) as served:
        yield served


@pytest.fixture
def live(world: World) -> Iterator[Api]:
    with serve_api(world) as served:
        yield served
