"""The port `HealthChecks` on real processes: what checks answer, and what none of them can do."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gitops.checks.runner import STRIKES, CheckRunner
from gitops.core.health.checks import CheckBook, layer_of_customizations, layer_of_expressions
from gitops.model.health import Health, HealthStatus

CPU_S = 0.25
Check = Callable[..., Health]
HEALTHY = Health(HealthStatus.HEALTHY)


@pytest.fixture
def runners() -> Iterator[list[CheckRunner]]:
    made: list[CheckRunner] = []
    yield made
    for runner in made:
        runner.close()


@pytest.fixture
def make(runners: list[CheckRunner]) -> Callable[..., CheckRunner]:
    def made(scripts: dict[str, str], expressions: dict[str, str] | None = None) -> CheckRunner:
        data = {f"resource.customizations.health.x_{kind}": s for kind, s in scripts.items()}
        entries = [
            {"apiVersion": "x/v1", "kind": kind, "current": text}
            for kind, text in (expressions or {}).items()
        ]
        layers = (layer_of_customizations(data, "cm.yaml"), layer_of_expressions(entries, "k.yaml"))
        runner = CheckRunner(CheckBook(layers), CPU_S)
        runners.append(runner)
        return runner

    return made


def ask(runner: CheckRunner, kind: str, **body: Any) -> Health:
    found = runner.check({"apiVersion": "x/v1", "kind": kind, **body})
    assert found is not None
    return found.health


GOOD = "return {status = 'Healthy'}"
HOSTILE = {
    "Loop": "while true do end",
    "Catch": "while true do pcall(function() while true do end end) end",
    "Pattern": "local a = string.rep('a', 40)\n"
    "return {status = 'Healthy', message = a:find(string.rep('a?', 40) .. a .. 'b')}",
    "Sort": "local t = {} for i = 1, 1e5 do t[i] = -i end\n"
    "while true do table.sort(t, function(a, b) return a < b end) end",
}
GREEDY = {
    "Double": "local s = 'x' while true do s = s .. s end",
    "Repeat": "return {status = 'Healthy', message = string.rep('x', 1e9)}",
    "Table": "local t = {} for i = 1, 1e9 do t[i] = {i} end",
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_check_that_never_ends_is_ended(make: Callable[..., CheckRunner], kind: str) -> None:
    runner = make({kind: HOSTILE[kind], "Good": GOOD})
    found = ask(runner, kind)
    assert found.status is HealthStatus.UNKNOWN
    where = f"resource.customizations.health.x_{kind} in cm.yaml"
    assert found.message == f"{where}: used more than 0.25 s of processor time"
    assert ask(runner, "Good") == HEALTHY


@pytest.mark.parametrize("kind", sorted(GREEDY))
def test_a_check_gets_no_more_memory_than_it_may(
    make: Callable[..., CheckRunner], kind: str
) -> None:
    runner = make({kind: GREEDY[kind], "Good": GOOD})
    found = ask(runner, kind)
    assert found.status is HealthStatus.UNKNOWN
    where = f"resource.customizations.health.x_{kind} in cm.yaml"
    limits = ("64 MiB of memory", "0.25 s of processor time")
    assert found.message in [f"{where}: used more than {limit}" for limit in limits]
    assert ask(runner, "Good") == HEALTHY


def test_an_expression_that_never_ends_is_ended(make: Callable[..., CheckRunner]) -> None:
    items = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]"
    nested = "a + b + c + d + e + f < 1000"
    for name in "fedcba":
        nested = f"{items}.all({name}, {nested})"
    runner = make({}, {"Loop": nested, "Good": "true"})
    found = ask(runner, "Loop")
    assert found.status is HealthStatus.UNKNOWN
    assert "healthCheckExprs[0] in k.yaml: used more than" in found.message
    assert ask(runner, "Good") == HEALTHY


def test_a_check_that_is_ended_again_and_again_is_not_run_any_more(
    make: Callable[..., CheckRunner],
) -> None:
    runner = make({"Loop": HOSTILE["Loop"], "Good": GOOD})
    for _ in range(STRIKES):
        assert "processor time" in ask(runner, "Loop").message
    for _ in range(100):
        assert "is not run any more in this namespace" in ask(runner, "Loop").message
    assert ask(runner, "Good") == HEALTHY


def test_objects_that_bring_a_check_down_do_so_in_their_namespace_only(
    make: Callable[..., CheckRunner],
) -> None:
    """A check that any object may make loop is the installation's, and so are other tenants."""
    script = "while obj.spec.hostile do end return {status = 'Healthy'}"
    runner = make({"Shared": script})
    mallory, alice = {"namespace": "mallory"}, {"namespace": "alice"}
    for _ in range(STRIKES):
        ask(runner, "Shared", metadata=mallory, spec={"hostile": True})
    assert "is not run" in ask(runner, "Shared", metadata=mallory, spec={}).message
    assert ask(runner, "Shared", metadata=alice, spec={}) == HEALTHY


def test_no_check_sees_what_another_left(make: Callable[..., CheckRunner]) -> None:
    leave = (
        "left = 1 string.rep = nil table.insert = nil os.time = nil math = nil _G.obj.left = 1 "
        "setmetatable(_G, {__index = function() return 'left' end}) " + GOOD
    )
    see = (
        "local whole = string.rep and ('x').rep and table.insert and os.time and math.floor "
        "return {status = (whole and left == nil and obj.left == nil) and 'Healthy' or 'Degraded'}"
    )
    runner = make({"Leave": leave, "See": see})
    for _ in range(2):
        assert ask(runner, "Leave") == HEALTHY
        assert ask(runner, "See") == HEALTHY


def test_times_are_utc_wherever_a_check_runs(
    make: Callable[..., CheckRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    script = (
        "return {status = 'Healthy', message = os.date('%H', 0) .. "
        "os.time({year = 1970, month = 1, day = 1, hour = 1})}"
    )
    assert ask(make({"Time": script}), "Time").message == "003600"


def test_an_object_may_hold_anything(make: Callable[..., CheckRunner]) -> None:
    script = "return {status = 'Healthy', message = tostring(obj.spec.big > 1e20) .. obj.spec.text}"
    runner = make({"Odd": script}, {"Cel": "has(spec.big)"})
    odd = {"big": 10**30, "text": "a\ud800\x00", "none": None, "list": [None, [None]], "": {}}
    assert ask(runner, "Odd", spec=odd) == Health(HealthStatus.HEALTHY, "truea?\x00")
    assert ask(runner, "Cel", spec=odd) == HEALTHY
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    found = ask(runner, "Odd", spec=deep)
    assert found.status is HealthStatus.UNKNOWN
    assert "nested too deeply" in found.message


def test_many_threads_ask_at_once(make: Callable[..., CheckRunner]) -> None:
    runner = make({"Echo": "return {status = 'Healthy', message = obj.name}"})
    wrong: list[str] = []

    def many(name: str) -> None:
        for index in range(50):
            said = ask(runner, "Echo", name=f"{name}{index}").message
            if said != f"{name}{index}":
                wrong.append(said)

    threads = [threading.Thread(target=many, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_kind_without_a_check_starts_no_process(make: Callable[..., CheckRunner]) -> None:
    runner = make({"Good": GOOD})
    assert runner.check({"apiVersion": "v1", "kind": "Pod"}) is None
    assert runner._lua._process is None
    assert ask(runner, "Good") == HEALTHY
    process = runner._lua._process
    assert process is not None
    runner.close()
    runner.close()
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert "is not asked any more" in ask(runner, "Good").message


def test_a_process_that_goes_away_is_started_again(make: Callable[..., CheckRunner]) -> None:
    runner = make({"Good": GOOD})
    assert ask(runner, "Good") == HEALTHY
    process = runner._lua._process
    assert process is not None
    process.kill()
    process.wait()
    assert "ended its process (exit status -9)" in ask(runner, "Good").message
    assert ask(runner, "Good") == HEALTHY


def test_an_answer_that_never_comes_is_not_waited_for(make: Callable[..., CheckRunner]) -> None:
    runner = make({"Good": GOOD})
    assert ask(runner, "Good") == HEALTHY
    process = runner._lua._process
    assert process is not None
    runner._lua.wall_s = 0.1
    process.send_signal(signal.SIGSTOP)
    assert "gave no answer within 0.1 s" in ask(runner, "Good").message
    assert process.returncode == -signal.SIGKILL
    runner._lua.wall_s = 60.0
    assert ask(runner, "Good") == HEALTHY


def test_a_script_of_nothing_but_brackets(make: Callable[..., CheckRunner]) -> None:
    deep = ask(make({"Deep": "return " + "(" * 200_000}), "Deep")
    assert deep.status is HealthStatus.UNKNOWN
    assert "resource.customizations.health.x_Deep in cm.yaml:1: " in deep.message
