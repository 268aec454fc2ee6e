"""Everything that Helm would read is found first; settings take Argo CD's precedence."""

from collections.abc import Mapping
from typing import Any

import pytest

from gitops.errors import RenderError
from gitops.model.application import HelmSource
from gitops.render.chart import ChartContext, ChartSettings, RepositoryFile, read_chart
from gitops.render.closure import Closure
from gitops.render.tree import Tree
from gitops.render.variables import build_variables
from tests.helpers.trees import Content, Link, MemoryCheckout, at, request

CHART: dict[str, Content] = {
    "app/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "app/values.yaml": "a: 1",
    "app/templates/x.yaml": "",
}


def read(
    files: Mapping[str, Content],
    helm: HelmSource | None = None,
    lent: Mapping[str, Content] | None = None,
    **options: Any,
) -> tuple[ChartSettings, list[Closure]]:
    checkout = MemoryCheckout(files)
    closures = [Closure(Tree(checkout))]
    references = {}
    if lent is not None:
        closures.append(Closure(Tree(MemoryCheckout(lent))))
        references["values"] = 1
    asked = request(files, at("app"), namespace="shop-ns", **options)
    context = ChartContext(
        closures,
        0,
        closures[0].tree.look("app"),
        references,
        build_variables(asked, at("app"), checkout),
    )
    settings = read_chart(context, helm or HelmSource(), "shop", allow_remote=False)
    return settings, closures


def test_a_chart_is_its_whole_folder_with_what_its_links_lead_to() -> None:
    files: dict[str, Content] = {
        **CHART,
        "app/files": Link("../common"),
        "app/gone": Link("../nowhere"),
        "common/a.txt": "a",
        "common/more": Link("../further"),
        "further/b.txt": "b",
        "unrelated/c.txt": "c",
    }
    _, closures = read(files)
    assert closures[0].content == {
        *("app", "app/files", "common", "app/gone", "common/more", "further")
    } - {"app/gone"}


def test_a_link_out_of_the_repository_is_refused() -> None:
    with pytest.raises(RenderError, match="leaves the repository"):
        read({**CHART, "app/files/passwd": Link("/etc/passwd")})


def test_defaults_come_from_the_application() -> None:
    settings, _ = read(CHART)
    assert settings.release == "shop"
    assert settings.namespace == "shop-ns"
    assert settings.kube_version == "1.36.3"
    assert settings.flags == ("--include-crds",)
    assert not settings.build_dependencies


def test_settings_of_the_source_win() -> None:
    helm = HelmSource(
        release_name="other-$ARGOCD_APP_NAME",
        namespace="elsewhere",
        kube_version="1.30.0",
        api_versions=("a/v1",),
        skip_crds=True,
        skip_tests=True,
        skip_schema_validation=True,
    )
    settings, _ = read(CHART, helm)
    assert (settings.release, settings.namespace) == ("other-shop", "elsewhere")
    assert (settings.kube_version, settings.api_versions) == ("1.30.0", ("a/v1",))
    assert settings.flags == ("--skip-tests", "--skip-schema-validation")


def test_value_files_are_found_from_the_chart_the_root_and_other_sources() -> None:
    files: dict[str, Content] = {
        **CHART,
        "app/v.yaml": "",
        "env/prod.yaml": "",
        "env/x": Link("prod.yaml"),
    }
    helm = HelmSource(
        value_files=("v.yaml", "../env/prod.yaml", "/env/x", "$values/shop/v.yaml", "v.yaml")
    )
    settings, closures = read(files, helm, lent={"shop/v.yaml": ""})
    assert settings.value_files == (
        RepositoryFile(0, "env/prod.yaml"),
        RepositoryFile(1, "shop/v.yaml"),
        RepositoryFile(0, "app/v.yaml"),
    )
    assert closures[1].paths() == ("shop/v.yaml",)
    assert {"env/prod.yaml", "env/x"} <= closures[0].content


def test_value_files_may_be_globs_and_name_variables() -> None:
    files: dict[str, Content] = {**CHART, "env/b.yaml": "", "env/a.yaml": "", "env/sub/c.yaml": ""}
    settings, closures = read(files, HelmSource(value_files=("../env/*.yaml",)))
    assert [file.path for file in settings.value_files] == ["env/a.yaml", "env/b.yaml"]
    assert "env" in closures[0].paths()
    named = HelmSource(value_files=("${ARGOCD_APP_NAME}.yaml",))
    settings, _ = read({**CHART, "app/shop.yaml": ""}, named)
    assert settings.value_files == (RepositoryFile(0, "app/shop.yaml"),)


def test_two_stars_name_a_folder_s_own_value_files_before_those_below_it() -> None:
    names = ("env/a.yaml", "env/z.yaml", "env/sub/c.yaml", "env/sub/more/d.yaml")
    files: dict[str, Content] = {**CHART, **dict.fromkeys(reversed(names), "")}
    settings, _ = read(files, HelmSource(value_files=("../env/**/*.yaml",)))
    assert tuple(file.path for file in settings.value_files) == names


def test_a_missing_value_file_is_told_unless_it_may_be_missing() -> None:
    for name in ("none.yaml", "none/*.yaml"):
        with pytest.raises(RenderError, match="does not exist"):
            read(CHART, HelmSource(value_files=(name,)))
        helm = HelmSource(value_files=(name,), ignore_missing_value_files=True)
        settings, closures = read(CHART, helm)
        assert settings.value_files == ()
        assert f"app/{name}" in closures[0].watched


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://bob:s3cret@example.com/v.yaml", "remote file 'https://example.com"),
        ("../../etc/passwd", "leaves the repository"),
        ("/../etc/passwd", "leaves the repository"),
        ("$values/../../x", "leaves the repository"),
        ("file:///etc/passwd", "remote file"),
        ("secrets+gpg://x", "remote file|does not exist"),
    ],
)
def test_value_files_outside_of_the_repository_are_refused(name: str, message: str) -> None:
    with pytest.raises(RenderError, match=message) as caught:
        read(CHART, HelmSource(value_files=(name,)), lent={})
    assert "s3cret" not in str(caught.value)


def test_inline_values_are_the_object_if_there_is_one() -> None:
    settings, _ = read(CHART, HelmSource(values="a: 1"))
    assert settings.inline_values == "a: 1"
    settings, _ = read(CHART, HelmSource(values="a: 1", values_object={"b": "1e3", "a": True}))
    assert settings.inline_values == '{"a": true, "b": "1e3"}'


def test_parameters_keep_their_order_and_their_commas() -> None:
    helm = HelmSource(
        parameters=(
            {"name": "a", "value": "x,y"},
            {"name": "b", "value": "{x,y}"},
            {"name": "c", "value": "01", "forceString": True},
            {"name": "d", "value": "$ARGOCD_APP_NAME-$$-$UNKNOWN-$"},
            {"name": "e", "value": r"x\,y"},
            {"name": "f"},
        )
    )
    settings, _ = read(CHART, helm)
    assert settings.parameters == (
        ("--set", "a", r"x\,y"),
        ("--set", "b", "{x,y}"),
        ("--set-string", "c", "01"),
        ("--set", "d", "shop-$--$"),
        ("--set", "e", r"x\,y"),
        ("--set", "f", ""),
    )


def test_file_parameters_are_files_of_the_repository() -> None:
    files: dict[str, Content] = {**CHART, "common/s.txt": ""}
    helm = HelmSource(file_parameters=({"name": "a", "path": "../common/s.txt"},))
    settings, closures = read(files, helm)
    assert settings.files == (("a", RepositoryFile(0, "common/s.txt")),)
    assert "common/s.txt" in closures[0].content
    for path in ("../../etc/passwd", "none", "templates"):
        with pytest.raises(RenderError):
            read(files, HelmSource(file_parameters=({"name": "a", "path": path},)))


DEPENDENCIES = "\ndependencies:\n  - name: cache\n    version: 1.x\n    repository: {}\n"


@pytest.mark.parametrize(
    "url", ["https://charts.example.com", "oci://example.com/c", "'@alias'", "''"]
)
def test_a_dependency_that_is_not_vendored_is_refused(url: str) -> None:
    files: dict[str, Content] = {
        **CHART,
        "app/Chart.yaml": str(CHART["app/Chart.yaml"]) + DEPENDENCIES.format(url),
    }
    with pytest.raises(RenderError, match="dependency 'cache'") as caught:
        read(files)
    assert caught.value.where == "app/Chart.yaml:6"
    assert caught.value.reason == "refused"


@pytest.mark.parametrize(
    "vendored",
    [
        {"app/charts/cache-1.2.3.tgz": b""},
        {"app/charts/cache-v1.2.3-rc.1.tar.gz": b""},
        {"app/charts/cache/Chart.yaml": "name: cache"},
        {"app/charts/folder/Chart.yaml": "name: cache"},
    ],
)
def test_vendored_dependencies_are_read_with_the_chart(vendored: dict[str, Content]) -> None:
    chart = str(CHART["app/Chart.yaml"]) + DEPENDENCIES.format("https://charts.example.com")
    settings, _ = read({**CHART, "app/charts/README": "", **vendored, "app/Chart.yaml": chart})
    assert not settings.build_dependencies


def test_a_dependency_in_the_repository_is_packed_and_read() -> None:
    chart = str(CHART["app/Chart.yaml"]) + DEPENDENCIES.format("file://../cache")
    files: dict[str, Content] = {**CHART, "app/Chart.yaml": chart, "cache/Chart.yaml": ""}
    settings, closures = read(files)
    assert settings.build_dependencies
    assert closures[0].paths() == ("app", "cache")
    for url in ("file://../../cache", "file:///cache", "file://../none"):
        files["app/Chart.yaml"] = str(CHART["app/Chart.yaml"]) + DEPENDENCIES.format(url)
        with pytest.raises(RenderError):
            read(files)


def test_requirements_of_old_charts_count_as_dependencies() -> None:
    files: dict[str, Content] = {**CHART, "app/requirements.yaml": DEPENDENCIES.format("https://x")}
    with pytest.raises(RenderError, match="dependency 'cache'") as caught:
        read(files)
    assert caught.value.where == "app/requirements.yaml:3"


def test_odd_dependencies_are_left_to_helm() -> None:
    odd = str(CHART["app/Chart.yaml"]) + "\ndependencies: [{name: [x]}, text, {version: 1}]\n"
    assert read({**CHART, "app/Chart.yaml": odd})[0].build_dependencies is False


def test_a_folder_without_a_chart_is_told() -> None:
    with pytest.raises(RenderError, match=r"has no Chart\.yaml"):
        read({"app/values.yaml": ""})
