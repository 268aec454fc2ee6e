"""`gitops drift APP`: what of an application was changed by hand, now and before."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitops.cli.client import app_path, connect
from gitops.cli.output import columns, emit, output_option
from gitops.cli.server import server_option
from gitops.cli.tables import NONE, clip, moment
from gitops.model.objects import ObjectId, split_api_version

GONE = "it is gone"


@click.command("drift", short_help="what was changed by hand, by whom and since when")
@click.argument("application")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True,
              help="Only the newest so many.")  # fmt: skip
@server_option
@output_option
def drift_command(application: str, output: str, limit: int) -> None:
    """List what drifted, newest first: which fields, by which manager, since when.

    What still stands as somebody left it says so; the rest was repaired.
    """
    client = connect()
    status = client.get(app_path(application))
    records = client.get("/audit", application=application, kind="drift", limit=limit)
    rows = rows_of(records, status["objects"])
    emit(rows, output, lambda: drift_table(rows))


def rows_of(
    records: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of records, newest first; of an object that is out of sync the newest one stands."""
    out = {_identity(one) for one in objects if one["sync"] == "OutOfSync"}
    rows = []
    for record in records:
        payload = record["payload"]
        stands = payload["object"] in out
        out.discard(payload["object"])
        keys = ("object", "fields", "managers", "since")
        told = {key: payload[key] for key in keys}
        rows.append({"at": record["at"], **told, "revision": record["revision"], "stands": stands})
    return rows


def _identity(one: Mapping[str, Any]) -> str:
    group = split_api_version(one["apiVersion"])[0]
    return str(ObjectId(group, one["kind"], one["namespace"] or "", one["name"]))


def drift_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """`gitops drift`."""
    if not rows:
        return "nothing has drifted"
    cells = [
        [
            moment(row["at"]),
            row["object"],
            clip(", ".join(row["fields"]) or GONE),
            ", ".join(row["managers"]) or NONE,
            row["since"] or NONE,
            "stands" if row["stands"] else "repaired",
        ]
        for row in rows
    ]
    return columns(("seen", "object", "fields", "by", "since", "now"), cells)
