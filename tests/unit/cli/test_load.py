"""Commands are imported when they run, without the garbage collector's walks."""

import gc
import sys
from collections.abc import Iterator

import pytest

from gitops.cli.main import load


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_loaded_module_is_left_out_of_the_collector_which_goes_on_afterwards() -> None:
    frozen = gc.get_freeze_count()
    assert load("json") is sys.modules["json"]
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_the_collector_goes_on_after_a_module_that_cannot_be_imported() -> None:
    with pytest.raises(ModuleNotFoundError):
        load("gitops.cli.nowhere")
    assert gc.isenabled()
