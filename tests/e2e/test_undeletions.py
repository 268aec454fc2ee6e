"""What a sync or a deletion took away is kept as it lived, and comes back when asked for."""

from gitops.model.revision import Revision
from tests.helpers.service import World, config_map
from tests.helpers.walk import Walk

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: keys
stringData:
  password: a-planted-password
"""


def copies(world: World, revision: Revision) -> dict[str, dict]:
    """The live copies that a revision kept, by name."""
    found = world.service.parts.loader.documents.load(revision.live or "")
    return {copy.id.name: dict(copy.body) for copy in found}


def test_a_prune_keeps_live_copies_encrypted(walk: Walk) -> None:
    walk.world.repo.write("app/keys.yaml", SECRET)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    assert walk.settled("demo").revision == 1
    walk.kubectl("-n", walk.namespace, "annotate", "secret", "keys", "example.com/by=hand")
    walk.world.repo.remove("app/keys.yaml")
    kept = walk.publish("demo", "Remove the keys")
    assert walk.service.reading.revision("demo", 1).live is None
    [copy] = copies(walk.world, kept).values()
    assert copy["data"] == {"password": "YS1wbGFudGVkLXBhc3N3b3Jk"}
    assert copy["metadata"]["annotations"]["example.com/by"] == "hand"
    walk.world.running.stop()
    database = (walk.world.settings.state_dir / "gitops.db").read_bytes()
    assert b"YS1wbGFudGVkLXBhc3N3b3Jk" not in database
    assert b"a-planted-password" not in database
