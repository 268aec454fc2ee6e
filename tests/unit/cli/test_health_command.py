import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gitops.cli.health import health_command
from gitops.cli.main import run
from gitops.errors import InputError, ManifestError

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def health(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(health_command, [*arguments, "-o", "json"], input=given)


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.exception
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def names(result: Result) -> list[str]:
    return [row["name"] for row in rows(result)]


def test_rows_have_the_documented_shape_in_input_order() -> None:
    assert rows(health("-f", "-", given=f"{SERVICE}---\n{CONFIG}")) == [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": "shop",
            "name": "web",
            "status": "Healthy",
            "message": "",
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "namespace": None,
            "name": "settings",
            "status": None,
            "message": "",
        },
    ]


def test_lists_are_expanded_json_and_yaml_alike() -> None:
    pod = {"metadata": {"name": "a"}, "status": {"phase": "Failed", "message": "boom"}}
    inner = {"kind": "PodList", "apiVersion": "v1", "items": [pod]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [inner, service]})
    for given in (text, f"# a comment\n{text}", f"{text}\n{text}"):
        first, second, *_ = rows(health("-f", "-", given=given))
        assert (first["kind"], first["status"], first["message"]) == ("Pod", "Degraded", "boom")
        assert second["name"] == "b"


def test_lists_without_items_are_empty() -> None:
    for given in ("kind: List\n", "kind: PodList\nitems: null\n", '{"kind": "List"}'):
        assert rows(health("-f", "-", given=given)) == []


def test_an_array_as_other_commands_print_it_is_read() -> None:
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} for name in "ab"]
    for given in (json.dumps(pods), f"# a comment\n{json.dumps(pods)}"):
        assert [row["name"] for row in rows(health("-f", "-", given=given))] == ["a", "b"]


def test_bad_health_still_exits_with_zero() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {phase: Failed}\n"
    assert rows(health("-f", "-", given=pod))[0]["status"] == "Degraded"


def test_the_last_of_a_key_given_twice_counts_with_a_warning() -> None:
    given = "kind: Pod\nmetadata: {name: a}\napiVersion: v1\nmetadata: {name: b}\nstatus: {}\n"
    found = health("-f", "-", given=given)
    assert names(found) == ["b"]
    assert found.stderr == 'warning: standard input:4: the key "metadata" is given twice\n'


def test_odd_objects_are_judged_not_refused() -> None:
    given = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {annotations: 3}\nspec: [1]\n"
    (row,) = rows(health("-f", "-", given=given))
    assert row["status"] == "Unknown"
    assert row["name"] == ""


def test_several_files_and_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.json").write_text(json.dumps({"metadata": {"name": "b"}}))
    (tmp_path / "deep" / "a.yaml").write_text("metadata: {name: a}\n")
    (tmp_path / "deep" / "notes.txt").write_text("x")
    (tmp_path / "c.yml").write_text("metadata: {name: c}\n")
    found = health("-f", str(tmp_path / "c.yml"), "-f", str(tmp_path / "deep"))
    assert names(found) == ["c", "a", "b"]


def test_an_empty_text_holds_nothing() -> None:
    assert rows(health("-f", "-")) == []
    assert CliRunner().invoke(health_command, ["-f", "-"], input="").output == ""


def test_people_get_a_table() -> None:
    found = CliRunner().invoke(health_command, ["-f", "-"], input=f"{SERVICE}---\n{CONFIG}")
    assert found.output == (
        "NAMESPACE   KIND        NAME       STATUS    MESSAGE\n"
        "shop        Service     web        Healthy\n"
        "-           ConfigMap   settings   -\n"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("- 1\n", "standard input:1: a Kubernetes object is a mapping, but this is none"),
        ('{"kind": "List", "items": [1]}', "a Kubernetes object is a mapping"),
        ("a: [1\n", "standard input:"),
        ("{a: ", "standard input:"),
    ],
)
def test_what_cannot_be_read_is_named(given: str, message: str) -> None:
    error = health("-f", "-", given=given).exception
    assert isinstance(error, ManifestError)
    assert message in str(error)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    error = health("-f", str(tmp_path / "none.yaml")).exception
    assert isinstance(error, InputError)
    assert "the file cannot be read: No such file" in str(error)
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\n")
    assert isinstance(health("-f", str(tmp_path / "bytes.yaml")).exception, InputError)


def test_checks_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    error = health("-f", "-", "--checks", str(tmp_path / "none")).exception
    assert isinstance(error, InputError)
    assert "the file cannot be read: No such file" in str(error)
    (tmp_path / "cm.yaml").write_text("kind: ConfigMap\ndata: [1\n")
    assert run(["health", "-f", "-", "--checks", str(tmp_path)]) == 1


def test_a_folder_without_checks_is_told(tmp_path: Path) -> None:
    found = health("-f", "-", "--checks", str(tmp_path), given=CONFIG)
    assert rows(found)[0]["status"] is None
    assert found.stderr == f"warning: {tmp_path}: no <group>/<kind>/health.lua is there\n"
