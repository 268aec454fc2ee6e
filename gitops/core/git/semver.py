"""Version constraints over tag names, as Argo CD reads `targetRevision`.

A constraint and tag names come in, the highest tag that satisfies it goes out. `git/references.py`
asks. The rules are those of github.com/Masterminds/semver/v3, which Argo CD and Helm use: `1.2` is
a range, pre-releases count only where the constraint names one (`>=1.2-0`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

MAX_LENGTH = 512
MAX_GROUPS = 32
MAX_VERSION_LENGTH = 256
_TOO_BIG = 2**64

_SUFFIX = (
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION = re.compile(
    r"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?" + _SUFFIX, re.ASCII
)
_OPERATOR = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|"
_RANGE = (
    r"v?(?P<major>[0-9|xX*]+)(?:\.(?P<minor>[0-9|xX*]+))?(?:\.(?P<patch>[0-9|xX*]+))?" + _SUFFIX
)
_ONE = re.compile(rf"(?P<operator>{_OPERATOR})\s*{_RANGE}", re.ASCII)
# One way to read each blank: else a long text of them is read in exponentially many.
_PLAIN = re.sub(r"\?P<\w+>", "?:", rf"(?:(?:{_OPERATOR.rstrip('|')})\s*)?{_RANGE}")
_GROUP = re.compile(rf"\s*{_PLAIN}(?:(?:\s*,\s*|\s+){_PLAIN})*\s*", re.ASCII)
_HYPHEN = re.compile(re.sub(r"\?P<\w+>", "?:", rf"\s*({_RANGE})\s+-\s+({_RANGE})\s*"), re.ASCII)


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its build metadata, which does not count."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor, patch."""
        return self.major, self.minor, self.patch


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator with its version; `width` is how many of its parts were written (0 to 3)."""

    operator: str
    version: Version
    width: int

    @property
    def whole(self) -> bool:
        """Whether all three parts were written."""
        return self.width == len(self.version.numbers)

    @property
    def any_version(self) -> bool:
        """Whether none was: `*`."""
        return self.width == 0

    @property
    def any_minor(self) -> bool:
        """Whether only the major part was written: `1`, `1.x`."""
        return self.width == 1

    @property
    def any_patch(self) -> bool:
        """Whether only the patch part is missing: `1.2`, `1.2.x`."""
        return not (self.whole or self.any_version or self.any_minor)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Groups of comparisons: one group must hold wholly."""

    groups: tuple[tuple[Comparison, ...], ...]

    def allows(self, version: Version) -> bool:
        """Whether a version satisfies it."""
        return any(_holds(group, version) for group in self.groups)


def parse_version(text: str) -> Version | None:
    """Read `v1.2.3-rc.1+build`; missing parts are 0; None where it is no version."""
    found = _VERSION.fullmatch(text) if len(text) <= MAX_VERSION_LENGTH else None
    if found is None:
        return None
    return _version([found["major"], found["minor"] or "0", found["patch"] or "0"], found["pre"])


def _version(parts: list[str], pre: str | None) -> Version | None:
    """A version of written parts (missing ones are 0); None beyond 64 bits, or for `-01`."""
    major, minor, patch, *_ = (*(int(part) for part in parts), 0, 0, 0)
    if max(major, minor, patch) >= _TOO_BIG or _leading_zero(pre):
        return None
    return Version(major, minor, patch, pre or "")


def _leading_zero(pre: str | None) -> bool:
    return any(
        len(part) > 1 and part[0] == "0" and part.isdigit() for part in (pre or "").split(".")
    )


def parse_constraint(text: str) -> Constraint | None:
    """Read a constraint; None where it is none, or where it is a plain version (a pin)."""
    if len(text) > MAX_LENGTH or parse_version(text) is not None:
        return None
    groups = _HYPHEN.sub(r">=\1 <=\2 ", text).split("||")
    if len(groups) > MAX_GROUPS or not all(_GROUP.fullmatch(group) for group in groups):
        return None
    read = [[_comparison(found) for found in _ONE.finditer(group)] for group in groups]
    if any(one is None for group in read for one in group):
        return None
    return Constraint(tuple(tuple(one for one in group if one is not None) for group in read))


def _comparison(found: re.Match[str]) -> Comparison | None:
    parts: list[str] = []
    for name in ("major", "minor", "patch"):
        text = found[name]
        if text is None or text in ("x", "X", "*"):
            break
        if not text.isdigit():
            return None
        parts.append(text)
    version = _version(parts, found["pre"])
    return Comparison(found["operator"], version, len(parts)) if version else None


def highest(constraint: Constraint, tags: Iterable[str]) -> str | None:
    """The tag of the highest version that is allowed; None where there is none."""
    best: tuple[Version, str] | None = None
    for tag in sorted(tags):
        version = parse_version(tag)
        if version is None or not constraint.allows(version):
            continue
        if best is None or compare(version, best[0]) > 0:
            best = version, tag
    return best[1] if best else None


def compare(a: Version, b: Version) -> int:
    """-1, 0 or 1 by precedence: a pre-release comes before its release."""
    if a.numbers != b.numbers:
        return 1 if a.numbers > b.numbers else -1
    if not a.pre or not b.pre:
        return bool(b.pre) - bool(a.pre)
    for left, right in zip_longest(a.pre.split("."), b.pre.split(".")):
        if left != right:
            return _compare_part(left, right)
    return 0


def _compare_part(left: str | None, right: str | None) -> int:
    if left is None or right is None:
        return -1 if left is None else 1
    if left.isdigit() and right.isdigit():
        return 1 if int(left) > int(right) else -1
    if left.isdigit() != right.isdigit():
        return -1 if left.isdigit() else 1
    return 1 if left > right else -1


def _holds(group: tuple[Comparison, ...], version: Version) -> bool:
    if version.pre and not any(one.version.pre for one in group):
        return False
    return all(_CHECKS[one.operator](version, one) for one in group)


def _equal(version: Version, one: Comparison) -> bool:
    return compare(version, one.version) == 0 if one.whole else _tilde(version, one)


def _not_equal(version: Version, one: Comparison) -> bool:
    if one.whole or one.any_version:
        return _differs(version, one)
    if version.numbers[: one.width] != one.version.numbers[: one.width]:
        return True
    return one.any_patch and version.pre != one.version.pre


def _differs(version: Version, one: Comparison) -> bool:
    return compare(version, one.version) != 0


def _greater(version: Version, one: Comparison) -> bool:
    if one.whole or one.any_version:
        return compare(version, one.version) > 0
    return version.numbers[: one.width] > one.version.numbers[: one.width]


def _less(version: Version, one: Comparison) -> bool:
    return compare(version, one.version) < 0


def _greater_equal(version: Version, one: Comparison) -> bool:
    return compare(version, one.version) >= 0


def _less_equal(version: Version, one: Comparison) -> bool:
    if one.whole:
        return compare(version, one.version) <= 0
    width = 2 if one.any_version else one.width
    return version.numbers[:width] <= one.version.numbers[:width]


def _tilde(version: Version, one: Comparison) -> bool:
    if compare(version, one.version) < 0:
        return False
    if (one.whole or one.any_version) and one.version.numbers == (0, 0, 0):
        return True
    width = 1 if one.any_minor else 2
    return version.numbers[:width] == one.version.numbers[:width]


def _caret(version: Version, one: Comparison) -> bool:
    if compare(version, one.version) < 0:
        return False
    if one.version.major > 0 or one.any_minor:
        return version.major == one.version.major
    if one.version.minor > 0 or one.any_patch:
        return version.numbers[:2] == one.version.numbers[:2]
    return version.numbers == one.version.numbers


_CHECKS: Mapping[str, Callable[[Version, Comparison], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    ">=": _greater_equal,
    "=>": _greater_equal,
    "<=": _less_equal,
    "=<": _less_equal,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
