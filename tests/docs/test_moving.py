"""The page on moving applications prints what it shows: its blocks run, in order."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.helpers.checkout import ROOT
from tests.helpers.console import Shell, steps
from tests.helpers.http import serve_api
from tests.helpers.service import World, config_map

PAGE = ROOT / "docs" / "moving.md"
SHOP = "https://git.example.com/team/shop.git"
NAMES = ("cart", "orders", "prices")
YAML_FILE = r"```yaml\n# (\S+)\n([^`]*)```"


@pytest.fixture
def shell(world: World) -> Shell:
    """A shell in a clone of the shop, which runs."""
    for name in NAMES:
        world.repo.write(f"shop/{name}.yaml", config_map(name))
    world.repo.commit("Open the shop")
    world.repo.push()
    world.declare("shop", "shop")
    world.settled("shop")
    for name, text in re.findall(YAML_FILE, PAGE.read_text()):
        own = text.replace(SHOP, world.repo.url)
        own = own.replace("namespace: shop", f"namespace: {world.namespace}")
        (world.repo.work / name).write_text(own)
    world.repo.git("push", "-q", "-u", "origin", "main")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "COLUMNS": "200"}
    names = {world.repo.url: SHOP, world.namespace: "shop"}
    return Shell(world.repo.work, environment, names=names)


def test_the_page_prints_what_it_shows_and_nothing_is_made_anew(world: World, shell: Shell) -> None:
    before = uids(world)
    with serve_api(world) as api:
        shell.environment["GITOPS_SERVER"] = api.url
        for step in steps(PAGE):
            shell.follow(step)
    assert uids(world) == before
    assert {c.application for c in world.service.parts.store.claims()} == {"front-desk", "shop"}


def uids(world: World) -> dict[str, str]:
    assert world.plane is not None
    found = {}
    for name in NAMES:
        path = f"/api/v1/namespaces/{world.namespace}/configmaps/{name}"
        found[name] = world.plane.call("GET", path)["metadata"]["uid"]
    return found
