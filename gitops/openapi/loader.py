"""The packaged shapes of Kubernetes' built-in kinds, for the commands that need no cluster.

In: `builtin.json.gz`, made by `gitops.openapi.reduce`. Out: `Shapes`. Called by the command line
and wiring; read once a process.
"""

import functools
import gzip
import importlib.resources

import orjson

from gitops.core.schema.resources import kinds_of_rows
from gitops.core.schema.schema import Natives
from gitops.core.schema.shapes import Shapes


@functools.cache
def load_builtin() -> Shapes:
    """Shapes of every built-in kind of the pinned Kubernetes version."""
    packed = importlib.resources.files("gitops.openapi").joinpath("builtin.json.gz").read_bytes()
    data = orjson.loads(gzip.decompress(packed))
    return Shapes.from_openapi(
        data["definitions"],
        kinds_of_rows(data["kinds"]),
        Natives(data["omitsZero"], data["defaulted"]),
    )
