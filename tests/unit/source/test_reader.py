"""Commit objects as they come, however odd."""

from datetime import UTC, datetime

from gitops.source.reader import parse_commit

SHA = "a" * 40


def test_a_commit_is_read_with_its_time_in_utc() -> None:
    commit = parse_commit(
        SHA,
        b"tree x\nparent y\nauthor Ada L <ada@x> 1700000000 +0200\n"
        b"committer B <b@x> 1700000001 +0000\n\nSubject\n\nBody\n",
    )
    assert (commit.sha, commit.author) == (SHA, "Ada L <ada@x>")
    assert commit.message == "Subject\n\nBody"
    assert commit.authored_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert commit.signature == "N"


def test_a_signed_commit_is_marked_as_not_checked() -> None:
    content = b"author A <a@x> 1 +0000\ngpgsig -----BEGIN-----\n abc\n -----END-----\n\nMessage"
    assert parse_commit(SHA, content).signature == "E"


def test_a_signature_in_the_message_is_none() -> None:
    assert parse_commit(SHA, b"author A <a@x> 1 +0000\n\ngpgsig here").signature == "N"


def test_other_encodings_are_read_and_wrong_ones_survive() -> None:
    latin = "author Jos\xe9 <j@x> 1 +0000\nencoding ISO-8859-1\n\nol\xe9".encode("latin-1")
    assert parse_commit(SHA, latin).author == "José <j@x>"
    assert parse_commit(SHA, latin).message == "olé"
    for encoding in (b"no-such", b"utf-8"):
        odd = b"author A <a@x> 1 +0000\nencoding " + encoding + b"\n\n\xff!"
        assert parse_commit(SHA, odd).message.endswith("!")


def test_a_malformed_author_is_kept_as_it_stands() -> None:
    assert parse_commit(SHA, b"author nobody\n\nm").author == "nobody"
    assert parse_commit(SHA, b"\n\nm").author == ""
    impossible = parse_commit(SHA, b"author A <a@x> 99999999999999999 +0000\n\nm")
    assert impossible.authored_at is None
