"""Repository URLs: read, compared across spellings, split from credentials, joined."""

import pytest

from gitops.core.git.repo_url import (
    covers,
    join,
    normalise,
    parse,
    parse_prefix,
    same_repository,
    split_credentials,
)

SHOP = [
    "https://git.example.com/shop/web.git",
    "https://git.example.com/shop/web",
    "https://git.example.com/shop/web/",
    "https://git.example.com/shop//web.git/",
    "https://GIT.Example.com/shop/web.git",
    "https://git.example.com:443/shop/web.git",
    "https://ada:token@git.example.com/shop/web.git",
    "https://git.example.com/shop/%77eb.git",
    "git@git.example.com:shop/web.git",
    "git.example.com:shop/web",
    "git.example.com:/shop/web",
    "ssh://git@git.example.com/shop/web.git",
    "ssh://git@git.example.com:22/shop/web.git",
    "git+ssh://git@git.example.com/shop/web.git",
    "  https://git.example.com/shop/web.git\n",
]


@pytest.mark.parametrize("url", SHOP)
def test_every_spelling_of_a_repository_is_one(url: str) -> None:
    assert normalise(url) == "git.example.com/shop/web"
    assert same_repository(url, SHOP[0])


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/shop/other.git",
        "https://git.example.org/shop/web.git",
        "https://git.example.com/web.git",
        "https://git.example.com:8443/shop/web.git",
        "/shop/web",
        "nonsense",
    ],
)
def test_other_repositories_are_others(url: str) -> None:
    assert normalise(url) != normalise(SHOP[0])
    assert not same_repository(url, SHOP[0])
    assert not same_repository(SHOP[0], url)


def test_plain_http_names_the_repository_but_not_its_mirror() -> None:
    assert same_repository("http://git.example.com/shop/web", SHOP[0])
    assert normalise("http://git.example.com:80/shop/web") == "http://git.example.com/shop/web"


def test_ports_count_between_equal_transports_only() -> None:
    assert same_repository("ssh://git@host:2222/a/b.git", "https://host/a/b")
    assert not same_repository("https://host:1/a/b", "https://host:2/a/b")
    assert normalise("https://host:1/a/b") == "host:1/a/b"


def test_letter_case_on_a_host_does_not_count_for_webhooks() -> None:
    assert same_repository("https://github.com/Acme/Web", "git@github.com:acme/web.git")
    assert normalise("https://github.com/Acme/Web") != normalise("https://github.com/acme/web")


def test_files_have_several_spellings_too() -> None:
    for url in ("/srv/git/x.git", "file:///srv/git/x.git", "file://localhost/srv/git/x.git/"):
        assert normalise(url) == "file:///srv/git/x.git"
    assert normalise("/srv/x/.git") == normalise("file:///srv/x")
    assert normalise("/srv/x") != normalise("/srv/x.git")
    assert same_repository("/srv/x", "file:///srv/x.git")
    assert not same_repository("/srv/X", "/srv/x")
    assert normalise("file:///a%20b") == normalise("/a b")


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "-",
        "--upload-pack=x",
        "ext::sh -c id",
        "git://host/x",
        "ftp://host/x",
        "https://",
        "https:///x",
        "https://host",
        "https://host/",
        "https://host:99999999/x",
        "https://ho st/x",
        "ssh://-oProxyCommand=id/x",
        "-oProxyCommand=id:x",
        "git@-host:x",
        "file://host/x",
        "file:///",
        "relative/path",
        "host:",
        "host:/",
        "https://host/a\nb",
        "https://host/a%0ab",
    ],
)
def test_what_is_no_address_is_none(url: str) -> None:
    assert parse(url) is None
    assert normalise(url) == url.strip()
    assert same_repository(url, f" {url}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/a%20b.git", "https://h/a%20b.git"),
        ("https://H:8443/x/", "https://h:8443/x"),
        ("https://u:p@h/x", "https://h/x"),
        ("ssh://git@h:2222/x", "ssh://git@h:2222/x"),
        ("ssh://git:pw@h/~me/x", "ssh://git@h/~me/x"),
        ("git@h:x/y", "git@h:x/y"),
        ("git@[::1]:x", "git@[::1]:x"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("file:///a b", "/a b"),
    ],
)
def test_a_clean_url_is_what_git_is_given(url: str, shown: str) -> None:
    assert split_credentials(url)[0] == shown


def test_credentials_are_split_off_and_decoded() -> None:
    assert split_credentials("https://a%40b:p%2Fw@h/x") == ("https://h/x", "a@b", "p/w")
    assert split_credentials("https://me@corp.com:p@w@h/x") == ("https://h/x", "me@corp.com", "p@w")
    assert split_credentials("https://token@h/x") == ("https://h/x", "token", "")
    assert split_credentials("ssh://git@h/x") == ("ssh://git@h/x", "git", "")
    assert split_credentials("/x") == ("/x", "", "")


def test_what_cannot_be_read_loses_what_may_be_a_secret() -> None:
    assert split_credentials("odd://u:p/w@h/x") == ("odd://h/x", "", "")


def test_a_password_never_shows_in_a_url_as_text() -> None:
    url = parse("https://ada:secret@h/x")
    assert url is not None
    assert str(url) == "https://ada:***@h/x"


@pytest.mark.parametrize(
    ("prefix", "url", "expected"),
    [
        ("https://h", "https://h/a/b", True),
        ("https://h/", "https://h/a/b.git", True),
        ("https://h/a", "https://h/a/b", True),
        ("https://h/a/b", "https://h/a/b.git", True),
        ("https://h/a/b.git", "https://h/a/b", True),
        ("https://h/a", "https://h/ab/c", False),
        ("https://h", "http://h/a", False),
        ("http://h", "https://h/a", False),
        ("https://h", "https://h.evil.example/a", False),
        ("https://h", "https://h:8443/a", False),
        ("https://h:8443", "https://h:8443/a", True),
        ("git@h:org", "ssh://git@h/org/x", True),
        ("git@h:", "git@h:org/x", True),
        ("git@h", "git@h:org/x", True),
        ("ssh://h:2222", "ssh://git@h:2222/org/x", True),
        ("ssh://h", "https://h/x", False),
        ("https://h", "nonsense", False),
        ("nonsense with blanks", "https://h/x", False),
    ],
)
def test_a_prefix_covers_whole_components_of_one_scheme(
    prefix: str, url: str, *, expected: bool
) -> None:
    assert covers(prefix, url) is expected


@pytest.mark.parametrize("prefix", ["", "https://", "file:///x", "/x", "https", "://"])
def test_a_prefix_that_names_no_host_is_none(prefix: str) -> None:
    assert parse_prefix(prefix) is None


@pytest.mark.parametrize(
    ("base", "relative", "expected"),
    [
        ("https://h/org/app.git", "../lib.git", "https://h/org/lib.git"),
        ("https://h/org/app.git", "../../other/lib", "https://h/other/lib"),
        ("https://h/org/app", "./lib", "https://h/org/app/lib"),
        ("https://u:p@h/org/app", "../lib", "https://h/org/lib"),
        ("https://h/org/app", "../../..", None),
        ("https://h/org/app", "../..", None),
        ("https://h/org/app", "../../../x", None),
        ("git@h:org/app.git", "../lib.git", "git@h:org/lib.git"),
        ("git@h:org/app.git", "../../lib.git", "git@h:lib.git"),
        ("git@h:org/app.git", "../../../lib.git", None),
        ("/srv/app.git", "../lib.git", "/srv/lib.git"),
        ("https://h/a", "https://other/x.git", "https://other/x.git"),
        ("https://h/a", "ext::sh", None),
        ("https://h/a", "lib", None),
        ("nonsense", "../x", None),
    ],
)
def test_a_submodules_url_is_resolved_as_git_does(
    base: str, relative: str, expected: str | None
) -> None:
    assert join(base, relative) == expected
