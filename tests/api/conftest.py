"""Fixtures: the API of a service with a cluster (`live`) and without (`api`), and a `shop`."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gitops.controlplane.processes import ControlPlane
from tests.helpers.http import Api, serve_api
from tests.helpers.service import World, config_map, deployment, start_world


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


PLANTED = "planted-pa55word-of-the-shop"
SECRET = f"""\
apiVersion: v1
kind: Secret
metadata:
  name: keys
stringData:
  password: {PLANTED}
"""


@dataclass
class Shop:
    """An application with two revisions on a real cluster, and its API; for reading only."""

    world: World
    api: Api
    first: str
    second: str


@pytest.fixture(scope="session")
def shop(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Revision 1 creates, revision 2 scales `web` from 1 to 3; a Secret lies beside."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    control_plane.call("POST", "/api/v1/namespaces", body)
    with start_world(control_plane, tmp_path_factory.mktemp("shop"), "shop") as world:
        world.repo.write("app/keys.yaml", SECRET)
        world.repo.write("app/words.yaml", config_map(word=PLANTED))
        first = world.push("app/web.yaml", deployment(), "Open the shop")
        world.declare("shop")
        world.settled("shop")
        second = world.push("app/web.yaml", deployment(replicas=3), "Scale the shop")
        world.refresh("shop")
        world.closed("shop", 2)
        world.settled("shop")
        with serve_api(world) as api:
            yield Shop(world, api, first, second)
