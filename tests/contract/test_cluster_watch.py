"""The port `Cluster` on the real API server: watches, and what they cost."""

import threading
import uuid

import pytest

from gitops.model.objects import GroupKind, ObjectId, identify
from gitops.ports import Apply, Changed, Delete, Gone, Listed, Lost, Patch
from tests.helpers.edge import Events, apply, config_map, connected, crd, deployment
from tests.helpers.waiting import WAIT_S

CONFIG_MAP = GroupKind("", "ConfigMap")
DEPLOYMENT = GroupKind("apps", "Deployment")


@pytest.fixture
def installation():
    return uuid.uuid4().hex[:8]


@pytest.fixture
def cluster(control_plane, installation):
    with connected(control_plane.kubeconfig, installation) as cluster:
        yield cluster


def labelled(body, installation):
    metadata = {**body["metadata"], "labels": {"gitops.dev/installation": installation}}
    return {**body, "metadata": metadata}


def is_listed(event):
    return isinstance(event, Listed)


def of(name, kind=Changed):
    def wanted(event):
        live = getattr(event, "live", None)
        return isinstance(event, kind) and live is not None and live.id.name == name

    return wanted


def test_what_exists_is_listed_and_what_happens_next_follows(cluster, namespace, installation):
    first = labelled(config_map(namespace, "first"), installation)
    assert apply(cluster, first).error is None
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    (listed,) = events.wait(is_listed)
    assert [live.id.name for live in listed.items] == ["first"]
    assert listed.items[0].decode()["kind"] == "ConfigMap"

    second = labelled(config_map(namespace, "second"), installation)
    uid = apply(cluster, second).body["metadata"]["uid"]
    events.wait(of("second"))
    delete = Delete(identify(second), "v1", uid=uid, propagation="Background")
    assert cluster.send([delete])[0].error is None
    (gone,) = events.wait(of("second", Gone))
    assert gone.live.uid == uid
    assert [type(e) for e in events.all] == [Listed, Changed, Gone]


def test_objects_of_other_installations_are_not_seen(cluster, namespace, installation):
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed)
    foreign = labelled(config_map(namespace, "foreign"), "00000000")
    ours = labelled(config_map(namespace, "ours"), installation)
    apply(cluster, foreign)
    apply(cluster, ours)
    events.wait(of("ours"))
    assert [e.live.id.name for e in events.all if isinstance(e, Changed)] == ["ours"]


def test_a_label_removed_by_hand_looks_like_a_deletion_without_a_timestamp(
    cluster, namespace, installation
):
    body = labelled(config_map(namespace), installation)
    assert apply(cluster, body).error is None
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed)
    path = "/metadata/labels/gitops.dev~1installation"
    cluster.send([Patch(identify(body), "v1", ({"op": "remove", "path": path},))])
    (gone,) = events.wait(lambda e: isinstance(e, Gone))
    assert gone.id == identify(body)
    assert not gone.live.deleting


def test_a_service_s_endpoint_slices_inherit_its_labels(cluster, namespace, installation):
    slices = GroupKind("discovery.k8s.io", "EndpointSlice")
    events = Events()
    cluster.watch([slices], events)
    events.wait(is_listed)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    assert apply(cluster, labelled(service, installation)).error is None
    (changed, *_) = events.wait(lambda e: isinstance(e, Changed))
    assert changed.live.id.name.startswith("web-")


def test_a_kind_costs_one_list_and_one_watch(cluster, namespace, installation, audit):
    bodies = [labelled(config_map(namespace, f"c{n}"), installation) for n in range(3)]
    cluster.send([Apply(identify(b), b) for b in bodies])
    events = Events()
    mark = audit.mark()
    cluster.watch([CONFIG_MAP, DEPLOYMENT], events)
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed, 2)
    apply(cluster, labelled(config_map(namespace, "last"), installation))
    events.wait(of("last"))
    web = labelled(deployment(namespace), installation)
    apply(cluster, web)
    events.wait(of("web"))
    asked = audit.since(mark, agent="gitops", verbs=("list", "watch"))
    counted = sorted((e["verb"], e["objectRef"]["resource"]) for e in asked)
    assert counted == [
        ("list", "configmaps"),
        ("list", "deployments"),
        ("watch", "configmaps"),
        ("watch", "deployments"),
    ]


def test_watches_last_much_longer_than_a_minute(cluster, audit):
    events = Events()
    mark = audit.mark()
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed)

    def opened():
        return audit.since(mark, agent="gitops", verbs=("watch",))

    while not (found := opened()):
        threading.Event().wait(0.05)
    query = dict(p.split("=") for p in found[0]["requestURI"].partition("?")[2].split("&"))
    assert int(query["timeoutSeconds"]) >= 30 * 60
    assert query["allowWatchBookmarks"] == "true"


def test_long_lists_come_in_pages(cluster, namespace, installation, audit):
    bodies = [labelled(config_map(namespace, f"c{n}"), installation) for n in range(501)]
    assert not [a.error for a in cluster.send([Apply(identify(b), b) for b in bodies]) if a.error]
    events = Events()
    mark = audit.mark()
    cluster.watch([CONFIG_MAP], events)
    (listed,) = events.wait(is_listed)
    assert len(listed.items) == 501
    assert len(audit.since(mark, agent="gitops", verbs=("list",))) == 2


def test_what_is_kept_has_our_entry_only(cluster, namespace, installation, kubectl):
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed)
    body = labelled(config_map(namespace, a="1"), installation)
    answer = apply(cluster, body).body
    kubectl("-n", namespace, "annotate", "cm", "config", "by=hand")
    seen = events.wait(of("config"), 2)[-1].live
    managers = [e["manager"] for e in seen.decode()["metadata"]["managedFields"]]
    assert managers == ["gitops"]
    assert cluster.live(answer) == events.wait(of("config"))[0].live


def test_a_slow_listener_stalls_no_request_and_keeps_the_order(cluster, namespace, installation):
    entered, release = threading.Event(), threading.Event()
    seen = Events()

    def slow(event):
        entered.set()
        assert release.wait(WAIT_S)
        seen(event)

    cluster.watch([CONFIG_MAP], slow)
    assert entered.wait(WAIT_S)
    bodies = [labelled(config_map(namespace, "config", n=str(n)), installation) for n in range(5)]
    for body in bodies:
        assert apply(cluster, body).error is None
    release.set()
    events = seen.wait(of("config"), 5)
    assert [e.live.decode()["data"]["n"] for e in events] == ["0", "1", "2", "3", "4"]


def test_a_listener_that_fails_ends_no_watch(cluster, namespace, installation):
    seen = Events()

    def faulty(event):
        seen(event)
        raise RuntimeError

    cluster.watch([CONFIG_MAP], faulty)
    seen.wait(is_listed)
    apply(cluster, labelled(config_map(namespace), installation))
    seen.wait(of("config"))


def test_an_unwatched_kind_is_silent_and_can_be_watched_again(cluster, namespace, installation):
    events = Events()
    cluster.watch([CONFIG_MAP], events)
    events.wait(is_listed)
    cluster.unwatch([CONFIG_MAP, DEPLOYMENT])
    apply(cluster, labelled(config_map(namespace, "unseen"), installation))
    again = Events()
    cluster.watch([CONFIG_MAP], again)
    (listed,) = again.wait(is_listed)
    assert [live.id.name for live in listed.items] == ["unseen"]
    assert [type(e) for e in events.all] == [Listed]


def test_a_kind_is_watched_as_soon_as_its_crd_is_established(cluster, namespace, installation):
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    events = Events()
    cluster.watch([GroupKind(group, "Widget")], events)
    assert apply(cluster, crd(group)).error is None
    events.wait(is_listed)
    widget = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": namespace},
    }
    assert apply(cluster, labelled(widget, installation)).error is None
    (changed,) = events.wait(of("w"))
    assert changed.live.id == ObjectId(group, "Widget", namespace, "w")
    assert not [e for e in events.all if isinstance(e, Lost)]


def test_a_kind_that_we_may_not_list_is_lost_and_named(
    control_plane, kubectl, namespace, installation, tmp_path
):
    kubectl("-n", namespace, "create", "serviceaccount", "weak")
    token = kubectl("-n", namespace, "create", "token", "weak").strip()
    path = tmp_path / "kubeconfig"
    path.write_text(control_plane.kubeconfig.read_text().replace(control_plane.token, token))
    with connected(path, installation) as weak:
        events = Events()
        weak.watch([CONFIG_MAP], events)
        (lost,) = events.wait(lambda e: isinstance(e, Lost))
        assert (lost.kind, lost.error.reason) == (CONFIG_MAP, "forbidden")
        assert "no right to list configmaps cluster-wide" in lost.error.message
        kubectl(
            "create", "clusterrolebinding", namespace, "--clusterrole=view",
            f"--serviceaccount={namespace}:weak",
        )  # fmt: skip
        try:

            def granted():
                weak.watch([CONFIG_MAP], events)
                return any(isinstance(e, Listed) for e in events.all)

            while not granted():
                threading.Event().wait(0.1)
        finally:
            kubectl("delete", "clusterrolebinding", namespace)


def test_a_listener_may_close_the_connection(control_plane, installation):
    done = threading.Event()
    with connected(control_plane.kubeconfig, installation) as cluster:

        def closing(_event):
            cluster.close()
            done.set()

        cluster.watch([CONFIG_MAP], closing)
        assert done.wait(WAIT_S)
