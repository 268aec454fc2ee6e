"""What remote commands print for people: applications, plans, revisions, records, from their JSON.

In: values as the API answers them. Out: text with colours, which click drops where there is no
terminal.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

from gitops.cli.difference import CHANGED, SIGNS, field_lines
from gitops.cli.output import coloured, columns
from gitops.model.diff import ActionKind
from gitops.model.plan import BEFORE_ALL, Action
from gitops.wire.plan import action_from_wire

JsonObject = Mapping[str, Any]

NONE: Final = "-"
_WIDE: Final = 72
_JUDGED: Final = re.compile(r"^\S+ \S+ was [A-Z][a-z]+(?: when its deadline passed)?: ")
"""How the engine begins to tell that an object was not healthy."""


def clip(text: str, width: int = _WIDE) -> str:
    """One line of text, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def short(sha: str | None) -> str:
    """A commit's first eight digits."""
    return sha[:8] if sha else NONE


def moment(text: str | None) -> str:
    """`2026-03-01 09:30:00` in UTC."""
    return text[:19].replace("T", " ") if text else NONE


def title(value: JsonObject) -> str:
    """How a person names an object: `Deployment nohi/myblog`."""
    namespace = value["namespace"]
    return f"{value['kind']} {namespace}/{value['name']}" if namespace else _bare(value)


def _bare(value: JsonObject) -> str:
    return f"{value['kind']} {value['name']}"


# --- applications ---------------------------------------------------------------------------------


def application_table(statuses: Sequence[JsonObject]) -> str:
    """`gitops list`."""
    if not statuses:
        return "no applications; `gitops create -f FILE` registers one"
    rows = [
        [
            status["name"],
            coloured(status["sync"]),
            coloured(status["health"]["status"] or NONE),
            str(status["revision"] or NONE),
            short(status["commit"] and status["commit"]["sha"]),
            clip(_remark(status)),
        ]
        for status in statuses
    ]
    return columns(("name", "sync", "health", "revision", "commit", "message"), rows)


def _remark(status: JsonObject) -> str:
    parts = ["suspended"] if status["suspended"] else []
    if status["message"]:
        parts.append(status["message"])
    return ", ".join(parts)


def status_page(status: JsonObject) -> str:
    """`gitops status APP`."""
    facts = facts_page(_facts(status))
    rows = [
        [
            each["kind"],
            each["namespace"] or NONE,
            each["name"],
            coloured(each["sync"]),
            coloured(each["health"]["status"] or NONE),
            clip(each["message"] or each["health"]["message"]),
        ]
        for each in status.get("objects", ())
    ]
    if not rows:
        return facts
    header = ("kind", "namespace", "name", "sync", "health", "message")
    return f"{facts}\n\n{columns(header, rows)}"


def facts_page(facts: Iterable[tuple[str, str]], width: int = 14) -> str:
    """A line for each fact that has a text, all texts below each other."""
    return "\n".join(
        click.style(f"{name}:", bold=True) + " " * (width - len(name)) + text
        for name, text in facts
        if text
    )


def _windows(windows: JsonObject | None) -> str:
    """`closed until 2026-03-01 06:00, but by hand`; "" where there are none."""
    if windows is None:
        return ""
    until = f" until {moment(windows['until'])}" if windows["until"] else ""
    by_hand = ", but for syncs by hand" if windows["manualSync"] and not windows["open"] else ""
    return f"{'open' if windows['open'] else 'closed'}{until}{by_hand}"


def _facts(status: JsonObject) -> Iterator[tuple[str, str]]:
    health, commit, pin = status["health"], status["commit"], status["pin"]
    yield "Application", status["name"]
    sources = [f"{s['repoURL']} {s['path']} ({s['targetRevision']})" for s in status["sources"]]
    yield "Source", ", ".join(sources)
    place = status["destination"]
    yield "Destination", f"{place['name']} {place['namespace'] or ''}".strip()
    yield "Declared in", status["origin"]["where"]
    yield "Sync", _explained(coloured(status["sync"]), status["message"])
    yield "Health", _explained(coloured(health["status"] or NONE), health["message"])
    yield "Revision", str(status["revision"] or NONE)
    yield "Commit", _commit(commit)
    if pin:
        yield (
            "Pinned to",
            f"revision {pin['revision']} by {pin['actor']}"
            + (f": {pin['reason']}" if pin["reason"] else ""),
        )
    if status["heldBack"]:
        yield "Held back", _commit(status["heldBack"])
    yield "Suspended", "yes: no automatic syncs" if status["suspended"] else ""
    yield "Sync windows", _windows(status.get("syncWindows"))
    yield "Waits for", ", ".join(status["waitingFor"])
    yield "Warnings", "; ".join(status["warnings"])
    yield "Working", "yes" if status["busy"] else ""


def _explained(word: str, why: str) -> str:
    return f"{word} ({why})" if why else word


def _commit(commit: JsonObject | None) -> str:
    if commit is None:
        return NONE
    subject = clip(commit["message"].split("\n", 1)[0])
    return f"{short(commit['sha'])} {subject} ({commit['author']})"


# --- plans ----------------------------------------------------------------------------------------


def plan_page(plan: JsonObject) -> str:
    """`gitops plan`: what would be done in which order, why, and what is held."""
    lines = [*_faults(plan), *_warnings(plan)]
    actions = [action_from_wire(value) for value in plan["actions"]]
    where = ("", 0)
    several = len({(a.phase, a.wave) for a in actions if a.kind is not ActionKind.NONE}) > 1
    for action in actions:
        if action.kind is ActionKind.NONE:
            continue
        if several and where != (action.phase.title, action.wave):
            where = (action.phase.title, action.wave)
            wave = "before all waves" if where[1] == BEFORE_ALL else f"wave {where[1]}"
            lines.append(click.style(f"{where[0]}, {wave}", dim=True))
        lines += action_lines(action)
    if plan.get("held"):
        lines += [f"{click.style('held:', fg='yellow')} {plan['held']}", ""]
    return "\n".join([*lines, _total(plan, actions)])


def deletion_page(plan: JsonObject) -> str:
    """`gitops delete APP --dry-run`: what would go, in this order, then what would stay and why."""
    actions = [action_from_wire(value) for value in plan["actions"]]
    going = [action for action in actions if action.kind is not ActionKind.NONE]
    kept = [action for action in actions if action.kind is ActionKind.NONE]
    lines = [*_faults(plan), *_warnings(plan)]
    lines += [line for action in going for line in action_lines(action) if line]
    for action in kept:
        name = click.style(f"= keep {action.id.title}", bold=True)
        lines.append(name + click.style(f"   {action.reason}", dim=True))
    if plan.get("held"):
        lines.append(f"{click.style('held:', fg='yellow')} {plan['held']}")
    deletes = sum(action.kind is ActionKind.DELETE for action in going)
    total = f"{plan['application']}: {deletes} to delete, {len(kept)} kept."
    return "\n".join([*lines, "", total] if lines else [total])


def action_lines(action: Action) -> Iterator[str]:
    """One action: what, to which object, why; then its fields."""
    sign, colour = SIGNS.get(action.kind, CHANGED)
    name = click.style(f"{sign} {action.kind} {action.id.title}", fg=colour, bold=True)
    changes = action.diff.changes if action.diff and action.kind not in SIGNS else ()
    told = ", ".join([*changes, *([action.reason] if action.reason else [])])
    yield name + (click.style(f"   {told}", dim=True) if told else "")
    if action.held:
        yield f"    {click.style('held:', fg='yellow')} {action.held}"
    for field in action.diff.fields if action.diff else ():
        yield from field_lines(field)
    yield ""


def _faults(plan: JsonObject) -> Iterator[str]:
    for fault in plan["faults"]:
        place = f"{fault['path']}:{fault['line']}: " if fault["path"] else ""
        named = f"{title(fault['object'])}: " if fault["object"] else ""
        yield f"{click.style('fault:', fg='red')} {place}{named}{fault['message']}"
    if plan["faults"]:
        yield ""


def _warnings(plan: JsonObject) -> Iterator[str]:
    for warning in plan["warnings"]:
        yield f"{click.style('warning:', fg='yellow')} {warning}"
    if plan["warnings"]:
        yield ""


def _total(plan: JsonObject, actions: Sequence[Action]) -> str:
    counts: dict[str, int] = {}
    for action in actions:
        counts[action.kind.value] = counts.get(action.kind.value, 0) + 1
    same = counts.pop(ActionKind.NONE.value, 0)
    parts = [f"{count} to {kind}" for kind, count in counts.items()]
    at = f" at {short(plan['commit'])}" if plan["commit"] else ""
    if not parts:
        return f"{plan['application']}{at}: nothing to do, {same} unchanged."
    return f"{plan['application']}{at}: {', '.join([*parts, f'{same} unchanged'])}."


# --- revisions ------------------------------------------------------------------------------------


def history_table(rows: Sequence[JsonObject]) -> str:
    """`gitops history`."""
    if not rows:
        return "no revisions yet"
    header = ("revision", "kind", "state", "health", "trigger", "actor", "commit", "started",
              "message")  # fmt: skip
    return columns(
        header,
        [
            [
                str(row["number"]),
                _kind(row),
                coloured(row["state"]),
                coloured(row["health"] or NONE),
                row["trigger"],
                clip(row["actor"], 24),
                short(row["commit"]),
                moment(row["startedAt"]),
                clip(_reason(row["message"]) or row["subject"] or "", 48),
            ]
            for row in rows
        ],
    )


def _reason(message: str) -> str:
    """Of a message about an object's health, the one reason that explains; any other as it is.

    It stands in brackets at the end, where pods and events gave one; else after the health.
    """
    judged = _JUDGED.search(message)
    if judged is None:
        return message
    detail, depth = message[judged.end() :], 0
    for at in range(len(detail) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(detail[at], 0)
        if depth == 0:
            return detail[at + 1 : -1] if detail.endswith(")") else detail
    return detail


def _kind(row: JsonObject) -> str:
    kind = str(row["kind"])
    if row["source"]:
        kind += f" {'of' if kind == 'undelete' else 'to'} {row['source']}"
    if row["partial"]:
        kind += f" ({_chosen(row) or 'partial'})"
    if row["count"] > 1:
        kind += f", {row['count']} times"
    return kind


def _chosen(row: JsonObject) -> str:
    """Of what a revision was for, where somebody chose, as few words; else ""."""
    words = _words(row)
    return clip(f"only {', '.join(words)}", 48) if words else ""


def _words(row: JsonObject) -> list[str]:
    """What somebody chose of an application."""
    selection = row.get("selection")
    return [*selection["resources"], *selection["labels"]] if selection else []


def revision_page(revision: JsonObject, plan: JsonObject | None) -> str:
    """`gitops show APP REV`: who, what, why, how it ended, and the plan that it carried out."""
    rows = [
        [
            title(each),
            each["action"],
            coloured(each["outcome"]),
            clip(_became(each)),
        ]
        for each in revision["outcomes"]
    ]
    parts = [facts_page(_revision_facts(revision))]
    if rows:
        parts.append(columns(("object", "action", "outcome", "message"), rows))
    if plan is not None and any(action["fields"] for action in plan["actions"]):
        parts.append(plan_page(plan))
    return "\n\n".join(parts)


def _became(outcome: JsonObject) -> str:
    """What changed, where the action's name does not say it, and what went wrong."""
    changes = [change for change in outcome["changes"] if change != outcome["action"]]
    return ", ".join([*changes, *([outcome["message"]] if outcome["message"] else [])])


def _revision_facts(revision: JsonObject) -> Iterator[tuple[str, str]]:
    yield "Revision", f"{revision['number']} of {revision['application']}"
    yield "Kind", _kind(revision)
    yield "Chosen", ", ".join(_words(revision))
    yield "State", _explained(coloured(revision["state"]), revision["message"])
    yield "Health", coloured(revision["health"]) if revision["health"] else ""
    yield "Trigger", f"{revision['trigger']} by {revision['actor']}"
    yield "Evidence", revision["evidence"]
    yield "Commit", _commit(revision["commitDetails"]) if revision["commitDetails"] else ""
    yield "Digest", revision["digest"] or ""
    yield "Started", moment(revision["startedAt"])
    yield "Finished", moment(revision["finishedAt"])
    yield "Attempts", str(revision["attempts"]) if revision["attempts"] > 1 else ""


def record_table(records: Sequence[JsonObject]) -> str:
    """`gitops audit list`."""
    if not records:
        return "no records match"
    rows = [
        [
            str(record["sequence"]),
            moment(record["at"]),
            record["kind"],
            record["application"] or NONE,
            str(record["revision"] or NONE),
            clip(record["actor"], 32),
            clip(_told(record)),
        ]
        for record in records
    ]
    header = ("sequence", "time", "kind", "application", "revision", "actor", "what")
    return columns(header, rows)


def _told(record: JsonObject) -> str:
    payload = record["payload"]
    revision = payload.get("revision")
    outcomes = [f"{title(o)} {o['outcome']}" for o in payload.get("outcomes", ())]
    if record["kind"] == "outcomes":
        return ", ".join(outcomes)
    if isinstance(revision, Mapping):
        ended = record["kind"] == "revision-closed"
        chosen = _chosen(revision)
        opened = str(revision["trigger"]) + (f", {chosen}" if chosen else "")
        text = str(revision["message"]) if ended else opened
        return f"{revision['state']}: {text}" if ended and text else str(text or revision["state"])
    if record["kind"] == "refused":
        return f"{payload.get('what')}: {payload.get('message')}"
    return ", ".join(f"{key}: {value}" for key, value in payload.items() if value)


def event_line(event: JsonObject, *, named: bool = False) -> str:
    """One line of `gitops events`."""
    at = click.style(event["at"][11:19], dim=True)
    name = f"{event['application']}  " if named else ""
    state = event["data"].get("state") or event["data"].get("outcome") or ""
    kind = click.style(event["kind"], fg=_EVENT_COLOURS.get(str(state) or event["kind"]))
    return f"{at}  {name}{kind}  {clip(event['message'], 160)}"


_EVENT_COLOURS: Final = {
    "succeeded": "green", "failed": "red", "held": "yellow", "problem": "red", "defect": "red",
    "contested": "yellow", "rollback-failed": "red", "deleted": "red", "created": "green",
}  # fmt: skip
