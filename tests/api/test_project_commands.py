"""`gitops project list, show, delete` against a service without a cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helpers.commands import Gitops, commands
from tests.helpers.http import serve_api
from tests.helpers.service import World

TEAM = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: team
spec:
  description: What the team runs
  sourceRepos: ["https://git.example.com/team/**"]
  destinations:
  - {server: "*", namespace: team-*}
  clusterResourceWhitelist:
  - {group: "", kind: Namespace, name: team-*}
  namespaceResourceBlacklist:
  - {group: "", kind: ResourceQuota}
  syncWindows:
  - {kind: deny, schedule: 0 22 * * *, duration: 1h, applications: ["*"], manualSync: true}
"""


@pytest.fixture
def gitops(
    quiet: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Gitops]:
    """The command line; the project `team` and its application `shop` are registered."""
    file = tmp_path / "team.yaml"
    file.write_text(f"{TEAM}---\n{quiet.application('shop', project='team')}")
    with serve_api(quiet) as api:
        gitops = commands(api.url, monkeypatch, capsys)
        ran = gitops("create", "-f", str(file))
        assert ran.out == "project team registered\napplication shop registered\n"
        yield gitops


def test_list_is_a_table_by_name_with_the_project_that_is_always_there(gitops: Gitops) -> None:
    ran = gitops("project", "list")
    assert ran.code == 0
    assert [line.split(maxsplit=3) for line in ran.out.splitlines()] == [
        ["NAME", "APPLICATIONS", "DECLARED", "IN   DESCRIPTION"],
        ["default", "0", "-", "-"],
        ["team", "1", "the", "API       What the team runs"],
    ]


def test_list_is_json_and_yaml(gitops: Gitops) -> None:
    found = gitops("project", "list", "-o", "json").json()
    assert [(one["name"], one["applications"]) for one in found] == [
        ("default", []),
        ("team", ["shop"]),
    ]
    assert yaml.safe_load(gitops("project", "list", "-o", "yaml").out) == found


def test_show_tells_what_a_project_allows(gitops: Gitops) -> None:
    ran = gitops("project", "show", "team")
    assert ran.code == 0
    assert (
        ran.out
        == """\
Project:                   team
Description:               What the team runs
Declared in:               the API
Applications:              shop
Repositories:              https://git.example.com/team/**
Destinations:              team-* on *
Kinds without a namespace: Namespace team-*
But not:                   none
Kinds with a namespace:    every kind
But not:                   ResourceQuota
Sync window:               deny 0 22 * * * UTC for 1h, applications *; by hand too
"""
    )


def test_show_is_json(gitops: Gitops) -> None:
    found = gitops("project", "show", "team", "-o", "json").json()
    assert (found["name"], found["applications"]) == ("team", ["shop"])
    assert found["origin"] == {"kind": "api", "where": "the API"}
    assert found["spec"]["destinations"] == [{"name": "", "namespace": "team-*", "server": "*"}]
    assert found in gitops("project", "list", "-o", "json").json()


def test_a_project_is_kept_while_applications_name_it(gitops: Gitops) -> None:
    ran = gitops("project", "delete", "team", "-o", "json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.error() == {
        "code": "conflict",
        "message": 'the project "team" is that of shop',
        "where": "team",
        "remedy": "give them another project, or delete them first",
    }
    assert gitops("project", "show", "team").code == 0


def test_a_project_goes_after_its_applications(gitops: Gitops) -> None:
    assert gitops("delete", "shop", "--abandon", "--yes").code == 0
    assert gitops("project", "delete", "team").out == "project team removed\n"
    ran = gitops("project", "show", "team")
    assert (ran.code, 'the project "team" does not exist' in ran.err) == (1, True)
    assert [one["name"] for one in gitops("project", "list", "-o", "json").json()] == ["default"]


def test_what_is_deleted_is_told_as_json(gitops: Gitops) -> None:
    assert gitops("delete", "shop", "--abandon", "--yes").code == 0
    ran = gitops("project", "delete", "team", "-o", "json")
    assert (ran.code, ran.json()) == (0, {"project": "team"})


def test_the_project_of_gitops_itself_is_not_removed(gitops: Gitops) -> None:
    ran = gitops("project", "delete", "default")
    assert ran.code == 1
    assert ran.err == (
        'error: default: the project "default" is declared in gitops itself; it cannot be removed\n'
    )


def test_a_project_that_is_not_there_is_said(gitops: Gitops) -> None:
    for command in ("show", "delete"):
        ran = gitops("project", command, "none", "-o", "json")
        assert (ran.code, ran.error()["code"]) == (1, "not-found")
