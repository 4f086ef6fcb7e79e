"""The cluster's own certificate authority, and the TLS that its endpoints speak.

The authority signs one certificate and its key is then forgotten: nothing on the disk can sign
another name. When the names change or the end is near, both are made anew.
"""

import asyncio
import fcntl
import ipaddress
import os
import secrets
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.pem"
_SERVER_FILE = "server.pem"
_LOCK_FILE = ".tls.lock"

LIFE = timedelta(days=3650)
RENEWED_BEFORE = timedelta(days=30)
_EARLIER = timedelta(hours=1)  # A client's clock may be behind ours.

_LOOPBACK_NAME = "localhost"
_LOOPBACK_ADDRESS = ipaddress.IPv4Address("127.0.0.1")

PROTOCOLS = ("postgresql",)
"""What a client that begins with TLS must ask for by ALPN; PostgreSQL 17 made it so."""


class EndpointTls(ssl.SSLObject):
    """One connection's TLS. `indicated_name` is what the client named as its server (SNI)."""

    indicated_name: str | None = None


def indicated_name(transport: asyncio.BaseTransport) -> str | None:
    """Return the server name that the client of a TLS transport sent, or None if it sent none."""
    tls = transport.get_extra_info("ssl_object")
    return tls.indicated_name if isinstance(tls, EndpointTls) else None


def server_context(home: Path, names: Sequence[str]) -> ssl.SSLContext:
    """Return the TLS of all endpoints; clients verify it with `home / CA_FILE`. Blocks.

    The certificate is good for `names`, for localhost and for 127.0.0.1. It is made where none is
    that fits, once, also when two processes come at the same time. Raises OSError.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _alone(home):
        if not _fits(home, names):
            _make(home, names)
        context.load_cert_chain(home / _SERVER_FILE)
    context.set_alpn_protocols(PROTOCOLS)
    context.sslobject_class = EndpointTls
    context.sni_callback = _remember_name
    return context


def _remember_name(tls: object, name: str | None, _context: ssl.SSLContext) -> None:
    """Note the name and let every client in: who asked for what is judged after the handshake."""
    if isinstance(tls, EndpointTls):
        tls.indicated_name = name


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Wait until no other process looks at the certificate of this home, or makes it."""
    lock = os.open(home / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fits(home: Path, names: Sequence[str]) -> bool:
    """Say whether the files are there, belong together, and are good for the names and long enough.

    A file that is damaged, or somebody else's, is as good as none.
    """
    try:
        server, authority = x509.load_pem_x509_certificates((home / _SERVER_FILE).read_bytes())
        trusted = x509.load_pem_x509_certificate((home / CA_FILE).read_bytes())
        named = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(home / _SERVER_FILE)
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound, ssl.SSLError):
        return False
    good_until = min(server.not_valid_after_utc, authority.not_valid_after_utc)
    return (
        trusted == authority
        and set(named.get_values_for_type(x509.DNSName)) == {*names, _LOOPBACK_NAME}
        and datetime.now(UTC) < good_until - RENEWED_BEFORE
    )


def _make(home: Path, names: Sequence[str]) -> None:
    signing_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _authority(signing_key, names)
    server = _server(server_key.public_key(), names, authority, signing_key)
    key = server_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The chain last: until it is there, nothing else in the folder counts.
    _write(home / CA_FILE, _pem(authority))
    _write(home / _SERVER_FILE, key + _pem(server) + _pem(authority))


def _authority(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
    """An authority whose word counts for these names only, whoever trusts it for whatever."""
    subject = _subject("WorldSeat local DSQL cluster: authority")
    permitted = [
        *(x509.DNSName(name) for name in (*names, _LOOPBACK_NAME)),
        x509.IPAddress(ipaddress.IPv4Network(_LOOPBACK_ADDRESS)),
    ]
    return (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePublicKey,
    names: Sequence[str],
    authority: x509.Certificate,
    signing_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(_subject("WorldSeat local DSQL cluster"), authority.subject, key)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(name) for name in (*names, _LOOPBACK_NAME)),
                    x509.IPAddress(_LOOPBACK_ADDRESS),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
        .sign(signing_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    """Put the content in place whole or not at all; only this account may read it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
