"""The address of an Aurora DSQL endpoint, read into its parts.

    postgresql://admin@<id>.dsql.us-east-1.on.aws:5432/postgres

Query words may add `address` (where to connect when that is not the name), `ca_file` (whom to trust
instead of the system's authorities), `credentials_file` and `profile` (who signs tokens, instead of
AWS's default chain). A local cluster's addresses have all four.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

PORT = 5432
DATABASE = "postgres"
ADMIN = "admin"

_DOMAIN = ".on.aws"
# `.dsql-` and some characters more is what a private endpoint of AWS answers to.
_NAME = re.compile(
    r"[a-z0-9]+\.dsql(?:-[a-z0-9]+)?\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])\.on\.aws"
)
_WORDS = ("address", "ca_file", "credentials_file", "profile")


class BadAddress(ValueError):
    """An address of a Region says something that cannot be; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A Regional endpoint of DSQL, and how to reach and enter it. `host` is its name for TLS."""

    host: str
    region: str
    address: str
    port: int = PORT
    user: str = ADMIN
    database: str = DATABASE
    ca_file: str | None = None
    credentials_file: str | None = None
    profile: str | None = None

    @property
    def on_loopback(self) -> bool:
        """Say whether the connection stays on this machine."""
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return self.address == "localhost"


def is_dsql(url: str) -> bool:
    """Say whether an address is an Aurora DSQL endpoint; any other is plain PostgreSQL."""
    return (urlsplit(url).hostname or "").endswith(_DOMAIN)


def is_local(url: str) -> bool:
    """Say whether an address leads to a DSQL endpoint on this machine: a local cluster.

    A tunnel to AWS looks the same: better AWS taken for a stand-in than a stand-in for AWS.
    """
    return is_dsql(url) and parse(url).on_loopback


def parse(url: str) -> Endpoint:
    """Read the address of a DSQL endpoint. Raises BadAddress."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = _NAME.fullmatch(host)
    if named is None:
        raise BadAddress(
            f"{host!r} is not the name of an Aurora DSQL endpoint, "
            "which looks like <id>.dsql.us-east-1.on.aws."
        )
    if parts.scheme not in {"postgresql", "postgres"}:
        raise BadAddress(f"The address of {host} begins with {parts.scheme}, not with postgresql.")
    if parts.password is not None:
        raise BadAddress(
            f"The address of {host} has a password. Aurora DSQL takes none: "
            "a token is made for every connection."
        )
    words = _words(parts, host)
    return Endpoint(
        host=host,
        region=named["region"],
        address=words.get("address", host),
        port=_port(parts, host),
        user=unquote(parts.username or ADMIN),
        database=unquote(parts.path.lstrip("/")) or DATABASE,
        ca_file=words.get("ca_file"),
        credentials_file=words.get("credentials_file"),
        profile=words.get("profile"),
    )


def through(url: str, *, address: str, port: int) -> str:
    """Return the address of the same endpoint, reached by way of somebody who passes TLS on.

    Name, role and everything else stay, so token and certificate are those of the endpoint. Raises
    BadAddress.
    """
    parts = urlsplit(url)
    words = {**_words(parts, parts.hostname or ""), "address": address}
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(
        parts._replace(
            netloc=f"{user}{at}{parts.hostname}:{port}",
            query=urlencode(words, safe="/", quote_via=quote),
        )
    )


def as_user(url: str, user: str) -> str:
    """Return the same address for another role of the database."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}@{host}"))


def _words(parts: SplitResult, host: str) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    for name, value in pairs:
        if name not in _WORDS or not value:
            raise BadAddress(
                f"The address of {host} says {name}={value}. It may say {', '.join(_WORDS)}, "
                "each with a value; TLS is always verified and needs no word."
            )
    words = dict(pairs)
    if len(words) != len(pairs):
        raise BadAddress(f"The address of {host} says one thing twice.")
    return words


def _port(parts: SplitResult, host: str) -> int:
    try:
        return parts.port or PORT
    except ValueError as error:
        raise BadAddress(f"The address of {host} has no port from 1 to 65535.") from error
