"""The port `ActionScripts` on a real process: what scripts answer, and what none of them can do."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.checks.actions import ActionRunner
from gitops.checks.reading import read_actions
from gitops.core.actions.scripts import ActionBook, scripts_of_customizations
from gitops.errors import InputError
from gitops.model.acting import Offer

DISCOVERY = """
actions = {}
actions["grow"] = {["params"] = {{["name"] = "by"}}}
actions["sleep"] = {["disabled"] = obj.spec.asleep == true}
return actions
"""
GROW = "obj.spec.size = obj.spec.size + tonumber(actionParams['by'])\nreturn obj"
WIDGET: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "one", "namespace": "shop"},
    "spec": {"size": 1, "big": 2**60, "half": 0.5, "none": [], "empty": {}, "text": "a\x00é"},
}
Make = Callable[..., ActionRunner]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ActionRunner] = []

    def runner(discovery: str = DISCOVERY, **actions: str) -> ActionRunner:
        definitions = [{"name": name, "action.lua": text} for name, text in actions.items()]
        text = yaml.safe_dump({"discovery.lua": discovery, "definitions": definitions})
        data = {"resource.customizations.actions.example.com_Widget": text}
        made.append(ActionRunner(ActionBook((scripts_of_customizations(data, "cm.yaml"),)), 0.25))
        return made[-1]

    yield runner
    for one in made:
        one.close()


def test_scripts_offer_actions_and_make_them(make: Make) -> None:
    runner = make(grow=GROW)
    offered = runner.offers(WIDGET)
    assert offered.offers == (
        Offer("grow", "", ("by",), scripted=True),
        Offer("sleep", "", scripted=True),
    )
    assert not offered.built_in
    effect = runner.run("grow", WIDGET, {"by": "2"})
    assert effect is not None
    assert effect.after == {**WIDGET, "spec": {**WIDGET["spec"], "size": 3}}
    assert runner.run("sleep", WIDGET, {}) is None
    other = {**WIDGET, "kind": "Gadget"}
    assert (runner.offers(other).offers, runner.offers(other).built_in) == ((), True)


def test_an_action_may_create_as_well(make: Make) -> None:
    source = """
local map = {apiVersion = "v1", kind = "ConfigMap"}
map.metadata = {name = obj.metadata.name .. "-copy", namespace = obj.metadata.namespace}
map.data = {size = tostring(obj.spec.size)}
return {{operation = "create", resource = map}}
"""
    effect = make(copy=source).run("copy", WIDGET, {})
    assert effect is not None
    assert effect.after is WIDGET
    assert effect.creates == (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "one-copy", "namespace": "shop"},
            "data": {"size": "1"},
        },
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("while true do end", "break: used more than 0.25 s of processor time"),
        ("local s = 'x' while true do s = s .. s end", "break: used more than 64 MiB of memory"),
        ("return nil", "break: expect table output from Lua script, not nil"),
        ("\nreturn obj.status.phase", "break:2: attempt to index field 'status'"),
        ("error('no', 0)", "break: no"),
        ("return obj +", "break:1: unexpected symbol"),
        ("obj.spec.f = print return obj", "holds what is no JSON"),
        ("obj.spec.f = 0/0 return obj", "holds what is no JSON"),
        ("obj.spec.f = obj return obj", "nested too deeply, or holds itself"),
        ("return io.open('/etc/passwd')", "attempt to index global 'io'"),
    ],
)
def test_what_a_script_cannot_do_is_one_sentence(make: Make, source: str, said: str) -> None:
    runner = make(**{"break": source, "grow": GROW})
    with pytest.raises(InputError) as error:
        runner.run("break", WIDGET, {})
    assert said in str(error.value)
    assert runner.run("grow", WIDGET, {"by": "1"}) is not None
    with pytest.raises(InputError):
        make("return 3").offers(WIDGET)


def test_scripts_lie_in_folders_and_config_maps(tmp_path: Path) -> None:
    folder = tmp_path / "example.com" / "Widget" / "actions"
    (folder / "grow").mkdir(parents=True)
    (folder / "discovery.lua").write_text(DISCOVERY)
    (folder / "grow" / "action.lua").write_text(GROW)
    (folder / "testdata").mkdir()
    (folder / "testdata" / "widget.yaml").write_text("a: [")
    config = {"resource.customizations.actions.ConfigMap": "discovery.lua: 'return {a = {}}'"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": config}
    (tmp_path / "argocd-cm.yaml").write_text(yaml.safe_dump_all([body, {"kind": "Other"}]))
    runner = ActionRunner(read_actions([tmp_path, tmp_path / "argocd-cm.yaml"]))
    try:
        assert runner.offers(WIDGET).built_in
        assert [offer.name for offer in runner.offers(WIDGET).offers] == ["grow", "sleep"]
        assert runner.run("grow", WIDGET, {"by": "1"}) is not None
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        assert [offer.name for offer in runner.offers(made).offers] == ["a"]
    finally:
        runner.close()
    with pytest.raises(InputError, match="is not asked any more"):
        runner.offers(WIDGET)
