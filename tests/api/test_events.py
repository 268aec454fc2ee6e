import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.http import Api, serve_api
from tests.helpers.service import BY_HAND, World


@pytest.fixture
def served(quiet: World) -> Iterator[tuple[World, Api]]:
    quiet.declare("shop")
    assert quiet.service.dispatcher.wait_idle(60)
    with serve_api(quiet) as api:
        yield quiet, api


def later(work: object) -> threading.Timer:
    """Call something a moment later, on another thread."""
    timer = threading.Timer(0.3, work)  # type: ignore[arg-type]  # any callable
    timer.start()
    return timer


def test_a_long_poll_answers_at_once_with_what_there_is(served: tuple[World, Api]) -> None:
    _, api = served
    answer = api.get("/applications/shop/events", timeout=30).json()
    assert answer["events"][0]["kind"] == "registered"
    assert answer["newest"] == answer["events"][-1]["sequence"]
    rest = api.get("/applications/shop/events", after=answer["newest"]).json()
    assert rest == {"events": [], "newest": rest["newest"]}


def test_a_long_poll_waits_for_the_next_event(served: tuple[World, Api]) -> None:
    world, api = served
    after = api.get("/applications/shop/events").json()["newest"]
    timer = later(lambda: world.service.suspend("shop", BY_HAND, suspended=True))
    answer = api.get("/applications/shop/events", after=after, timeout=30).json()
    timer.join()
    assert [event["kind"] for event in answer["events"]] == ["suspend"]


def test_events_of_other_applications_move_the_place_on_and_nothing_is_lost(
    served: tuple[World, Api],
) -> None:
    world, api = served
    after = api.get("/applications/shop/events").json()["newest"]
    world.service.events.publish("other", "health", "Healthy")
    answer = api.get("/applications/shop/events", after=after, timeout=0.05).json()
    assert (answer["events"], answer["newest"] > after) == ([], True)
    world.service.events.publish("shop", "health", "Healthy")
    answer = api.get("/applications/shop/events", after=answer["newest"]).json()
    assert [event["message"] for event in answer["events"]] == ["Healthy"]
    names = {e["application"] for e in api.get("/events", after=after).json()["events"]}
    assert names == {"other", "shop"}


def test_numbers_from_before_a_restart_begin_anew(served: tuple[World, Api]) -> None:
    _, api = served
    answer = api.get("/applications/shop/events", after=10**9).json()
    assert answer["events"][0]["kind"] == "registered"


def test_events_of_what_is_gone_are_still_told(served: tuple[World, Api]) -> None:
    world, api = served
    world.service.events.publish("ghost", "unregistered", "no longer declared")
    answer = api.get("/applications/ghost/events")
    assert [event["kind"] for event in answer.json()["events"]] == ["unregistered"]


def frames(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Server-Sent Events as they come."""
    frame: dict[str, str] = {}
    for line in lines:
        if not line and frame:
            yield frame
            frame = {}
        elif not line.startswith(":") and line:
            name, _, value = line.partition(": ")
            frame[name] = value


def test_a_stream_gives_each_event_and_can_be_taken_up_again(served: tuple[World, Api]) -> None:
    world, api = served
    path = "/api/v1/applications/shop/events"
    accept = {"Accept": "text/event-stream"}
    with api.http.stream("GET", path, headers=accept) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        stream = frames(answer.iter_lines())
        first = next(stream)
        assert first["event"] == "registered"
        assert json.loads(first["data"])["sequence"] == int(first["id"])
        timer = later(lambda: world.service.events.publish("shop", "health", "Degraded"))
        while (frame := next(stream))["event"] != "health":
            pass
        timer.join()
    world.service.events.publish("shop", "health", "Healthy")
    again = {**accept, "Last-Event-ID": frame["id"]}
    with api.http.stream("GET", path, headers=again) as answer:
        event = json.loads(next(frames(answer.iter_lines()))["data"])
    assert event["message"] == "Healthy"


def test_streams_end_when_the_server_stops(served: tuple[World, Api]) -> None:
    world, _ = served
    with serve_api(world) as api, httpx.Client(base_url=api.url, timeout=30) as client:
        headers = {"Accept": "text/event-stream"}
        with client.stream("GET", "/api/v1/events", headers=headers) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            api.server.stop()
            for _ in lines:
                pass


def test_many_waiters_take_no_threads(served: tuple[World, Api]) -> None:
    world, api = served
    after = api.get("/applications/shop/events").json()["newest"]
    answers: list[int] = []

    def wait() -> None:
        query = {"after": str(after), "timeout": "30"}
        url = f"{api.url}/api/v1/applications/shop/events"
        answers.append(len(httpx.get(url, params=query, timeout=60).json()["events"]))

    threads = [threading.Thread(target=wait) for _ in range(60)]
    for thread in threads:
        thread.start()
    # sixty wait, more than there are threads for handlers: others are answered all the same
    assert api.get("/version").status_code == 200
    world.service.events.publish("shop", "health", "Healthy")
    for thread in threads:
        thread.join()
    assert answers == [1] * 60
