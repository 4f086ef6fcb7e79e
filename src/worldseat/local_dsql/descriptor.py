"""Where a running cluster is and how to log in: `cluster.json` in its home."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec

FILE = "cluster.json"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A Region's way in: the name that certificate and token carry, and where it really is."""

    host: str
    address: str
    port: int


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What a client or another process needs to know. It names secrets' files, not secrets."""

    cluster_id: str
    endpoints: Mapping[str, Endpoint]
    witness_region: str
    database: str
    user: str
    ca_file: str
    credentials_file: str
    profile: str
    control: str
    postgres_url: str
    pid: int
    ends_with: int | None = None
    """The process that started it and takes it along when it ends; None if it stands alone."""

    def url(self, region: str) -> str:
        """Return a Region's address in the form that WorldSeat's settings take."""
        endpoint = self.endpoints[region]
        words = {
            "address": endpoint.address,
            "ca_file": self.ca_file,
            "credentials_file": self.credentials_file,
            "profile": self.profile,
        }
        query = urlencode(words, safe="/", quote_via=quote)
        return (
            f"postgresql://{quote(self.user, safe='')}@{endpoint.host}:{endpoint.port}"
            f"/{quote(self.database, safe='')}?{query}"
        )


def postgres_of(home: Path) -> str:
    """Return where the PostgreSQL behind a cluster is, for whoever looks past the cluster.

    Raises ValueError if no cluster ever started there.
    """
    found = read(home)
    if found is None:
        message = f"no cluster ever started in {home}"
        raise ValueError(message)
    return found.postgres_url


def write(home: Path, descriptor: Descriptor) -> None:
    """Put the file in place whole; only this account may read it. Raises OSError."""
    fresh = home / f".{FILE}.{secrets.token_hex(8)}"
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(descriptor)) + b"\n")
    fresh.replace(home / FILE)


def read(home: Path) -> Descriptor | None:
    """Return what the last cluster of this home wrote, or None if none ever started.

    Its process may be gone. Raises ValueError if the file was damaged.
    """
    path = home / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Descriptor)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        message = f"{path} does not describe a cluster ({error}): remove it and start again"
        raise ValueError(message) from error
