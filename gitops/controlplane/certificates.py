"""The control plane's own certificates, keys and tokens, made once a directory.

In: an empty folder. Out: PEM files and a table of tokens, readable by their owner only. The
supervisor calls `make` before it starts anything; nothing leaves the directory.
"""

import ipaddress
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gitops.errors import ControlPlaneError

USERS: Final = {
    "admin": "admin",
    "kube-controller-manager": "system:kube-controller-manager",
    "kube-scheduler": "system:kube-scheduler",
    "kwok": "kwok",
    "supervisor": "gitops-supervisor",
    "gitops": "gitops",
}
"""Who has a token, with its name in the audit log. All are in `system:masters`."""

VALID: Final = timedelta(days=3650)
SERVER_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVICE_IP: Final = "10.96.0.1"
TOKENS: Final = "tokens.csv"

Key = ec.EllipticCurvePrivateKey


def make(folder: Path, now: datetime) -> None:
    """Write CA, server and client certificates, the service account key and the tokens.

    Does nothing where they all exist. `now` is aware; everything is valid for ten years from a
    day before it, so that a clock that runs behind does no harm.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _make_tokens(folder / TOKENS)
    names = ("ca", "apiserver", "etcd", "etcd-client")
    files = [*(f"{name}.{end}" for name in names for end in ("crt", "key")), "sa.key", "sa.pub"]
    if all((folder / file).exists() for file in files):
        return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, now)
    write_private(folder / "ca.crt", authority.public_bytes(serialization.Encoding.PEM))
    write_private(folder / "ca.key", _pem(authority_key))
    for name in names[1:]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _leaf(name, key, (authority, authority_key), now)
        write_private(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))
        write_private(folder / f"{name}.key", _pem(key))
    service_accounts = ec.generate_private_key(ec.SECP256R1())
    write_private(folder / "sa.key", _pem(service_accounts))
    write_private(
        folder / "sa.pub",
        service_accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def _make_tokens(path: Path) -> None:
    """A token for each user that has none yet."""
    text = path.read_text() if path.exists() else ""
    known = {line.split(",")[2] for line in text.splitlines()}
    more = [
        f'{secrets.token_hex(24)},{name},{user},"system:masters"\n'
        for user, name in USERS.items()
        if user not in known
    ]
    if more:
        write_private(path, (text + "".join(more)).encode())


def token(folder: Path, user: str) -> str:
    """The token of one of `USERS`; raises ControlPlaneError `stopped` where there is none."""
    try:
        rows = [line.split(",") for line in (folder / TOKENS).read_text().splitlines()]
    except FileNotFoundError:
        raise ControlPlaneError(
            "there is no control plane here", where=str(folder.parent), reason="stopped"
        ) from None
    return next(row[0] for row in rows if row[2] == user)


def _authority(key: Key, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gitops control plane CA")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    name: str, key: Key, issuer: tuple[x509.Certificate, Key], now: datetime
) -> x509.Certificate:
    authority, authority_key = issuer
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address(SERVICE_IP)]
    names: list[x509.GeneralName] = [x509.DNSName(server) for server in SERVER_NAMES]
    names += [x509.IPAddress(address) for address in addresses]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject, authority.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime
) -> x509.CertificateBuilder:
    start = now.astimezone(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
