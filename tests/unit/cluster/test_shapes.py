import asyncio
from types import SimpleNamespace

from gitops.cluster.discovery import LAG_S, Discovery
from gitops.cluster.shapes import ShapeReader

WIDGET, GADGET = "Widget", "Gadget"


class Server:
    """An API server whose discovery knows two kinds, and whose schemas lag behind as they like."""

    def __init__(self, *documented):
        self.documented = documented
        self.indexes = 0

    async def call(self, call):
        return SimpleNamespace(json=lambda: self.answer(call.path))

    def answer(self, path):
        if path in ("/api", "/apis"):
            versions = [{"version": "v1", "resources": [resource(WIDGET), resource(GADGET)]}]
            groups = [{"metadata": {"name": "a.b"}, "versions": versions}]
            return {"kind": "APIGroupDiscoveryList", "items": groups if path == "/apis" else []}
        if path == "/openapi/v3":
            self.indexes += 1
            url = f"/document?hash={'-'.join(self.documented)}"
            return {"paths": {"apis/a.b/v1": {"serverRelativeURL": url}} if url[-1] != "=" else {}}
        return {"components": {"schemas": {kind: schema(kind) for kind in self.documented}}}


def resource(kind):
    return {
        "resource": kind.lower(),
        "responseKind": {"kind": kind},
        "scope": "Namespaced",
        "verbs": ["get"],
    }


def schema(kind):
    named = {"group": "a.b", "version": "v1", "kind": kind}
    return {"type": "object", "x-kubernetes-group-version-kind": [named]}


class Loop(asyncio.SelectorEventLoop):
    """Its time is what a test says."""

    now = 1000.0

    def time(self):
        return self.now


class Client:
    """Shapes of one server, asked at the times that a test chooses."""

    def __init__(self, server):
        self.loop = Loop()
        self.discovery = Discovery(server)
        self.reader = ShapeReader(server, self.discovery)

    def knows(self, kind):
        shapes = self.loop.run_until_complete(self.reader.shapes(["a.b/v1", "gone/v1"]))
        return shapes.kind("a.b/v1", kind) is not None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.close()


def test_a_kind_that_discovery_has_and_the_index_lacks_is_asked_for_again():
    server = Server()
    with Client(server) as client:
        assert not client.knows(WIDGET)
        server.documented = (WIDGET, GADGET)
        assert client.knows(WIDGET)
        assert server.indexes == 2
        assert client.knows(GADGET)
        assert server.indexes == 2


def test_a_kind_that_its_document_lacks_is_asked_for_again():
    server = Server(WIDGET)
    with Client(server) as client:
        assert client.knows(WIDGET)
        assert not client.knows(GADGET)
        server.documented = (WIDGET, GADGET)
        assert client.knows(GADGET)


def test_what_was_missed_is_asked_for_once_after_the_documents_have_settled():
    server = Server()
    with Client(server) as client:
        assert not client.knows(WIDGET)
        client.loop.now += 60 * LAG_S
        server.documented = (WIDGET, GADGET)
        assert client.knows(WIDGET)
        assert server.indexes == 2


def test_a_kind_that_never_gets_a_schema_is_not_asked_for_for_ever():
    server = Server(WIDGET)
    with Client(server) as client:
        assert not client.knows(GADGET)
        client.loop.now += LAG_S
        for _ in range(3):
            assert not client.knows(GADGET)
        assert server.indexes == 2


def test_a_crd_that_we_wrote_is_asked_for_once_after_the_documents_have_settled():
    server = Server(WIDGET, GADGET)
    with Client(server) as client:
        assert client.knows(WIDGET)
        client.loop.run_until_complete(written(client.discovery))
        assert client.knows(WIDGET)
        client.loop.now += 60 * LAG_S
        for _ in range(3):
            assert client.knows(WIDGET)
        assert server.indexes == 3


async def written(discovery):
    names = {"kind": WIDGET, "plural": "widget"}
    discovery.learn(
        {"spec": {"group": "a.b", "names": names, "versions": [{"name": "v1", "served": True}]}}
    )
