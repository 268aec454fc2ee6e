# ruff: noqa: E501 - lines of Markdown are not wrapped
"""Reference pages made from the code: settings, commands and the HTTP API.

`python -m gitops.cli.reference docs/reference` writes them; tests compare the pages with the code.
"""

import importlib
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import click
from pydantic import SecretStr
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from gitops.api.app import create_app
from gitops.api.options import ApiOptions
from gitops.api.problems import STATUSES
from gitops.cli.main import GROUPS
from gitops.core.durations import format_duration
from gitops.settings.load import Settings
from gitops.settings.sections import Section

STATE_DIR: Final = "`$XDG_STATE_HOME/gitops`, else `~/.local/state/gitops`"

SETTINGS_HEAD: Final = """\
# Settings

`gitops serve` reads `--config FILE`, else the file that `GITOPS_CONFIG` names, else `./gitops.yaml` where there is one. Every key can also be set in the environment, which wins over the
file; flags win over both. An unknown key is an error that names it.

```yaml
stateDir: /var/lib/gitops
applications: [/etc/gitops/applications]
server: {host: 0.0.0.0, tokenFile: /run/secrets/gitops-token, allowedHosts: [gitops.example.com]}
git:
  pollInterval: 1m
  credentials:
  - {urlPrefix: "https://git.example.com/team", username: gitops, passwordFile: /run/secrets/git-token}
webhook: {github: "a long random secret"}
```

Keys may be written `pollInterval` or `poll_interval`. Durations are written `90s`, `5m`, `1h30m`. In the environment, words of a list are separated by commas, and paths in
`GITOPS_APPLICATIONS` by colons; lists of mappings are written as JSON. Secrets are better kept in files: `tokenFile`, `passwordFile`.
"""

COMMANDS_HEAD: Final = """\
# Commands

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 there is a difference (`plan`, `diff`, `sync --dry-run`). `-o json` and `-o yaml` print the shapes of [json.md](json.md), errors too
(on standard error). Colours and progress are for terminals only.

Commands that ask a service find it by `--server URL`, else `GITOPS_SERVER`, else the demo that runs in this folder or one above, else `http://127.0.0.1:8080`; they send `GITOPS_TOKEN` where it is set, but not to a demo.
"""

API_HEAD: Final = """\
# HTTP API

`/openapi.json` describes it for programs, `/docs` (and `/`) lists it for people. Answers hold the shapes of [json.md](json.md). A `GET` changes nothing. What changes something is answered at once, with 202 and
`{"ticket": 12, "after": 345}`: the event after 345 of kind `job-done` with `data.ticket` 12 tells the end (`data.state`, `revision`, or `data.error`).

**Who may.** Without a token the service listens on loopback only. With `server.token` every request carries `Authorization: Bearer TOKEN`, except webhooks (signed) and probes. On loopback too, `Host` has to
name the service (loopback's names, `server.host`, `server.allowedHosts`), and `Origin`, where a browser sends it, the same host and port: so no page of another site can talk to it. Refused attempts are in the trail.
`X-Gitops-Actor` names who asks, for history; it proves nothing.

**Limits.** Bodies up to `server.maxBodyBytes` (413, refused before they are read), within 20 s (408); heads up to 32 KiB (431). Bodies that are held at once may have 32 MiB together, those of webhooks as much again, and 256 clients may wait for events (503 with `Retry-After`).

**Events.** `GET …/events?after=N&timeout=S` answers `{"events": [...], "newest": M}`, waiting up to S seconds (at most 60) for the first; go on with `after=M`. With `Accept: text/event-stream` it is a stream of Server-Sent Events, with `Last-Event-ID`.
Sequences begin anew when the service starts: a number beyond the newest is answered from the beginning. The newest 2000 events are kept; the trail keeps what matters.
"""


def settings_page() -> str:
    """`settings.md`."""
    parts = [SETTINGS_HEAD, "## Top level\n", _table("", Settings)]
    for name, info in Settings.model_fields.items():
        section = _section(info)
        if section is None:
            continue
        parts += [f"## {to_camel(name)}\n", f"{_sentence(section)}\n", _table(name, section)]
        for inner_name, inner in section.model_fields.items():
            listed = _listed(inner)
            if listed is not None:
                parts.append(f"### {to_camel(name)}.{to_camel(inner_name)}[]\n")
                parts += [f"{_sentence(listed)}\n", _table(None, listed)]
    return "\n".join(parts)


def _sentence(section: type[Section]) -> str:
    return (section.__doc__ or "").strip().split("\n\n", maxsplit=1)[0]


def _table(section: str | None, model: type[Section] | type[Settings]) -> str:
    """One row a setting; `section` None has no variables, "" is the top level."""
    rows = ["| key | variable | type | default | |", "|---|---|---|---|---|"]
    for name, info in model.model_fields.items():
        if _section(info) is not None:
            continue
        prefix = f"{section.upper()}__" if section else ""
        variable = f"`GITOPS_{prefix}{name.upper()}`" if section is not None else ""
        kind, default = _type(info.annotation), _default(name, info)
        told = (info.description or "").replace("|", "\\|")
        rows.append(f"| `{to_camel(name)}` | {variable} | {kind} | {default} | {told} |")
    return "\n".join(rows) + "\n"


def _section(info: FieldInfo) -> type[Section] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _listed(info: FieldInfo) -> type[Section] | None:
    """The section that a list holds, or None."""
    for argument in get_args(info.annotation):
        if isinstance(argument, type) and issubclass(argument, Section):
            return argument
    return None


_NAMES: Final[Mapping[Any, str]] = {
    str: "text",
    int: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret",
    timedelta: "duration",
}


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin is tuple:
        return f"list of {_plural(_type(arguments[0]))}"
    if origin in (types.UnionType, typing.Union):
        return _type(next(one for one in arguments if one is not types.NoneType))
    return _NAMES.get(annotation, "mapping")


def _plural(name: str) -> str:
    return {"path": "paths", "text": "words", "mapping": "mappings"}.get(name, name)


def _default(name: str, info: FieldInfo) -> str:
    if name == "state_dir":
        return STATE_DIR
    value = info.get_default(call_default_factory=True, validated_data={})
    if info.is_required():
        return "needed"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, timedelta):
        value = format_duration(value)
    if isinstance(value, bool):
        value = str(value).lower()
    return "none" if value in (None, "", (), {}) else f"`{value}`"


# --- commands -------------------------------------------------------------------------------------


def commands_page() -> str:
    """`commands.md`."""
    parts = [COMMANDS_HEAD]
    for group, commands in GROUPS.items():
        parts.append(f"## {group}\n")
        for name, (module, _) in commands.items():
            command: click.Command = getattr(importlib.import_module(module), f"{name}_command")
            parts += _command(name, command)
    return "\n".join(parts)


def _command(name: str, command: click.Command) -> Iterator[str]:
    yield f"### gitops {name}\n"
    group = command if isinstance(command, click.Group) else None
    if group is None or group.invoke_without_command:
        context = click.Context(command, info_name=f"gitops {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"```\ngitops {name} {usage}\n```\n"
        yield f"{_help(command)}\n"
        rows = list(_options(command, context))
        if rows:
            yield "\n".join(["| option | |", "|---|---|", *rows]) + "\n"
    else:
        yield f"{_help(command)}\n"
    for inner, one in sorted(group.commands.items()) if group else ():
        yield from _command(f"{name} {inner}", one)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for option in command.params:
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record:
            flags, told = (text.replace("|", "\\|") for text in record)
            yield f"| `{flags}` | {' '.join(told.split())} |"


def _help(command: click.Command) -> str:
    lines = (command.help or command.short_help or "").replace("\b", "").split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in lines)


# --- the API --------------------------------------------------------------------------------------


class _Nothing:
    """Stands where a service would be: describing routes asks nothing of it."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any) -> float:
        return 0.0


def api_page() -> str:
    """`api.md`."""
    specification = create_app(typing.cast("Any", _Nothing()), ApiOptions()).openapi()
    parts = [API_HEAD, "## Paths\n", "| method | path | |", "|---|---|---|"]
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            told = " ".join((operation.get("description") or "").split())
            parts.append(f"| {method.upper()} | `{path}` | {told}{_queries(operation)} |")
    parts += ["", "## Bodies\n"]
    for name in ("SyncOrder", "RollbackOrder", "ActionOrder", "ApproveOrder"):
        parts += _schema(name, specification["components"]["schemas"][name])
    parts += [
        "## Errors\n",
        "Every answer from 400 on has the body of [json.md](json.md#errors).\n",
    ]
    parts += ["| code | reason | status |", "|---|---|---|"]
    for key, status in STATUSES.items():
        code, _, reason = key.partition("/")
        parts.append(f"| `{code}` | {f'`{reason}`' if reason else ''} | {status} |")
    return "\n".join([*parts, "| `defect` | | 500 |", ""])


def _queries(operation: Mapping[str, Any]) -> str:
    names = [f"`{p['name']}`" for p in operation.get("parameters", ()) if p["in"] == "query"]
    return f" Query: {', '.join(names)}." if names else ""


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"**{name.removesuffix('Order').lower()}**: {schema['description']}\n"
    yield "| field | |"
    yield "|---|---|"
    for key, value in schema["properties"].items():
        yield f"| `{key}` | {value.get('description', '')} |"
    yield ""


PAGES: Final = {"settings.md": settings_page, "commands.md": commands_page, "api.md": api_page}


def main(folder: Path) -> None:
    """Write every page into a folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(page())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
