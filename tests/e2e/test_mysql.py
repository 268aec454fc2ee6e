"""The walk through `mysql`: an update, and a password that moves into a Secret and never shows."""

import base64
from pathlib import Path

import orjson

from gitops.ports import TrailQuery
from gitops.wire.plan import plan_to_wire
from gitops.wire.revision import revision_to_wire
from tests.helpers.service import BY_HAND as BY
from tests.helpers.walk import Walk, changes

RC = "mysql/replicationcontroller.yaml"
PASSWORD = "example-root-password"
NEW = "tr0ub4dor-and-three"

IN_CLEAR = f"""\
            - name: MYSQL_ROOT_PASSWORD
              value: {PASSWORD}
"""
FROM_SECRET = """\
            - name: MYSQL_ROOT_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: mysql
                  key: root-password
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: mysql
stringData:
  root-password: {password}
"""


def everything_told(walk: Walk) -> str:
    """All that people can see of the application: history, differences, events, the trail."""
    reading = walk.service.reading
    told: list[object] = [(e.message, dict(e.data)) for e in walk.world.events]
    numbers = [r.number for r in reading.revisions("mysql")]
    for number in numbers:
        told += [revision_to_wire(reading.revision("mysql", number))]
        told += [(reading.stored_plan("mysql", number) or b"").decode()]
        told += [dict(m.body) for m in reading.manifests("mysql", number)]
    told += [repr(reading.diff("mysql", old, new)) for old in numbers for new in numbers]
    told += [record.payload for record in reading.trail(TrailQuery())]
    return repr(told)


def test_an_update_is_named_by_its_versions(walk: Walk) -> None:
    walk.take("mysql")
    second = walk.change("mysql", RC, "image: mysql:5.6", "image: mysql:5.7", "Update MySQL")
    assert changes(second) == ["image mysql 5.6→5.7"]
    assert second.healthy


def test_a_password_moved_into_a_secret_never_shows(walk: Walk, tmp_path: Path) -> None:
    walk.take("mysql")
    walk.edit(RC, IN_CLEAR, FROM_SECRET)
    walk.path("mysql/secret.yaml").write_text(SECRET.format(password=PASSWORD))
    plans: list[object] = []
    walk.push("Move the password into a Secret")
    walk.service.poll(walk.world.repo.url)
    second = walk.world.closed("mysql", 2)
    assert second.healthy
    (variable,) = walk.live("rc/mysql")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"]["name"] == "mysql"
    walk.service.suspend("mysql", BY, suspended=True)
    walk.edit("mysql/secret.yaml", PASSWORD, NEW)
    walk.push("A new password")
    walk.service.refresh("mysql", BY)
    walk.at_rest("mysql")
    plan = walk.service.reading.plan("mysql")
    assert [str(a.kind) for a in plan.masked.pending] == ["configure"]
    plans += [orjson.dumps(plan_to_wire(plan.masked)).decode()]
    walk.service.suspend("mysql", BY, suspended=False)
    third = walk.world.closed("mysql", 3)
    assert third.healthy
    assert base64.b64decode(walk.get("secret/mysql", ".data.root-password")).decode() == NEW
    told = everything_told(walk) + repr(plans)
    kept = b"".join(p.read_bytes() for p in (tmp_path / "state").glob("*") if p.is_file())
    for secret in (PASSWORD, NEW):
        for text in (secret, base64.b64encode(secret.encode()).decode()):
            assert text not in told
            assert text.encode() not in kept
