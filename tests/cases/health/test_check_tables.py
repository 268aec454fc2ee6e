from pathlib import Path
from typing import Any

import pytest

from gitops.checks.cel_child import answer
from gitops.checks.lua_child import LuaChecks
from gitops.checks.reading import read_checks
from gitops.core.health import health
from gitops.core.health.checks import (
    CelCheck,
    LuaCheck,
    judge_cel,
    judge_generation,
    judge_lua,
    layer_of_expressions,
)
from gitops.model.health import Checked
from gitops.model.objects import Body
from tests.helpers.case_tables import table

BOOK = read_checks([Path(__file__).with_name("checks")])
OBJECT = {"status": {"ready": True, "items": ["a", None, "b"]}, "none": None, "big": 12}


def run(check: LuaCheck, body: Body) -> Checked | None:
    found = LuaChecks().answer({"source": check.source, "object": body})
    return judge_lua(check, found["said"], found["parts"])


def by_book(body: Body) -> Checked | None:
    check = BOOK.find(body)
    return run(check, body) if isinstance(check, LuaCheck) else None


@pytest.mark.parametrize("case", table(__file__, "lua.yaml"))
def test_scripts_as_users_write_them_judge_objects(case: dict[str, Any]) -> None:
    api_version, kind = case["kind"].split(" ")
    found = health({"apiVersion": api_version, "kind": kind, **case["body"]}, by_book)
    assert [found.status, found.message] == case["expect"]


@pytest.mark.parametrize("case", table(__file__, "answers.yaml"))
def test_an_answer_of_a_script_means(case: dict[str, Any]) -> None:
    check = LuaCheck(case["source"], "x/health.lua")
    found = health(OBJECT, lambda body: run(check, body))
    assert [found.status, found.message] == case["expect"]


@pytest.mark.parametrize("case", table(__file__, "cel.yaml"))
def test_expressions_as_flux_users_write_them_judge_objects(case: dict[str, Any]) -> None:
    entry = {"apiVersion": "example.com/v1", "kind": "Widget", **case["check"]}
    check = layer_of_expressions([entry], "k.yaml").find("example.com/Widget")
    assert isinstance(check, CelCheck)

    def judge(body: Body) -> Checked:
        found = answer({"expressions": case["check"], "object": body})
        return judge_generation(body) or judge_cel(check, found["said"], found["parts"], body)

    found = health({"apiVersion": "example.com/v1", "kind": "Widget", **case["body"]}, judge)
    assert [found.status, found.message] == case["expect"]
