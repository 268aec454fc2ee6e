"""The supervisor's state and lock are read by others, whatever they meet."""

import os
from pathlib import Path

import pytest

from gitops.controlplane import state
from gitops.controlplane.state import Component, State

FULL = State(
    ready=True,
    ports={"apiserver": 1},
    components=(Component("etcd", "running", 7, 2), Component("kwok", "paused")),
)


def test_a_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    state.write(tmp_path / "state.json", FULL)
    assert state.read(tmp_path / "state.json") == FULL


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1, "components": []}', "{}"])
def test_a_broken_state_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    assert state.read(tmp_path / "state.json") == State()


def test_a_missing_state_is_an_empty_one(tmp_path: Path) -> None:
    assert state.read(tmp_path / "none") == State()


def test_a_component_that_is_not_known_is_stopped() -> None:
    assert FULL.component("etcd").restarts == 2
    assert FULL.component("other") == Component("other", "stopped")


def test_a_lock_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert state.holder(lock) is None
    held = state.take_lock(lock)
    assert held is not None
    with held:
        assert state.holder(lock) == os.getpid()
        assert state.take_lock(lock) is None
    assert state.holder(lock) is None


def test_a_lock_that_names_nobody_yet_has_no_holder(tmp_path: Path) -> None:
    held = state.take_lock(tmp_path / "lock")
    assert held is not None
    with held:
        held.truncate(0)
        held.flush()
        assert state.holder(tmp_path / "lock") is None
