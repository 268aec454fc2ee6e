"""Manifests as YAML that kubectl reads back as they are. Called by commands that print objects.

PyYAML leaves strings bare that go-yaml would read as numbers or booleans (`1e3`, `0o17`, `y`);
here they are quoted.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

from gitops.model.objects import Body

_FIRST: Final = list("0123456789+-.yYnN~=<")
_AMBIGUOUS: Final = re.compile(
    r"""(?x)(?:
    [-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?
    | [-+]?0[xXoObB][0-9a-fA-F_]+
    | y | Y | n | N | ~ | = | <<
    )\Z"""
)


class _Dumper(yaml.CSafeDumper):
    """Indents lists under their key, quotes what could be read otherwise, writes text in blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write anchors: people read this."""
        del data
        return True


_Dumper.add_implicit_resolver("tag:gitops.dev,2026:ambiguous", _AMBIGUOUS, _FIRST)


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value and not re.search(r"[ \t]\n|\t|\r", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump_documents(bodies: Iterable[Body]) -> str:
    """One YAML document a manifest, separated by `---`; "" where there is none."""
    return "---\n".join(
        yaml.dump(
            dict(body),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=2**16,
        )
        for body in bodies
    )
