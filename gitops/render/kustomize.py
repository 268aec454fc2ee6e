"""Runs `kustomize edit` for an application's overrides, then `kustomize build`.

In: an exported tree, the folder to build, the overrides. Out: the printed manifests. Called by the
renderer. The overrides are made on the exported copy by Kustomize itself and in Argo CD's order, so
that an Application gives what it gives there.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gitops.core.yaml.reader import read_documents
from gitops.errors import RenderError
from gitops.model.application import KustomizeSource
from gitops.render.detect import KUSTOMIZATION_NAMES
from gitops.render.sandbox import Sandbox
from gitops.render.variables import substitute


def kustomize_settings(
    source: KustomizeSource | None, variables: Mapping[str, str]
) -> dict[str, Any]:
    """The overrides as a JSON value with variables put in; {} where there are none."""
    if source is None:
        return {}
    values = {name: value for name, value in asdict(source).items() if value}
    values.pop("kube_version", None)  # they speak to Helm inside Kustomize only
    values.pop("api_versions", None)
    if "images" in values:
        values["images"] = [substitute(image, variables) for image in source.images]
    if values.pop("common_annotations_envsubst", False) and "common_annotations" in values:
        values["common_annotations"] = {
            name: substitute(value, variables) for name, value in source.common_annotations.items()
        }
    if "common_labels" in values:
        values["common_labels"] = {
            name: substitute(value, variables) for name, value in source.common_labels.items()
        }
    return values


def run_kustomize(
    sandbox: Sandbox, tool: Path, scratch: Path, folder: Path, settings: Mapping[str, Any]
) -> bytes:
    """Edit the copy in `folder`, and build it; what it fetches lies in `scratch` meanwhile.

    Raises:
        RenderError: `failed` or `limit`.
    """
    # Kustomize reads `env` files whose lines name variables only from its own environment.
    environment = {"PATH": os.defpath, "TMPDIR": str(scratch)} if sandbox.network else {}
    for step in _EDITS:
        words = step(settings)
        if words:
            sandbox.run([str(tool), "edit", *words], folder, environment)
    _add_patches(folder, settings.get("patches") or ())
    components = _components(folder, settings)
    if components:
        sandbox.run([str(tool), "edit", "add", "component", "--", *components], folder, environment)
    return sandbox.run([str(tool), "build", "."], folder, environment)


def _prefix(settings: Mapping[str, Any]) -> Sequence[str]:
    prefix = settings.get("name_prefix")
    return ["set", "nameprefix", "--", prefix] if prefix else ()


def _suffix(settings: Mapping[str, Any]) -> Sequence[str]:
    suffix = settings.get("name_suffix")
    return ["set", "namesuffix", "--", suffix] if suffix else ()


def _images(settings: Mapping[str, Any]) -> Sequence[str]:
    images = settings.get("images")
    return ["set", "image", "--", *images] if images else ()


def _replicas(settings: Mapping[str, Any]) -> Sequence[str]:
    replicas = settings.get("replicas")
    if not replicas:
        return ()
    pairs = [f"{item.get('name')}={item.get('count')}" for item in replicas]
    return ["set", "replicas", "--", *pairs]


def _labels(settings: Mapping[str, Any]) -> Sequence[str]:
    flags = {
        "--force": settings.get("force_common_labels"),
        "--without-selector": settings.get("label_without_selector"),
        "--include-templates": settings.get("label_include_templates"),
    }
    labels = settings.get("common_labels")
    if not labels:
        return ()
    return ["add", "label", *(flag for flag, on in flags.items() if on), "--", *_pairs(labels)]


def _annotations(settings: Mapping[str, Any]) -> Sequence[str]:
    annotations = settings.get("common_annotations")
    if not annotations:
        return ()
    force = ["--force"] if settings.get("force_common_annotations") else []
    return ["add", "annotation", *force, "--", *_pairs(annotations)]


def _namespace(settings: Mapping[str, Any]) -> Sequence[str]:
    namespace = settings.get("namespace")
    return ["set", "namespace", "--", namespace] if namespace else ()


_EDITS = (_prefix, _suffix, _images, _replicas, _labels, _annotations, _namespace)


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{name}:{value}" for name, value in sorted(values.items())]


def _add_patches(folder: Path, patches: Sequence[Mapping[str, Any]]) -> None:
    """Kustomize has no command for patches with targets: they are appended to the file."""
    if not patches:
        return
    file = next(folder / name for name in KUSTOMIZATION_NAMES if (folder / name).is_file())
    documents = list(read_documents(file.read_text("utf-8")))
    body = documents[0].value if documents else {}
    existing = (body.get("patches") or []) if isinstance(body, dict) else None
    if not isinstance(existing, list):
        raise RenderError("its patches are not a list", where=file.name, reason="failed")
    body["patches"] = [*existing, *patches]
    file.write_text(json.dumps(body), "utf-8")


def _components(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """As they are written: Kustomize adds none that its file names in the same way."""
    components: list[str] = list(settings.get("components") or ())
    if settings.get("ignore_missing_components"):
        components = [path for path in components if (folder / path).is_dir()]
    return components
