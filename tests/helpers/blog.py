"""`myblog` of the examples in a namespace of its own, for services that are killed."""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self

from gitops import wiring
from gitops.controlplane.processes import ControlPlane
from gitops.core.ownership.marks import HOOK_ANNOTATION
from gitops.errors import ControlPlaneError
from gitops.settings.load import Settings
from tests.helpers.killable import Kill, Killable
from tests.helpers.repo import Repo
from tests.helpers.service import World

EXAMPLES = Path(__file__).parents[2] / "examples-repo" / "myblog"
NAME = "myblog"
STRANGE = "c3RyYW5nZQ=="
"""What nobody wants; base64, so that a Secret can hold it."""

APPLICATION = """\
apiVersion: gitops.dev/v1alpha1
kind: Application
metadata:
  name: myblog
spec:
  source: {{repoURL: "{url}", targetRevision: main, path: .}}
  destination: {{name: in-cluster, namespace: {namespace}}}
  syncPolicy:
    healthDeadline: 60s
"""

TITLES = (
    "Namespace/", "ConfigMap/myblog", "Secret/myblog", "Deployment/mysql", "Deployment/myblog",
    "Service/mysql", "Service/myblog", "Service/myblog-np", "Ingress/myblog", "Ingress/myblog-tls",
)  # fmt: skip
"""What it owns; the Job besides is a hook's and nobody's. The namespace is named at run time."""
OBJECTS = Counter(title.partition("/")[0] for title in TITLES)
JOB = "Job/myblog-migrate"

PATHS = {
    "Namespace": "/api/v1/namespaces/{namespace}",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "Secret": "/api/v1/namespaces/{namespace}/secrets/{name}",
    "Service": "/api/v1/namespaces/{namespace}/services/{name}",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}",
    "Job": "/apis/batch/v1/namespaces/{namespace}/jobs/{name}",
}


@dataclass
class Blog:
    """One deployment of it: repository, settings and state of its service."""

    plane: ControlPlane
    folder: Path
    namespace: str
    repo: Repo
    settings: Settings
    runs: int = 0
    events: list[Any] = field(default_factory=list)
    application: ClassVar[str] = APPLICATION

    @classmethod
    def create(cls, plane: ControlPlane, folder: Path) -> Self:
        """Push its first version; no service runs yet."""
        folder.mkdir(parents=True)
        namespace = f"blog-{uuid.uuid4().hex[:8]}"
        repo = Repo.create(folder / "git")
        declared = folder / "application.yaml"
        declared.write_text(cls.application.format(url=repo.url, namespace=namespace))
        settings = Settings(
            state_dir=folder / "state",
            applications=(declared,),
            cluster={"kubeconfig": plane.kubeconfig},  # type: ignore[arg-type]  # as a file has it
            git={"poll_interval": timedelta(0)},  # type: ignore[arg-type]  # as a file has it
            sync={"workers": 4},  # type: ignore[arg-type]  # as a file has it
        )
        blog = cls(plane, folder, namespace, repo, settings)
        blog.push("v1")
        return blog

    def push(self, tag: str) -> str:
        """Push the blog with another image."""
        for file in sorted(EXAMPLES.glob("*.yaml")):
            text = re.sub(r".*hostNetwork: true.*\n", "", file.read_text())
            text = text.replace("nohi", self.namespace).replace("/myblog:v1", f"/myblog:{tag}")
            self.repo.write(file.name, text)
        sha = self.repo.commit(f"Blog {tag}")
        self.repo.push()
        return sha

    def run(self, kill: Kill, ask: str = "") -> Killable:
        """Start its service in a process of its own."""
        self.runs += 1
        return Killable.run(self.settings, self.folder / f"writes-{self.runs}", kill, ask)

    @contextmanager
    def service(self) -> Iterator[World]:
        """Start its service in this process, on the same state."""
        running = wiring.build(self.settings)
        world = World(self.plane, self.repo, self.namespace, self.settings, running)
        running.service.events.listen(world.events.append)
        try:
            running.start()
            yield world
        finally:
            running.stop()

    def path(self, title: str) -> str:
        """Where the API serves `Kind/name`."""
        kind, _, name = title.partition("/")
        return PATHS[kind].format(namespace=self.namespace, name=name)

    def get(self, title: str) -> dict[str, Any] | None:
        """One object by `Kind/name`, or None."""
        try:
            return self.plane.call("GET", self.path(title))
        except ControlPlaneError:
            return None

    def uids(self) -> dict[str, str]:
        """What is there, by `Kind/name`; the migration by the desired state that it ran for."""
        found = {}
        for title in (*TITLES, JOB):
            body = self.get(title)
            if body is None:
                continue
            kind, metadata = title.partition("/")[0], body["metadata"]
            run = (metadata.get("annotations") or {}).get(HOOK_ANNOTATION, "")
            found[f"{kind}/{metadata['name']}{run and '@' + run}"] = metadata["uid"]
        return found

    def drift(self, titles: Iterable[str]) -> None:
        """Change what Deployments run and Configs hold by hand, and delete Services."""
        for title in titles:
            path, body = self.path(title), self.get(title)
            assert body is not None
            if title.startswith("Service/"):
                self.plane.call("DELETE", path)
                continue
            if title.startswith("Deployment/"):
                body["spec"]["template"]["spec"]["containers"][0]["image"] = STRANGE
            else:
                body["data"] = dict.fromkeys(body["data"], STRANGE)
            self.plane.call("PUT", path, body)

    def drifted(self) -> list[str]:
        """What still is as `drift` left it."""
        bodies = {title: self.get(title) for title in TITLES}
        return [t for t, body in bodies.items() if body is None or STRANGE in str(spec_of(body))]

    def image(self) -> str:
        """The tag that the blog runs."""
        body = self.get("Deployment/myblog")
        assert body is not None
        return str(body["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]

    def remove(self) -> None:
        """Delete the namespace, in its own time."""
        self.plane.call("DELETE", f"/api/v1/namespaces/{self.namespace}")


def spec_of(body: dict[str, Any]) -> list[Any]:
    """What people state in an object."""
    return [body.get("spec"), body.get("data")]
