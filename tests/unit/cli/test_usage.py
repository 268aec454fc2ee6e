"""What people see who give no arguments, or wrong ones."""

import json

import pytest

from gitops.cli.main import run
from gitops.cli.output import wants_json


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: gitops [OPTIONS] COMMAND [ARGS]...\n")
    assert "  demo     start a control plane and the service on examples-repo/\n" in printed.err


def test_wrong_usage_is_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "shop", "x", "-o", "json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("arguments", "wants"),
    [
        ([], False),
        (["-o"], False),
        (["list", "-o", "yaml"], False),
        (["list", "json"], False),
        (["list", "-o", "json"], True),
        (["list", "--output", "json", "--server", "x"], True),
        (["list", "--output=json"], True),
        (["list", "-ojson"], True),
    ],
)
def test_json_is_asked_for_by_the_option_alone(arguments: list[str], *, wants: bool) -> None:
    assert wants_json(arguments) is wants
