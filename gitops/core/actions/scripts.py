"""Users' own actions in Lua, as Argo CD's users write them: which there are, what they answered.

In: `resource.customizations.actions` keys, files in Argo CD's layout, answers of scripts. Out: a
book of scripts, offers, effects. Called by `gitops.checks`, which reads files and runs scripts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from gitops.core.health.checks import MESSAGE_CHARACTERS
from gitops.core.yaml.customizations import customized, mapping_of
from gitops.errors import InputError
from gitops.model.acting import Effect, Offer
from gitops.model.objects import Body, identify, split_api_version

WHAT: Final = "actions"
DISCOVERY: Final = "discovery.lua"
SCRIPT: Final = "action.lua"
_REMEDY: Final = "write discovery.lua and definitions: [{name, action.lua}]"


@dataclass(frozen=True, slots=True)
class Scripts:
    """The actions of one kind in one place.

    `merge` says that those of later places, and our own, are there as well.
    """

    where: str
    discovery: str
    actions: Mapping[str, str] = field(default_factory=dict)
    merge: bool = False


@dataclass(frozen=True, slots=True)
class ActionBook:
    """Places in their order of precedence, each with scripts by `<group>/<kind>`, or `<kind>`."""

    places: tuple[Mapping[str, Scripts], ...] = ()

    def find(self, body: Body) -> tuple[list[Scripts], bool]:
        """The scripts for an object's kind, and whether our own actions are there as well."""
        group = split_api_version(str(body.get("apiVersion") or ""))[0]
        key = f"{group}/{body.get('kind')}" if group else str(body.get("kind"))
        found: list[Scripts] = []
        for scripts in (place[key] for place in self.places if key in place):
            found.append(scripts)
            if not scripts.merge:
                return found, False
        return found, True


def scripts_of_customizations(data: Mapping[str, Any], where: str) -> dict[str, Scripts]:
    """The actions that a ConfigMap as `argocd-cm` defines, by kind; raises InputError."""
    return {kind: _scripts(value, place) for kind, value, place in customized(data, WHAT, where)}


def _scripts(value: Any, where: str) -> Scripts:
    stated = mapping_of(value, where, _REMEDY)
    discovery, merge = stated.get(DISCOVERY), stated.get("mergeBuiltinActions")
    if not isinstance(discovery, str) or not discovery.strip():
        raise InputError(f"{DISCOVERY} is missing", where=where, remedy=_REMEDY)
    if merge not in (None, True, False):
        raise InputError("mergeBuiltinActions is neither true nor false", where=where)
    return Scripts(where, discovery, dict(_definitions(stated, where)), bool(merge))


def _definitions(stated: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    definitions = stated.get("definitions") or []
    for entry in definitions if isinstance(definitions, list) else [None]:
        facts = entry if isinstance(entry, Mapping) else {}
        name, source = facts.get("name"), facts.get(SCRIPT)
        if not (isinstance(name, str) and name and isinstance(source, str)):
            raise InputError(
                "a definition has no name or no action.lua", where=where, remedy=_REMEDY
            )
        yield name, source


def scripts_of_files(files: Mapping[str, str], where: str) -> dict[str, Scripts]:
    """Scripts by their path below a directory: `apps/Deployment/actions/restart/action.lua`.

    They are there beside our own, as Argo CD's files are beside its own.
    """
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for path, source in sorted(files.items()):
        kind, _, rest = path.partition(f"/{WHAT}/")
        discovery, actions = found.get(kind, ("", {}))
        if rest == DISCOVERY:
            discovery = source
        else:
            actions[rest.removesuffix(f"/{SCRIPT}")] = source
        found[kind] = discovery, actions
    return {
        kind: Scripts(f"{where}/{kind}/{WHAT}", discovery, actions, merge=True)
        for kind, (discovery, actions) in found.items()
        if discovery
    }


# --- answers --------------------------------------------------------------------------------------


def offers_of(answer: Any, scripts: Scripts) -> list[Offer]:
    """The actions that a discovery script lists, in order of name; raises InputError."""
    if not isinstance(answer, Mapping):
        raise InputError(
            f"expect table output from Lua script, not {_kind(answer)}",
            where=f"{scripts.where}: {DISCOVERY}",
        )
    return [_offer(name, said) for name, said in sorted(answer.items())]


def _kind(value: Any) -> str:
    kinds = {type(None): "nil", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "a list")


def _offer(name: str, said: Any) -> Offer:
    facts = said if isinstance(said, Mapping) else {}
    listed = facts.get("params")
    entries = [
        one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, Mapping)
    ]
    params = [one.get("name") for one in entries]
    title = facts.get("displayName")
    return Offer(
        name,
        "it is disabled by its discovery script" if facts.get("disabled") is True else "",
        tuple(one for one in params if isinstance(one, str)),
        title if isinstance(title, str) else "",
        scripted=True,
    )


def effect_of(answer: Any, body: Body, where: str) -> Effect:
    """What an action's script answered: its object, or a list of `{operation, resource}`.

    Raises InputError for what is neither.
    """
    if isinstance(answer, Mapping):
        return Effect(_patched(answer, body, where)) if answer else Effect(body)
    if not isinstance(answer, list):
        raise InputError(f"expect table output from Lua script, not {_kind(answer)}", where=where)
    after, creates = body, []
    for entry in answer:
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(resource, Mapping) or entry.get("operation") not in ("create", "patch"):
            raise InputError(
                "an item of its answer is no {operation, resource}",
                where=where,
                remedy='operation is "create" or "patch"',
            )
        if entry["operation"] == "create":
            creates.append(_created(resource, body, where))
        else:
            after = _patched(resource, body, where)
    return Effect(after, tuple(creates))


def _patched(answer: Mapping[str, Any], body: Body, where: str) -> Body:
    made: Body = restored(answer, body)
    if identify(made) != identify(body) or made.get("apiVersion") != body.get("apiVersion"):
        raise InputError(
            "it answered with another object than its own",
            where=where,
            remedy='what is new has the operation "create"',
        )
    return made


def _created(answer: Mapping[str, Any], body: Body, where: str) -> Body:
    made: Body = restored(answer, {})
    new, own = identify(made), identify(body)
    if not (made.get("apiVersion") and new.kind and new.name):
        raise InputError("what it creates has no apiVersion, kind or metadata.name", where=where)
    if own.namespace and new.namespace not in ("", own.namespace):
        raise InputError(
            f"it creates {new.title}, in another namespace than its own object's", where=where
        )
    return made


def restored(answer: Any, original: Any) -> Any:
    """What Lua answered, with what Lua cannot tell as the original has it.

    Nulls are absent there, an empty list is an empty table, and numbers are doubles.
    """
    if isinstance(answer, Mapping) and isinstance(original, Mapping):
        nulls = {key: None for key, value in original.items() if value is None}
        return nulls | {key: restored(value, original.get(key)) for key, value in answer.items()}
    if answer == {} and isinstance(original, list):
        return [item for item in original if item is None]
    if isinstance(answer, list) and isinstance(original, list):
        return _items(answer, original)
    if _is_number(answer) and _is_number(original) and float(answer) == float(original):
        return original
    return answer


def _items(answer: Sequence[Any], original: Sequence[Any]) -> list[Any]:
    pairs = zip_longest(answer, original[: len(answer)])
    return [restored(item, before) for item, before in pairs]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def failed(message: str) -> InputError:
    """The error of a script that broke; `message` says which, where and how."""
    return InputError(message[:MESSAGE_CHARACTERS], remedy="correct the script")
