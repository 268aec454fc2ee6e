"""An application that goes back by itself, for services that are killed while it does.

Each bad version changes its ConfigMap and adds a Job that fails, so that going back is an apply and
a deletion.
"""

from typing import ClassVar

from tests.helpers.blog import Blog
from tests.helpers.service import config_map

NAME = "careful"

APPLICATION = """\
apiVersion: gitops.dev/v1alpha1
kind: Application
metadata:
  name: careful
spec:
  source: {{repoURL: "{url}", targetRevision: main, path: .}}
  destination: {{name: in-cluster, namespace: {namespace}}}
  syncPolicy:
    healthDeadline: 60s
    rollback: {{automatic: true}}
"""

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"

JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {{name: check-{word}}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: check, image: "registry.example/check:v1-fail"}}]
"""


class Careful(Blog):
    """One deployment of it; `push("v1")` is good, every other word is a bad version."""

    application: ClassVar[str] = APPLICATION

    def push(self, tag: str) -> str:
        """Push a version."""
        self.repo.write("namespace.yaml", NAMESPACE.format(name=self.namespace))
        self.repo.write("words.yaml", config_map(word=tag))
        if tag != "v1":
            self.repo.write("check.yaml", JOB.format(word=tag))
        sha = self.repo.commit(f"Careful {tag}")
        self.repo.push()
        return sha

    def word(self) -> str:
        """The version that stands in the cluster."""
        found = self.get("ConfigMap/words")
        assert found is not None
        return str(found["data"]["word"])

    def uids(self) -> dict[str, str]:
        """What is there of the good version, by `Kind/name`."""
        found = {title: self.get(title) for title in ("Namespace/", "ConfigMap/words")}
        return {title: body["metadata"]["uid"] for title, body in found.items() if body}
