"""`gitops diff`: two or three files without a cluster, or an application of a running service.

In: files of manifests, in the order of the command line. Out: what apply would change, masked.
Exit code 3 where anything would be modified.
"""

import gc
import importlib
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gitops.checks.jq import JqPaths
from gitops.cli.difference import difference_table
from gitops.cli.output import emit, output_option
from gitops.cli.reading import read_bodies
from gitops.cli.rendering import choose_application
from gitops.cli.server import server_option
from gitops.core.diff.diff import DiffOptions, LastApplied, diff
from gitops.core.diff.ignore_everywhere import rules_of_customizations
from gitops.core.diff.matching import Triple, match
from gitops.core.masking.mask import Masker, keyed_digest
from gitops.core.masking.rules import MaskRules, annotations_of
from gitops.core.planning.sync_options import is_left_alone, is_on, options_of
from gitops.core.schema.known_types import BUILT_IN, known_fields, schema_of_fields
from gitops.core.schema.shapes import Shapes
from gitops.errors import InputError, UsageError
from gitops.model.diff import Diff
from gitops.model.objects import Body, GroupKind, Manifest, identify, split_api_version
from gitops.openapi.loader import load_builtin
from gitops.wire.diff import diff_to_wire

DIFFERENT = 3
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_file = click.Path(exists=True, dir_okay=True, allow_dash=True, path_type=Path)


@click.command("diff", short_help="show differences")
@click.argument("application", required=False)
@click.argument("revisions", nargs=-1, type=click.IntRange(min=1))
@click.option("--desired", type=_file, help="Manifests as they should be; a file, a folder or -.")
@click.option("--actual", type=_file, help="Objects as they are, with their managedFields.")
@click.option("--last-applied", "last", type=_file, help="Manifests as they were applied last.")
@click.option("-f", "--file", "declared", type=_file, help="An Application: its rules.")
@server_option
@output_option
@click.pass_context
def diff_command(
    context: click.Context,
    /,
    application: str | None,
    revisions: tuple[int, ...],
    declared: Path | None,
    output: str,
    **sides: Path | None,
) -> None:
    """Show what apply would change.

    With --desired and --actual: a three-way diff of files, no cluster needed; the file of --file
    gives an application's ignore rules, and those of an argocd-cm that stands in it too. With an
    application: against the cluster, or between two of its revisions; one alone is compared with
    the newest.
    """
    desired, actual = sides["desired"], sides["actual"]
    if application is not None:
        if desired or actual:
            raise UsageError("name an application or files, not both")
        # imported when it is needed, as main.py does: the offline commands start without a client
        remote = importlib.import_module("gitops.cli.sync")
        remote.diff_application(context, application, revisions, output)
        return
    if desired is None or actual is None:
        raise UsageError(
            "nothing to compare",
            remedy="name an application, or give --desired FILE and --actual FILE",
        )
    found = compare_files(desired, actual, sides["last"], declared)
    emit([diff_to_wire(one) for one in found], output, lambda: difference_table(found))
    context.exit(DIFFERENT if any(one.modified for one in found) else 0)


def compare_files(
    desired: Path, actual: Path, last: Path | None, declared: Path | None
) -> list[Diff]:
    """The masked differences of all objects in files; raises InputError for what is no manifest."""
    wanted, live = read_bodies(desired), read_bodies(actual)
    before = read_bodies(last) if last is not None else []
    gc.freeze()  # what was read stays to the end: the collector need not walk it again and again
    customized = _customizations(declared)
    shapes = shapes_for([*live, *wanted], customized)
    triples = match(wanted, live, before, shapes.kinds)
    ignore = [rule for data in customized for rule in rules_of_customizations(data, str(declared))]
    application = choose_application(declared, None) if declared is not None else None
    with closing(JqPaths()) as paths:
        hidden = MaskRules(
            annotations=tuple(name for d in customized for name in annotations_of(d)),
            find_paths=paths,
        )
        if application is not None:
            ignore += application.ignore_differences
            hidden = hidden.with_rules(application.mask_rules)
        options = DiffOptions(tuple(ignore), find_paths=paths)
        bodies = [*wanted, *live, *before]
        masker = Masker(keyed_digest(secrets.token_bytes(32)), bodies, hidden)
        for identity, fault in masker.faults.items():
            raise InputError(fault, where=identity.title)
        return [_shown(triple, shapes, options, masker) for triple in triples]


def _customizations(declared: Path | None) -> list[Mapping[str, Any]]:
    """The data of each `argocd-cm` beside the Application of a file."""
    bodies = read_bodies(declared) if declared is not None else []
    found = (body.get("data") for body in bodies if body.get("kind") == "ConfigMap")
    return [data for data in found if isinstance(data, Mapping)]


def _shown(triple: Triple, shapes: Shapes, options: DiffOptions, masker: Masker) -> Diff:
    """One difference without secrets; an object that stays as it is has nothing to hide."""
    desired = triple.actual if _is_left_alone(triple) else triple.desired
    found = diff(desired, triple.actual, _last_applied(triple), shapes, options)
    if not found.modified:
        return replace(found, predicted=None)
    return masker.mask_diff(found, triple.actual)


def _is_left_alone(triple: Triple) -> bool:
    """Whether annotations ask that what exists stays as it is; see `core.plan.settle_by_wish`."""
    if triple.desired is None or triple.actual is None:
        return False
    wanted, live = (Manifest(identify(body), body) for body in (triple.desired, triple.actual))
    options = options_of(wanted)
    return "Reconcile=false" in options or is_on(options, "CreateOnly") or is_left_alone(live)


def _last_applied(triple: Triple) -> LastApplied | None:
    """The manifest of the file alone; None to read it off the live object."""
    if triple.last is None:
        return None
    known = LastApplied.of(triple.actual, triple.last)
    return LastApplied(triple.last, by=known.by)


def shapes_for(bodies: Sequence[Body], customizations: Sequence[Mapping[str, Any]] = ()) -> Shapes:
    """The packaged shapes, and those of the CustomResourceDefinitions among the objects.

    Of kinds that have neither, what Argo CD or its settings know of their fields.
    """
    shapes = load_builtin()
    for body in bodies:
        if body.get("kind") == _CRD.kind and str(body.get("apiVersion")).startswith(_CRD.group):
            shapes = shapes.with_crd(body)
    known = dict(BUILT_IN)
    for data in customizations:
        known.update(known_fields(data, "argocd-cm"))
    for api_version, kind in sorted({_named(body) for body in bodies}):
        fields = known.get(GroupKind(split_api_version(api_version)[0], kind))
        if fields and shapes.kind(api_version, kind) is None:
            shapes = shapes.with_schema(api_version, kind, schema_of_fields(fields))
    return shapes


def _named(body: Body) -> tuple[str, str]:
    return str(body.get("apiVersion") or ""), str(body.get("kind") or "")
