"""Which submodules may be followed."""

import pytest

from gitops.errors import SourceError
from gitops.source.modules import module_url
from gitops.source.options import GitOptions

PARENT = "https://h/org/app"
OPEN = GitOptions(submodule_prefixes=("https://other/team",))


@pytest.mark.parametrize(
    ("parent", "written", "options", "url"),
    [
        (PARENT, "../lib.git", GitOptions(), "https://h/org/lib.git"),
        (PARENT, "https://h/x/y.git", GitOptions(), "https://h/x/y.git"),
        (PARENT, "git@h:x/y.git", GitOptions(), "git@h:x/y.git"),
        (PARENT, "https://other/team/lib", OPEN, "https://other/team/lib"),
        (PARENT, "https://any/x", GitOptions(submodule_prefixes=("*",)), "https://any/x"),
        ("git@h:org/app", "../lib", GitOptions(), "git@h:org/lib"),
        ("http://h/org/app", "http://h/x", GitOptions(), "http://h/x"),
        ("/srv/app", "../lib", GitOptions(local_submodules=True), "/srv/lib"),
    ],
)
def test_what_may_be_followed(parent: str, written: str, options: GitOptions, url: str) -> None:
    assert module_url(parent, written, "lib", options) == url


@pytest.mark.parametrize(
    ("parent", "written", "options", "why"),
    [
        (PARENT, None, GitOptions(), "has no URL"),
        (PARENT, "https://other/x", GitOptions(), "another host"),
        (PARENT, "https://other/teammate/x", OPEN, "another host"),
        (PARENT, "http://h/x", GitOptions(), "not encrypted"),
        (PARENT, "file:///srv/lib", GitOptions(local_submodules=True), "this machine's files"),
        ("/srv/app", "/srv/lib", GitOptions(), "this machine's files"),
        ("/srv/app", "https://h/x", GitOptions(local_submodules=True), "another host"),
        (
            "/srv/app",
            "../lib",
            GitOptions(local_submodules=True, local_repositories=False),
            "this machine's files",
        ),
        (PARENT, "../../../x", GitOptions(), "none that may be used"),
        (PARENT, "-x", GitOptions(), "none that may be used"),
    ],
)
def test_what_is_refused(parent: str, written: str | None, options: GitOptions, why: str) -> None:
    with pytest.raises(SourceError, match=why) as refused:
        module_url(parent, written, "lib", options)
    assert refused.value.reason == "submodule"
