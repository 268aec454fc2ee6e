"""Renders that would read this machine's files, or never end: with the real tools."""

import gzip
import io
import json
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops.core.manifests.parse import parse_all
from gitops.errors import GitopsError
from gitops.model.application import DirectorySource, HelmSource
from gitops.model.objects import Body
from gitops.render.renderer import ToolRenderer
from tests.helpers.tools import real_tools
from tests.helpers.trees import Content, MemoryCheckout, at, request

PLANTED = "planted-2b81d0"
CHART: dict[str, Content] = {
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "chart/values.yaml": "x: text\n",
    "chart/templates/c.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
        "data: {x: {{ .Values.x | quote }}, name: {{ .Release.Name | quote }}}\n"
    ),
}


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A file of this machine with JSON, as a registry's credentials are."""
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"const": PLANTED}))
    return file


def render(files: Mapping[str, Content], helm: HelmSource | None = None) -> list[Body]:
    """What a chart in `chart/` renders to."""
    renderer = ToolRenderer(real_tools())
    source = at("chart", helm=helm or HelmSource())
    rendered = renderer.render(request(MemoryCheckout(files), source))
    return [m.body for m in parse_all((t.path, t.text) for t in rendered.texts).manifests]


def refused(files: Mapping[str, Content], helm: HelmSource | None = None) -> GitopsError:
    """Why a chart is not rendered; the host's file shows nowhere."""
    with pytest.raises(GitopsError) as caught:
        render(files, helm)
    assert PLANTED not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ["x={host},y", "x={host}", "y,x={host},z", "x\\", "x,", "=", ""])
def test_the_name_of_a_file_parameter_names_no_second_file(host: Path, name: str) -> None:
    parameter = {"name": name.format(host=host), "path": "values.yaml"}
    error = refused(CHART, HelmSource(file_parameters=(parameter,)))
    assert error.reason == "refused"
    assert "fileParameters" in str(error.where)


@pytest.mark.parametrize("folder", ["a\\,y=", "a,y=", 'a",y=', "a=", "{a}"])
def test_the_path_of_a_file_parameter_names_no_second_file(host: Path, folder: str) -> None:
    path = f"{folder}{host}"
    files = CHART | {f"chart/{path}": "of the repository"}
    parameter = {"name": "x", "path": path}
    (rendered,) = render(files, HelmSource(file_parameters=(parameter,)))
    assert rendered["data"]["x"] == "of the repository"


@pytest.mark.parametrize("folder", ["a,", 'a"', "a\\,"])
def test_the_path_of_a_value_file_names_no_second_file(host: Path, folder: str) -> None:
    path = f"{folder}{host}"
    files = CHART | {f"chart/{path}": "x: of the repository"}
    (rendered,) = render(files, HelmSource(value_files=(path,)))
    assert rendered["data"]["x"] == "of the repository"


@pytest.mark.parametrize(
    "release", ["--post-renderer=/bin/sh", "-f/etc/passwd", '{{ env "HOME" }}']
)
def test_the_name_of_a_release_is_no_option(release: str) -> None:
    error = refused(CHART, HelmSource(release_name=release))
    assert "invalid release name" in error.message
    assert "/root" not in str(error)


SCHEMAS = [
    {"$ref": "file://{host}"},
    {"properties": {"x": {"$ref": "file://{host}"}}},
    {"properties": {"x": {"$ref": "..{host}"}}},
    {"properties": {"x": {"$ref": "{host}"}}},
    {"properties": {"x": {"$dynamicRef": "file://{host}#x"}}},
    {"$schema": "file://{host}"},
    {"allOf": [{"$schema": "http://127.0.0.1:1/x"}]},
    {"$defs": {"a": {"$id": "file://{host}"}}, "properties": {"x": {"$ref": "host.json"}}},
]


def filled(schema: object, host: Path) -> str:
    """A schema's text with the path of the host's file in it."""
    return json.dumps(schema).replace("{host}", str(host))


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_a_schema_of_values_refers_to_nothing_outside(host: Path, schema: object) -> None:
    error = refused(CHART | {"chart/values.schema.json": filled(schema, host)})
    assert (error.reason, error.where) == ("refused", "chart/values.schema.json")


def test_a_schema_that_nobody_asks_may_refer_to_anything(host: Path) -> None:
    files = CHART | {"chart/values.schema.json": filled(SCHEMAS[0], host)}
    (rendered,) = render(files, HelmSource(values="x: any", skip_schema_validation=True))
    assert rendered["data"]["x"] == "any"


def test_escaped_letters_hide_no_reference(host: Path) -> None:
    text = filled({"properties": {"x": {"$ref": "file://{host}"}}}, host)
    hidden = text.replace("$ref", "\\u0024\\u0072ef").replace("file", "\\u0066ile")
    assert refused(CHART | {"chart/values.schema.json": hidden}).reason == "refused"


def packed(files: Mapping[str, str], **pax: str) -> bytes:
    """A chart as `helm package` packs it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            member.pax_headers = dict(pax)
            archive.addfile(member, io.BytesIO(content.encode()))
    return whole.getvalue()


def part(schema: str) -> dict[str, str]:
    """The files of a chart `part` with a schema."""
    return {
        "part/Chart.yaml": "apiVersion: v2\nname: part\nversion: 0.1.0\n",
        "part/values.yaml": "x: 1\n",
        "part/values.schema.json": schema,
    }


def test_schemas_of_vendored_and_packed_charts_are_looked_at_too(host: Path) -> None:
    schema = filled(SCHEMAS[1], host)
    vendored = {f"chart/charts/{name}": text for name, text in part(schema).items()}
    assert refused(CHART | vendored).where == "chart/charts/part/values.schema.json"
    error = refused(CHART | {"chart/charts/part-0.1.0.tgz": packed(part(schema))})
    assert error.where == "chart/charts/part-0.1.0.tgz part/values.schema.json"
    outer = part("{}")
    inner = packed(part(schema)).decode("latin-1")
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in {**outer, "part/charts/in-1.tgz": inner}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode("latin-1"))
            archive.addfile(member, io.BytesIO(content.encode("latin-1")))
    assert refused(CHART | {"chart/charts/part-0.1.0.tgz": whole.getvalue()}).reason == "refused"


def test_a_good_schema_of_a_packed_chart_is_used() -> None:
    schema = json.dumps(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"x": {"$ref": "#/definitions/x"}},
            "definitions": {"x": {"type": "string"}},
        }
    )
    files = CHART | {"chart/charts/part-0.1.0.tgz": packed(part(schema))}
    assert "want string" in refused(files).message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"no archive" * 100), "cannot be read"),
        (b"no gzip", "not compressed"),
        (gzip.compress(bytes(200 << 20), 9), "more than 100 MiB"),
        (packed(part("{}"), size="1"), "neither a file nor a folder"),
        (packed(part("{")), "not JSON"),
    ],
    ids=["noise", "plain", "bomb", "odd", "broken"],
)
def test_a_packed_chart_that_could_be_read_in_two_ways_is_refused(
    content: bytes, words: str
) -> None:
    error = refused(CHART | {"chart/charts/part-0.1.0.tgz": content})
    assert words in error.message
    assert str(error.where).startswith("chart/charts/part-0.1.0.tgz")


def test_patterns_of_an_application_hold_up_nobody() -> None:
    files: dict[str, Content] = {f"app/{'a' * 200}{n}.yaml": "kind: X\n" for n in range(50)}
    directory = DirectorySource(recurse=True, include="*a" * 400 + "b")
    started = time.process_time()
    source = at("app", directory=directory)
    ToolRenderer(real_tools()).key(request(MemoryCheckout(files), source))
    assert time.process_time() - started < 5
