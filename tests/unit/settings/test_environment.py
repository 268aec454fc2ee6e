from collections.abc import Mapping
from pathlib import Path

import pytest

from gitops.errors import SettingsError
from gitops.settings.load import Settings, load_settings


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def with_variables(variables: Mapping[str, str]) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return with_variables


def test_sections_are_read_by_key(load) -> None:
    settings = load({"GITOPS_SERVER__PORT": "99", "GITOPS_GIT__POLL_INTERVAL": "5s"})
    assert settings.server.port == 99
    assert settings.git.poll_interval.total_seconds() == 5


def test_variables_of_the_commands_are_no_settings(load) -> None:
    settings = load({"GITOPS_SERVER": "http://127.0.0.1:1", "GITOPS_TOKEN": "t"})
    assert settings.server.port == 8080


def test_variables_of_other_programs_are_no_settings(load) -> None:
    settings = load({"SERVER": "x", "GIT": "/usr/bin/git", "stateDir": "/elsewhere"})
    assert settings.server.host == "127.0.0.1"
    assert settings.state_dir != Path("/elsewhere")


@pytest.mark.parametrize("text", ["a.example,b.example", " a.example , b.example"])
def test_words_are_separated_by_commas(load, text: str) -> None:
    hosts = load({"GITOPS_SERVER__ALLOWED_HOSTS": text}).server.allowed_hosts
    assert hosts[0] == "a.example"
    assert len(hosts) == 2


def test_words_may_be_json(load) -> None:
    settings = load({"GITOPS_SERVER__ALLOWED_HOSTS": '["a.example"]'})
    assert settings.server.allowed_hosts == ("a.example",)


def test_paths_are_separated_as_in_path(load) -> None:
    settings = load({"GITOPS_APPLICATIONS": "/a:/b"})
    assert settings.applications == (Path("/a"), Path("/b"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GITOPS_SERVER__NONSENSE", "1", "unknown setting server.nonsense"),
        ("GITOPS_SERVER__PORT", "many", "server.port"),
        ("GITOPS_GIT__CREDENTIALS", "secret", 'error parsing value for field "git"'),
        ("GITOPS_SERVER__ALLOWED_HOSTS", "[x", "server.allowed_hosts"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(load, name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load({name: value})
    assert "secret" not in str(caught.value)


def test_paths_of_health_checks_are_separated_as_in_path(load) -> None:
    assert load({"GITOPS_HEALTH__CHECKS": "/a:b/c"}).health.checks == (Path("/a"), Path("b/c"))
    assert load({"GITOPS_HEALTH__CHECKS": ""}).health.checks == ()


def test_customizations_of_health_are_read_as_json(load) -> None:
    key = "resource.customizations.health.Pod"
    settings = load({"GITOPS_HEALTH__CUSTOMIZATIONS": f'{{"{key}": "return nil"}}'})
    assert settings.health.customizations == {key: "return nil"}
