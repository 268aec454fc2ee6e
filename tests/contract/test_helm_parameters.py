"""Parameters give what Helm itself makes of them, and their texts are in no argument."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitops.errors import RenderError
from gitops.render.chart import ChartSettings, RepositoryFile
from gitops.render.helm import run_helm
from gitops.render.sandbox import Sandbox
from tests.helpers.tools import real_tools, run_tool

Parameter = tuple[str, str, str]

TEMPLATE = """\
{{- define "walk" }}
{{- if kindIs "map" . }}
{{- range $k, $v := . }} {{ $k | quote }}: {{ include "walk" $v }},{{ end }} end
{{- else if kindIs "slice" . }}[{{ range . }} {{ include "walk" . }},{{ end }}]
{{- else }}{{ typeOf . }} {{ toJson . }}{{ end }}
{{- end }}
told: {{ include "walk" .Values | quote }}
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    "values.yaml": "chart: {a: 1, b: text}\nlist: [{a: 1, b: x}, 2]\nnulled: 1\n",
    "templates/all.yaml": TEMPLATE,
}
VALUES = """\
list: [{a: 1, b: x}, two]
map: {a: {b: 1000000}, null-one: null}
text: one
"""
CASES: list[list[Parameter]] = [
    [("--set", name, value)]
    for name, value in [
        ("a", "s"),
        ("a.b.c", "s"),
        ("a", "1000000"),
        ("a", "1.5"),
        ("a", "007"),
        ("a", "TRUE"),
        ("a", "null"),
        ("nulled", "null"),
        ("a", ""),
        ("a", r"x\,y"),
        ("a", r"x\\,b=2"),
        ("a", "{x,1,true,,null}"),
        ("a", "{}"),
        ("a", r"{x\,y,\}}"),
        ("a", "line\nbreak\n"),
        ("a", "\"quoted\" 'twice' $HOME `id` %s {{ .Values }}"),
        ("a", "é\u2028\U0001f600"),
        (r"a\.b", "s"),
        ("list[0].b", "s"),
        ("list[0].c", "s"),
        ("list[1].b", "s"),
        ("list[3]", "s"),
        ("list[3].a", ""),
        ("list[0][0]", "s"),
        ("chart.b", "s"),
        ("map.a.b", "s"),
        ("map.a", "s"),
        ("map.null-one.b", "s"),
        ("text.b", "s"),
        ("a..b", "s"),
        ("a.", "s"),
        ("", "s"),
        ("a[0", "s"),
        ("a=1,b", "s"),
        ("a,b", "s"),
        ("a", "{x"),
        ("a[70000]", "s"),
        ("a[-1]", "s"),
        ("global.a", "s"),
        ("a.b" * 20, "s"),
    ]
] + [
    [("--set", "a", "s"), ("--set", "a", "1")],
    [("--set", "a", "s"), ("--set", "a.b", "1")],
    [("--set", "a.b", "s"), ("--set", "a", "null")],
    [("--set", "a.b", "s"), ("--set", "a.c", "t")],
    [("--set", "a", "{s,t}"), ("--set", "a[1]", "3")],
    [("--set", "a[0]", "s"), ("--set", "a[0].b", "t")],
    [("--set", "a[0][1]", "s"), ("--set", "a[0].b", "t")],
    [("--set", "a[1].b", "s"), ("--set", "a[0].b", "{x,2}")],
    [("--set-string", "a", "1"), ("--set", "a", "s")],
    [("--set-string", "a", "1"), ("--set", "a.b", "s")],
    [("--set-string", "a", "{1,null}"), ("--set-string", "b[2]", "true")],
]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported chart; its place has signs that a URL or a list would read otherwise."""
    return exported(tmp_path_factory.mktemp("a place,and a = sign"))


def exported(folder: Path) -> Path:
    """A source's folder with the chart in `app`."""
    top = folder / "source-0"
    for name, content in {**CHART, "v.yaml": VALUES}.items():
        (top / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "app" / name).write_text(content)
    return top


def told(output: str) -> str:
    return str(yaml.safe_load(output)["told"])


def by_helm(export: Path, parameters: Sequence[Parameter]) -> str | None:
    """What Helm makes of the parameters as its arguments; None where it fails."""
    words = [word for flag, name, value in parameters for word in (flag, f"{name}={value}")]
    try:
        return told(run_tool("helm", "template", ".", "-f", "v.yaml", *words, cwd=export / "app"))
    except (AssertionError, OSError):
        return None


def chart_settings(parameters: Sequence[Parameter]) -> ChartSettings:
    return ChartSettings(
        chart="app",
        release="r",
        namespace="",
        value_files=(),
        inline_values=VALUES,
        parameters=tuple(parameters),
        files=(),
        kube_version="",
        api_versions=(),
        flags=(),
        build_dependencies=False,
    )


def by_us(export: Path, parameters: Sequence[Parameter]) -> str | None:
    """What we make of them; None where the render fails."""
    try:
        output = run_helm(
            Sandbox(), real_tools().path("helm"), [export], 0, chart_settings(parameters)
        )
    except RenderError:
        return None
    return told(output.decode())


@pytest.mark.parametrize("parameters", CASES, ids=str)
def test_parameters_are_what_helm_makes_of_them(export: Path, parameters: list[Parameter]) -> None:
    assert by_us(export, parameters) == by_helm(export, parameters)


def test_the_table_has_what_helm_takes_and_what_it_refuses(export: Path) -> None:
    taken = [case for case in CASES[:40:3] if by_helm(export, case) is not None]
    assert 5 < len(taken) < 14


names = st.lists(st.sampled_from("ab.[]01=,{}\\"), min_size=1, max_size=6).map("".join)
paths = st.lists(
    st.sampled_from(["a", "list", "map", "[0]", "[1]", ".b", ".a", ".c"]), min_size=1, max_size=4
).map("".join)
values = st.one_of(
    st.text(st.sampled_from("ab.[]01=,{}\\ \n'\"é"), max_size=8),
    st.sampled_from(["1", "true", "null", "{a,1}", "text", "1000000", "0"]),
)
parameters = st.tuples(st.sampled_from(["--set", "--set-string"]), names | paths, values)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given_parameters=st.lists(parameters, min_size=1, max_size=3))
def test_any_parameters_are_what_helm_makes_of_them(
    export: Path, given_parameters: list[Parameter]
) -> None:
    assert by_us(export, given_parameters) == by_helm(export, given_parameters)


def test_a_text_may_be_longer_than_an_argument(export: Path) -> None:
    text = "x" * 500_000
    assert text in (by_us(export, [("--set", "a", text)]) or "")


def test_files_win_over_parameters(export: Path) -> None:
    (export / "file.txt").write_text("from a file")
    settings = chart_settings([("--set", "a", "s"), ("--set-string", "b", "t")])
    settings = replace(settings, files=(("a", RepositoryFile(0, "file.txt")),))
    output = run_helm(Sandbox(), real_tools().path("helm"), [export], 0, settings).decode()
    assert '"a": string "from a file",' in told(output)
    assert '"b": string "t",' in told(output)


def test_no_text_of_a_parameter_is_in_an_argument(tmp_path: Path) -> None:
    spy = tmp_path / "helm"
    spy.write_text('#!/bin/sh\nfor word; do echo "$word"; done; cat ../../home/parameters/*\n')
    spy.chmod(0o755)
    secrets = [("--set", "a", "s3cret"), ("--set", "b", "{s3cret,s3cret}")]
    secrets += [("--set-string", "c[0].d", "s3cret"), ("--set", "a", "last s3cret")]
    output = run_helm(Sandbox(), spy, [exported(tmp_path)], 0, chart_settings(secrets)).decode()
    words = output.splitlines()
    assert words[-1] == "s3crets3cretlast s3crets3cret"
    assert [word for word in words[:-1] if "s3cret" in word] == []
