import asyncio
import threading
from types import SimpleNamespace

from gitops.cluster.watch import QUEUE_HIGH, Dispatcher, lines


class Content:
    """What a stream reader gives, piece by piece."""

    def __init__(self, *chunks):
        self.chunks = chunks

    async def iter_any(self):
        for chunk in self.chunks:
            yield chunk


def read(*chunks):
    async def collect():
        return [line async for line in lines(Content(*chunks))]

    return asyncio.run(collect())


def test_lines_are_whole_however_they_arrive():
    assert read(b"one\ntw", b"o", b"\n", b"three\nfour\n") == [b"one", b"two", b"three", b"four"]


def test_a_line_that_was_cut_is_dropped():
    assert read(b"one\nhalf") == [b"one"]
    assert read() == []


def test_a_line_may_be_longer_than_any_buffer():
    long = b"x" * (1 << 20)
    assert read(long, long, b"\n") == [long + long]


def test_a_listener_that_falls_behind_holds_the_reader_back_until_there_is_room():
    started, release, finished = threading.Event(), threading.Event(), threading.Event()
    seen = []

    def sink(event):
        started.set()
        assert release.wait(30)
        seen.append(event)
        if event == "last":
            finished.set()

    watcher = SimpleNamespace(sink=sink, stopped=False, kind="")

    async def fill():
        dispatcher = Dispatcher("events", asyncio.get_running_loop())
        await dispatcher.put(watcher, 0)
        assert started.wait(30)  # one is being handled; the others wait
        for number in range(1, QUEUE_HIGH + 1):
            await dispatcher.put(watcher, number)
        last = asyncio.ensure_future(dispatcher.put(watcher, "last"))
        await asyncio.sleep(0)
        held = not last.done()
        release.set()
        await last
        assert finished.wait(30)
        dispatcher.stop()
        dispatcher.join(30)
        return held

    assert asyncio.run(fill())
    assert seen == [*range(QUEUE_HIGH + 1), "last"]


def test_events_of_a_watch_that_ended_are_not_delivered():
    seen = []
    ended = SimpleNamespace(sink=seen.append, stopped=True, kind="")
    done = threading.Event()
    going = SimpleNamespace(sink=lambda _: done.set(), stopped=False, kind="")

    async def deliver():
        dispatcher = Dispatcher("events", asyncio.get_running_loop())
        await dispatcher.put(ended, "late")
        await dispatcher.put(going, "event")
        assert done.wait(30)
        dispatcher.stop()
        dispatcher.join(30)

    asyncio.run(deliver())
    assert seen == []
