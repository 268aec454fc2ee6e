"""What git prints becomes one sentence with a reason, and never a secret."""

import pytest

from gitops.source.faults import DETAIL_CHARS, explain, explain_local, redact

URL = "https://h/x.git"


@pytest.mark.parametrize(
    ("stderr", "reason", "sentence"),
    [
        (
            "fatal: unable to access 'U': Could not resolve host: h",
            "unreachable",
            "cannot be reached",
        ),
        (
            "fatal: unable to access 'U': Failed to connect to h port 443",
            "unreachable",
            "cannot be",
        ),
        (
            (
                "ssh: connect to host h port 22: Connection timed out\n"
                "fatal: Could not read from remote repository."
            ),
            "unreachable",
            "cannot be reached",
        ),
        ("fatal: Authentication failed for 'U'", "refused", "does not accept the credentials"),
        (
            "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'U'",
            "refused",
            "does not accept",
        ),
        (
            "fatal: could not read Username for 'U': terminal prompts disabled",
            "refused",
            "none are configured",
        ),
        (
            "fatal: unable to access 'U': The requested URL returned error: 403",
            "refused",
            "the right",
        ),
        (
            "fatal: unable to access 'U': The requested URL returned error: 502",
            "unreachable",
            "a fault",
        ),
        ("remote: Not Found\nfatal: repository 'U' not found", "unreachable", "no Git repository"),
        ("fatal: '/x' does not appear to be a git repository", "unreachable", "no Git repository"),
        ("fatal: unable to access 'U': SSL certificate problem: self-signed", "refused", "TLS"),
        (
            "fatal: unable to access 'U': server certificate verification failed. CAfile: none",
            "refused",
            "TLS",
        ),
        (
            (
                "No ED25519 host key is known for h and you have requested strict checking.\n"
                "Host key verification failed.\nfatal: Could not read from remote repository."
            ),
            "refused",
            "host key is not known",
        ),
        (
            (
                "@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n"
                "Host key verification failed."
            ),
            "refused",
            "not the one that is known",
        ),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            "refused",
            "does not accept the SSH key",
        ),
        (
            'Load key "/k": error in libcrypto\ngit@h: Permission denied (publickey).',
            "refused",
            "cannot be used",
        ),
        (
            (
                "fetch-pack: unexpected disconnect while reading sideband packet\n"
                "fatal: early EOF\n"
                "fatal: fetch-pack: invalid index-pack output"
            ),
            "half-answer",
            "broke off",
        ),
        (
            "error: RPC failed; curl 18 transfer closed with outstanding read data remaining",
            "half-answer",
            "broke off",
        ),
        (
            "fatal: pack has bad object at offset 12: inflate returned -3",
            "half-answer",
            "broke off",
        ),
        ("fatal: the remote end hung up unexpectedly", "half-answer", "broke off"),
        ("fatal: remote error: upload-pack: not our ref 1234", "ref-missing", "does not have"),
        (
            "error: Server does not allow request for unadvertised object 1",
            "ref-missing",
            "does not have",
        ),
        (
            "fatal: write error: No space left on device\nfatal: early EOF",
            "disk-full",
            "could not be written",
        ),
        ("fatal: detected dubious ownership in repository at '/x'", "refused", "another user"),
        ("fatal: transport 'ext' not allowed", "refused", "not allowed"),
        ("fatal: mismatched algorithms: client sha1; server sha256", "refused", "SHA-256"),
        ("fatal: unable to update url base from redirection", "unreachable", "moved"),
        (
            "fatal: U/info/refs not valid: is this a git repository?",
            "unreachable",
            "not a Git server",
        ),
        ("error: The requested URL returned error: 429", "unreachable", "how often"),
        (
            "error: cannot run ssh: No such file or directory\nfatal: unable to fork",
            "unreachable",
            "ssh was not found",
        ),
        ("fatal: something new", "unreachable", "git failed: something new"),
        ("", "unreachable", "it gave no reason"),
    ],
)
def test_each_fault_has_its_sentence(stderr: str, reason: str, sentence: str) -> None:
    error = explain(stderr, URL)
    assert (error.reason, error.where) == (reason, URL)
    assert sentence in error.message
    assert error.remedy
    assert "\n" not in str(error)


def test_no_secret_is_shown_in_any_form() -> None:
    text = "fatal: https://ada:hunter2@h/x said hunter2 and aHVudGVyMg== to you"
    shown = str(explain(text, URL, ["hunter2", "aHVudGVyMg=="]))
    assert "hunter2" not in shown
    assert "aHVudGVyMg==" not in shown
    assert redact("ssh://git@h and https://user@h/", []) == "ssh://h and https://h/"


def test_a_longer_secret_is_removed_whole() -> None:
    assert redact("abcdef", ["abc", "abcdef", ""]) == "***"


def test_a_refused_token_is_not_called_missing() -> None:
    stderr = "fatal: could not read Username for 'https://h': terminal prompts disabled"
    assert "does not accept" in explain(stderr, URL, ["token"]).message


def test_what_a_server_says_is_capped_and_cannot_move_the_cursor() -> None:
    shown = explain("remote: \x1b[2J\x07" + "x" * 5000 + "\nfatal: odd", URL).message
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown) < DETAIL_CHARS + 40


def test_a_mirrors_own_fault_names_its_folder() -> None:
    error = explain_local("fatal: bad object HEAD", "/state/m.git")
    assert (error.reason, error.where) == ("half-answer", "/state/m.git")
    assert "remove this folder" in str(error)
    assert explain_local("", "/m").message == "the mirror cannot be used (no reason given)"
    assert explain_local("No space left on device", "/m").reason == "disk-full"
