"""Rules of masks in a running service: where they are wrong, and after their application."""

import json

from gitops.engine.declaring.declaring import understand
from gitops.engine.declaring.deleting import DeleteOptions
from gitops.model.revision import RecordKind
from gitops.ports import TrailQuery
from tests.helpers.service import config_map
from tests.helpers.walk import Walk

VALUE, OTHER = "ruled-value", "ruled-other"
RULE = {"kind": "ConfigMap", "name": "words", "jsonPointers": ["/data/word"]}
OWN = (
    "apiVersion: v1\nkind: ConfigMap\n"
    'metadata: {name: words, annotations: {gitops.dev/mask-paths: "%s"}}\ndata: {word: %s}\n'
)


def history(walk: Walk, number: int) -> str:
    """All that is told and kept of a revision."""
    reading = walk.service.reading
    manifests = [dict(m.body) for m in reading.manifests("demo", number)]
    plan, revision = reading.stored_plan("demo", number), reading.revision("demo", number)
    return f"{json.dumps(manifests)}{plan!r}{revision}{walk.world.story()}"


def test_a_change_under_a_rule_shows_as_one_without_its_values(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word=VALUE))
    walk.world.declare(maskRules=[RULE])
    walk.settled("demo")
    walk.world.push("app/words.yaml", config_map(word=OTHER))
    walk.poll()
    walk.world.closed("demo", 2)

    (found,) = walk.service.reading.diff("demo", 1, 2)

    (field,) = found.fields
    assert field.path == "/data/word"
    assert field.before != field.after
    told = f"{found}{history(walk, 1)}{history(walk, 2)}"
    assert not [value for value in (VALUE, OTHER) if value in told]
    assert walk.get("configmap/words", ".data.word") == OTHER


def test_a_rule_that_cannot_be_read_is_a_fault_that_shows_nothing(walk: Walk) -> None:
    walk.world.push("app/words.yaml", OWN % ("{jsonPointers: /data/word}", VALUE))
    walk.world.declare()

    failed = walk.world.closed("demo", 1)

    assert "the annotation gitops.dev/mask-paths holds something that is no list" in failed.message
    assert "words.yaml" in failed.message
    assert VALUE not in history(walk, 1)
    assert not walk.exists("configmap/words")
    walk.world.push("app/words.yaml", OWN % ("{jsonPointers: [/data/word]}", VALUE))
    walk.poll()
    walk.settled("demo")
    assert VALUE not in history(walk, 2)


def test_a_jq_expression_that_cannot_be_read_is_a_fault_too(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word=VALUE))
    walk.world.declare(maskRules=[{"kind": "ConfigMap", "jqPathExpressions": [".data["]}])

    failed = walk.world.closed("demo", 1)

    assert "the jq expression '.data['" in failed.message
    assert VALUE not in history(walk, 1)


def test_the_history_of_an_application_that_is_gone_stays_masked(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word=VALUE))
    walk.world.declare(maskRules=[RULE])
    walk.settled("demo")
    walk.delete("demo", DeleteOptions("orphan"))

    kept = TrailQuery(application="demo", kind=RecordKind.MASK_RULES)

    assert walk.service.parts.registry.find("demo") is None
    assert len(list(walk.service.reading.trail(kept))) == 1
    assert VALUE not in history(walk, 1)


def test_a_plan_of_another_declaration_lifts_no_rule(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word=VALUE))
    walk.world.declare(maskRules=[RULE], syncPolicy={"automated": {"enabled": False}})
    walk.world.sync()
    walk.world.push("app/words.yaml", config_map(word=OTHER))
    (bare,) = walk.service.declarer.read(walk.world.application(), "plan.yaml")

    plan = walk.service.reading.plan_of(understand(bare)[0]).masked

    assert "/data/word" in repr(plan)
    assert not [value for value in (VALUE, OTHER) if value in repr(plan)]


def test_after_a_restart_nothing_has_to_be_compared_before_texts_are_masked(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map(word=VALUE))
    walk.world.declare(maskRules=[RULE], syncPolicy={"automated": {"enabled": False}})
    walk.world.sync()
    walk.world.restart()

    walk.service.events.publish("demo", "problem", f"refused: {VALUE}")

    assert walk.told("demo", "problem") == ["refused: ••••"]
