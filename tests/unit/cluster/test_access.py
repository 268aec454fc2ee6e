import asyncio
import base64
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from kubernetes.aio.client import Configuration

from gitops.cluster.access import (
    SILENT_TOKEN_AGE_S,
    TOKEN_AGE_S,
    TokenFile,
    Trust,
    _rerun,
    open_endpoint,
)
from gitops.errors import SettingsError

YEAR = timedelta(days=365)
SERVER = "https://127.0.0.1:6443/"


def kubeconfig(user=None, cluster=None, context="c"):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }


@pytest.fixture
def opened(tmp_path):
    def open_it(config=None, *, trust=None, environ=None, context=None, path="kubeconfig"):
        given = None
        if config is not None:
            given = tmp_path / path
            text = config if isinstance(config, str) else yaml.safe_dump(config)
            given.write_text(text)
        opening = open_endpoint(given, context, trust or Trust(), environ or {})
        return asyncio.run(opening)

    return open_it


def authorization(endpoint):
    return asyncio.run(endpoint.authorization())


def test_a_token_becomes_a_header_and_is_not_shown(opened):
    endpoint = opened(kubeconfig({"token": "planted"}))
    assert authorization(endpoint) == "Bearer planted"
    assert endpoint.url == "https://127.0.0.1:6443"
    assert "planted" not in repr(endpoint)


def test_a_user_without_credentials_sends_none(opened):
    assert authorization(opened(kubeconfig())) is None


def test_a_name_and_password_are_basic(opened):
    endpoint = opened(kubeconfig({"username": "u", "password": "p"}))
    assert authorization(endpoint) == "Basic " + base64.b64encode(b"u:p").decode()


def test_a_token_file_is_relative_to_the_kubeconfig(opened, tmp_path):
    (tmp_path / "token").write_text("from-file\n")
    assert authorization(opened(kubeconfig({"tokenFile": "token"}))) == "Bearer from-file"


def test_a_service_account_is_used_in_a_pod(opened, tmp_path, authority):
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "ca.crt").write_text(authority)
    environ = {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "443"}
    endpoint = opened(trust=Trust(service_account=tmp_path), environ=environ)
    assert endpoint.url == "https://[::1]:443"
    assert authorization(endpoint) == "bearer pod-token"
    (tmp_path / "token").write_text("renewed\n")
    assert authorization(endpoint) == "bearer pod-token", "it is not old"
    assert asyncio.run(endpoint.renewed("bearer pod-token"))
    assert authorization(endpoint) == "Bearer renewed"
    assert not asyncio.run(endpoint.renewed("Bearer renewed"))
    (tmp_path / "token").unlink()
    assert asyncio.run(endpoint.renewed("Bearer renewed"))
    assert authorization(endpoint) is None
    assert not asyncio.run(endpoint.renewed(None))


def test_several_files_are_merged_and_the_first_wins(opened, tmp_path):
    first = {**kubeconfig({"token": "one"}), "clusters": []}
    second = kubeconfig({"token": "two"}, context="other")
    for name, content in (("a", first), ("b", second)):
        (tmp_path / name).write_text(yaml.safe_dump(content))
    environ = {"KUBECONFIG": f"{tmp_path / 'a'}:{tmp_path / 'not-there'}:{tmp_path / 'b'}"}
    endpoint = opened(environ=environ)
    assert authorization(endpoint) == "Bearer one"
    assert endpoint.url == "https://127.0.0.1:6443"


def test_the_home_directory_s_file_is_the_last_resort(opened, tmp_path):
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(yaml.safe_dump(kubeconfig({"token": "home"})))
    assert authorization(opened(environ={"HOME": str(tmp_path)})) == "Bearer home"


def test_embedded_certificates_leave_no_file(opened, tmp_path, monkeypatch, authority):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    data = base64.b64encode(authority.encode()).decode()
    endpoint = opened(kubeconfig(cluster={"certificate-authority-data": data}))
    assert list(scratch.iterdir()) == []
    assert len(endpoint.tls.get_ca_certs()) == 1


def test_a_server_name_and_a_proxy_are_kept(opened):
    endpoint = opened(
        kubeconfig(cluster={"tls-server-name": "api", "proxy-url": "http://proxy:3128"})
    )
    assert (endpoint.server_name, endpoint.proxy) == ("api", "http://proxy:3128")


BOMB = "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("a: [", "it is not YAML"),
        ("just text", "it is not a kubeconfig"),
        ("a: 1\n---\nb: 2\n", "it is not a kubeconfig"),
        ("users: text", "it is not a kubeconfig"),
        ("contexts: [{name: c, context: text}]\ncurrent-context: c", "it is not a kubeconfig"),
        ("users: [{name: " + "[" * 100_000, "it is not YAML"),
        ("a: &a [x, x, x, x, x, x, x, x, x]\n" + BOMB, "it is not YAML"),
        (kubeconfig({"exec": "evil"}), "it is not a kubeconfig"),
        (kubeconfig({"exec": {"command": ["sh", "-c"], "apiVersion": "v1"}}), "run the program"),
        (kubeconfig(context="gone"), "gone"),
        (kubeconfig({"auth-provider": {"name": "gcp"}}), "auth-provider"),
        (kubeconfig({"exec": {"command": "evil", "apiVersion": "v1"}}), "'evil'"),
        (kubeconfig({"exec": {}}), "run the program"),
        (kubeconfig(cluster={"certificate-authority": "gone.crt"}), "gone.crt"),
        (kubeconfig(cluster={"certificate-authority-data": "?"}), "cannot be used"),
        (kubeconfig({"client-certificate-data": "YQ==", "client-key-data": "YQ=="}), "cannot"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_a_sentence(opened, config, words):
    with pytest.raises(SettingsError) as caught:
        opened(config)
    assert words in caught.value.message
    assert caught.value.where.endswith("kubeconfig")
    assert caught.value.remedy


def test_a_broken_kubeconfig_never_shows_its_lines(opened):
    with pytest.raises(SettingsError) as caught:
        opened("users: [{user: {token: planted")
    assert "planted" not in str(caught.value)


def test_a_missing_file_is_said(opened, tmp_path):
    with pytest.raises(SettingsError, match="no such file") as caught:
        opened(environ={"HOME": str(tmp_path)})
    assert str(caught.value).count(str(tmp_path)) == 1
    with pytest.raises(SettingsError, match="Service token file does not exist"):
        opened(
            environ={"KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"},
            trust=Trust(service_account=tmp_path),
        )


@pytest.mark.parametrize(
    "config",
    [
        kubeconfig({"tokenFile": "token"}),
        kubeconfig(cluster={"certificate-authority": "ca.crt"}),
        kubeconfig({"client-certificate": "a", "client-key": "b"}),
    ],
)
def test_a_stranger_s_kubeconfig_names_no_files(opened, config):
    with pytest.raises(SettingsError, match="names files"):
        opened(config, trust=Trust(files=False))


def test_a_token_file_is_read_again_when_it_is_old(tmp_path):
    path, now = tmp_path / "token", [0.0]
    path.write_text("new")
    configuration = Configuration(api_key={"BearerToken": "Bearer old"})
    refresh = TokenFile(path, lambda: now[0])
    now[0] = TOKEN_AGE_S - 1
    refresh(configuration)
    assert configuration.api_key["BearerToken"] == "Bearer old"
    now[0] = TOKEN_AGE_S
    refresh(configuration)
    assert configuration.api_key["BearerToken"] == "Bearer new"


class Loader:
    """An exec plugin's loader that counts its runs."""

    def __init__(self):
        self.runs = 0

    async def load_from_exec_plugin(self):
        self.runs += 1
        self.token = f"Bearer {self.runs}"


def test_a_program_runs_again_when_its_token_is_old():
    loader, now = Loader(), [0.0]
    configuration = Configuration()
    refresh = _rerun(loader, lambda: now[0])

    def at(seconds):
        now[0] = seconds
        asyncio.run(refresh(configuration))
        return loader.runs

    assert [at(TOKEN_AGE_S), at(SILENT_TOKEN_AGE_S)] == [0, 1]
    assert configuration.api_key["BearerToken"] == "Bearer 1"
    loader.exec_plugin_expiry = "soon"
    assert at(SILENT_TOKEN_AGE_S + TOKEN_AGE_S) == 2


def test_a_program_that_gives_no_credentials_is_named(opened):
    program = {"command": "false", "apiVersion": "client.authentication.k8s.io/v1"}
    trust = Trust(programs=frozenset({"false"}))
    with pytest.raises(SettingsError, match="the program 'false' gave no credentials"):
        opened(kubeconfig({"exec": program}), trust=trust)


def test_another_context_can_be_chosen(opened):
    config = kubeconfig({"token": "t"}, context="gone")
    assert authorization(opened(config, context="c")) == "Bearer t"


@pytest.fixture(scope="module")
def authority():
    """A certificate that nobody signed, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + YEAR)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
