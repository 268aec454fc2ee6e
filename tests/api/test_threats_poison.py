"""One application's poison stops no other, after a restart either."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.service import World, start_world

NESTED = "a: " + "[" * 100_000
WRONG = (
    "apiVersion: gitops.dev/v1alpha1\nkind: Application\nmetadata: {name: wrong}\n"
    "spec: {source: 5, nonsense: 1}\n"
)


@contextmanager
def declared(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """A service that reads a folder of Applications, and the folder."""
    folder = tmp_path / "applications"
    folder.mkdir()
    with start_world(None, tmp_path, "default", applications=(folder,)) as world:
        yield world, folder


def names(world: World) -> set[str]:
    """The declared applications."""
    return {runtime.name for runtime in world.service.parts.registry.all()}


POISONS = {
    "nested.yaml": NESTED.encode(),
    "bytes.yaml": b"a: \xff\xfe",
    "null.yaml": b"a: \0",
    "wrong.yaml": WRONG.encode(),
    "broken.json": b"{",
    "empty.yaml": b"",
    "text.yaml": b"just text",
}


def test_files_that_cannot_be_read_stop_no_other_file(tmp_path: Path) -> None:
    with declared(tmp_path) as (world, folder):
        for name, content in POISONS.items():
            (folder / name).write_bytes(content)
        (folder / "folder.yaml").mkdir()
        (folder / "dangling.yaml").symlink_to("nowhere")
        (folder / "loop.yaml").symlink_to("loop.yaml")
        os.mkfifo(folder / "pipe.yaml")
        (folder / "zzz.yaml").write_text(world.application("good"))
        world.running.files.review()
        assert names(world) == {"good"}
        world.restart()
        assert names(world) == {"good"}
        assert world.service.ready


def test_a_bad_application_stops_no_other_of_its_file(tmp_path: Path) -> None:
    with declared(tmp_path) as (world, folder):
        file = folder / "apps.yaml"
        documents = [world.application("first"), WRONG, "a: [", world.application("last")]
        file.write_text("---\n".join(f"{text}\n" for text in documents))
        world.running.files.review()
        assert names(world) == {"first", "last"}
        world.restart()
        assert names(world) == {"first", "last"}


def test_an_application_that_became_bad_is_kept_until_it_is_removed(tmp_path: Path) -> None:
    with declared(tmp_path) as (world, folder):
        file = folder / "apps.yaml"
        file.write_text(f"{world.application('one')}---\n{world.application('two')}")
        world.running.files.review()
        file.write_text(f"{world.application('one')}---\nkind: Application\nspec: [\n")
        world.running.files.review()
        assert names(world) == {"one", "two"}
        file.write_text(world.application("one"))
        world.running.files.review()
        assert names(world) == {"one"}


def test_a_name_that_two_files_declare_stops_neither_s_others(tmp_path: Path) -> None:
    with declared(tmp_path) as (world, folder):
        (folder / "a.yaml").write_text(world.application("same"))
        (folder / "b.yaml").write_text(f"{world.application('same')}---\n{world.application('b')}")
        world.running.files.review()
        assert names(world) == {"same", "b"}


def test_a_file_that_cannot_be_read_is_tried_again(tmp_path: Path) -> None:
    with declared(tmp_path) as (world, folder):
        target = tmp_path / "target"
        target.symlink_to("/proc/self/mem")  # a plain file whose first byte cannot be read
        (folder / "apps.yaml").symlink_to(target)
        world.running.files.review()
        assert names(world) == set()
        target.unlink()
        target.write_text(world.application("one"))
        world.running.files.review()
        assert names(world) == {"one"}


def test_what_was_registered_and_is_no_longer_understood_stops_no_start(quiet: World) -> None:
    quiet.declare("good")
    store = quiet.service.edges.store
    store.register("odd", WRONG, "tester")
    store.register("broken", "a: [", "tester")
    quiet.restart()
    assert names(quiet) == {"good"}
    told = {event.application for event in quiet.events if event.kind == "problem"}
    assert {"odd", "broken"} <= told
