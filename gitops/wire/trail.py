"""Trail records as JSON: a line of `gitops audit export`, and the text that a link is made of."""

from collections.abc import Mapping
from typing import Any

from gitops.model.revision import RecordKind, TrailRecord
from gitops.wire.values import JsonObject, canonical, time_from_wire, time_to_wire


def record_to_wire(record: TrailRecord) -> JsonObject:
    """`{sequence, at, kind, application, revision, actor, payload, previous, mac}`."""
    return {
        "sequence": record.sequence,
        "at": time_to_wire(record.at),
        "kind": record.kind.value,
        "application": record.application,
        "revision": record.revision,
        "actor": record.actor,
        "payload": dict(record.payload),
        "previous": record.previous,
        "mac": record.mac,
    }


def record_from_wire(value: Mapping[str, Any]) -> TrailRecord:
    """The record that `record_to_wire` wrote."""
    return TrailRecord(
        sequence=value["sequence"],
        at=time_from_wire(value["at"]),
        kind=RecordKind(value["kind"]),
        application=value["application"],
        revision=value["revision"],
        actor=value["actor"],
        payload=value["payload"],
        previous=value["previous"],
        mac=value["mac"],
    )


def sealed_text(record: TrailRecord) -> bytes:
    """What the record's mac is made over: the canonical JSON of every other field."""
    value = record_to_wire(record)
    del value["mac"]
    return canonical(value)
