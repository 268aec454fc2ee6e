"""Certificates and tokens are made once, for their owner only."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gitops.controlplane import certificates
from gitops.errors import ControlPlaneError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster") / "pki"
    certificates.make(folder, NOW)
    return folder


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize("name", ["apiserver", "etcd", "etcd-client"])
def test_each_certificate_is_signed_by_our_authority(pki: Path, name: str) -> None:
    leaf, authority = load(pki / f"{name}.crt"), load(pki / "ca.crt")
    leaf.verify_directly_issued_by(authority)
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.not_valid_before_utc == NOW - timedelta(days=1)
    assert leaf.not_valid_after_utc > NOW + timedelta(days=3640)


def test_the_servers_name_is_loopback(pki: Path) -> None:
    names = load(pki / "apiserver.crt").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "127.0.0.1" in [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)]


def test_only_the_owner_can_read(pki: Path) -> None:
    assert {stat.S_IMODE(file.stat().st_mode) for file in pki.iterdir()} == {0o600}
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700


def test_what_exists_stays(pki: Path) -> None:
    before = {file.name: file.read_bytes() for file in pki.iterdir()}
    certificates.make(pki, NOW + timedelta(days=1))
    assert {file.name: file.read_bytes() for file in pki.iterdir()} == before


def test_each_user_has_a_token_of_its_own(pki: Path) -> None:
    tokens = {certificates.token(pki, user) for user in certificates.USERS}
    assert len(tokens) == len(certificates.USERS)
    assert all(len(token) == 48 for token in tokens)


def test_a_user_who_came_later_gets_a_token_too(tmp_path: Path) -> None:
    certificates.make(tmp_path, NOW)
    tokens = tmp_path / certificates.TOKENS
    lines = tokens.read_text().splitlines(keepends=True)
    tokens.write_text("".join(lines[:-1]))
    certificates.make(tmp_path, NOW)
    assert tokens.read_text().splitlines(keepends=True)[:-1] == lines[:-1]
    assert len(certificates.token(tmp_path, list(certificates.USERS)[-1])) == 48


def test_without_a_control_plane_there_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError) as caught:
        certificates.token(tmp_path / "pki", "admin")
    assert caught.value.reason == "stopped"
    assert caught.value.where == str(tmp_path)
