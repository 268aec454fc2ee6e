"""The port `Cluster` while its API server restarts, dies, hangs and comes back."""

import threading
import time
import uuid

import pytest

from gitops.cluster.transport import Limits
from gitops.model.objects import GroupKind, identify
from gitops.ports import Apply, Changed, Listed, Lost
from tests.helpers.controlplane import AuditLog, eventually, start_control_plane
from tests.helpers.edge import Events, apply, config_map, connected

CONFIG_MAP = GroupKind("", "ConfigMap")


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    with start_control_plane(tmp_path_factory.mktemp("breakable")) as plane:
        yield plane


@pytest.fixture
def cluster(plane):
    with connected(plane.kubeconfig, uuid.uuid4().hex[:8]) as cluster:
        yield cluster


def labelled(cluster, name, **data):
    body = config_map("default", name, **data)
    installation = cluster._parts.watches.installation
    body["metadata"]["labels"] = {"gitops.dev/installation": installation}
    return body


def watched(cluster):
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    events.wait(lambda e: isinstance(e, Listed))
    return events


def of(name):
    return lambda e: isinstance(e, Changed) and e.live.id.name == name


def unique():
    return f"c{uuid.uuid4().hex[:8]}"


def test_a_watch_goes_on_after_the_api_server_restarted(plane, cluster):
    events = watched(cluster)
    first, second = unique(), unique()
    assert apply(cluster, labelled(cluster, first)).error is None
    events.wait(of(first))
    plane.restart_apiserver()
    assert eventually(lambda: apply(cluster, labelled(cluster, second)).body)

    def seen(event):
        listed = isinstance(event, Listed) and second in {i.id.name for i in event.items}
        return listed or of(second)(event)

    events.wait(seen)


def test_what_was_missed_for_good_is_listed_again(plane, cluster):
    events = watched(cluster)
    unseen = config_map("default", unique())
    assert apply(cluster, unseen).error is None
    plane.restart_apiserver()
    name = unique()
    assert eventually(lambda: apply(cluster, labelled(cluster, name)).body)
    events.wait(lambda e: isinstance(e, Listed), 2)
    assert eventually(
        lambda: [
            e
            for e in events.all
            if of(name)(e) or (isinstance(e, Listed) and name in {item.id.name for item in e.items})
        ]
    )


def test_a_long_outage_is_lost_and_then_listed_again(plane, cluster):
    events = watched(cluster)
    plane.pause()
    try:
        (lost,) = events.wait(lambda e: isinstance(e, Lost))
        assert lost.kind == CONFIG_MAP
        assert lost.error.reason == "unreachable"
    finally:
        plane.resume()
    events.wait(lambda e: isinstance(e, Listed), 2)
    kinds = [type(e) for e in events.all if isinstance(e, Lost | Listed)]
    assert kinds == [Listed, Lost, Listed]


def test_requests_in_flight_of_a_server_that_dies_end_in_values(plane, cluster):
    bodies = [labelled(cluster, f"{unique()}-{n}") for n in range(200)]
    cluster.kinds()
    requests = [Apply(identify(body), body) for body in bodies]
    outcome = []

    def send():
        outcome.extend(cluster.send(requests))

    thread = threading.Thread(target=send)
    thread.start()
    plane.kill()
    thread.join(120)
    assert len(outcome) == 200
    reasons = {a.error.reason for a in outcome if a.error}
    assert reasons <= {"transient", "unreachable", "forbidden"}
    again = eventually(lambda: all(a.body for a in cluster.send(requests)))
    assert again


def test_a_server_that_hangs_is_a_timeout_and_closing_is_bounded(plane):
    limits = Limits(timeout_s=3, attempts=1)
    with connected(plane.kubeconfig, "deadbeef", limits=limits) as cluster:
        cluster.kinds()
        watched(cluster)
        plane.freeze()
        try:
            error = apply(cluster, config_map("default")).error
            assert error.reason == "transient"
            assert error.message.endswith("gave no answer in time")
            begin = time.monotonic()
            cluster.close()
            assert time.monotonic() - begin < 10
        finally:
            plane.thaw()


def test_a_server_that_hangs_loses_its_watches_and_gets_them_back(plane):
    limits = Limits(timeout_s=3, attempts=1, silence_s=1)
    with connected(plane.kubeconfig, "deadbeef", limits=limits) as cluster:
        events = watched(cluster)
        plane.freeze()
        try:
            (lost,) = events.wait(lambda e: isinstance(e, Lost))
            assert lost.error.reason == "transient"
            listed = sum(isinstance(e, Listed) for e in events.all)
        finally:
            plane.thaw()
        events.wait(lambda e: isinstance(e, Listed), listed + 1)


def test_a_write_that_may_have_happened_is_not_sent_twice(plane):
    limits = Limits(timeout_s=3, attempts=3)
    audit = AuditLog(plane)
    with connected(plane.kubeconfig, "deadbeef", limits=limits) as cluster:
        cluster.kinds()
        body = config_map("default", unique())
        mark = audit.mark()
        plane.freeze()
        try:
            assert apply(cluster, body).error.reason == "transient"
        finally:
            plane.thaw()
        plane.wait_ready()
        assert len(audit.since(mark, agent="gitops", verbs=("patch",))) <= 1
