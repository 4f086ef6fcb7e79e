"""Who may do what: one pure function of a request's scope and a frozen policy.

Three kinds of request:

- **reading** (GET, HEAD, OPTIONS) is open to everybody, except `/metrics`;
- **a fan's action** is one of the paths in `_FAN_ACTIONS`; whose action it is, the fan cookie says;
- **everything else** is the operator's. A path that nobody thought of is therefore closed.

The operator's requests are open only to somebody on this machine: the server is bound to a loopback
address *and* the request names a loopback Host, which a page that was pointed at 127.0.0.1 by a DNS
trick cannot do, *and* no proxy says that it forwards for somebody. Otherwise they need
`Authorization: Bearer <operator token>`.

A browser tells us where an unsafe request comes from, in `Sec-Fetch-Site`, in `Origin` or in both:
each one that is there must say "from this very site". That is also the answer to
`Sec-Fetch-Site: none` (a bookmark, a typed address): no person can send JSON that way, so it is not
a way in. A request with neither is no browser's (curl, the CLI) and carries nobody's cookies
unasked, so there is nothing to protect it from.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FAN_ACTIONS = re.compile(r"/api/me|/api/events/[^/]+/claims")
_OPERATOR_READS = frozenset({"/metrics"})
_FORWARDED = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the server was told at start: where it listens and the operator's token, if any."""

    bound_host: str
    operator_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Why a request is refused: a problem code and two sentences for whoever sent it."""

    code: str
    message: str
    next_step: str


_BAD_HOST = Denied(
    code="bad-host",
    message="The request does not name one host.",
    next_step="Send exactly one Host header that holds a host name, with a port if need be.",
)
_CROSS_SITE = Denied(
    code="cross-site",
    message="This request was made by another site's page.",
    next_step="Use WorldSeat's own page, or a program that is not a browser.",
)
_OPERATOR_ONLY = Denied(
    code="operator-only",
    message="Only the operator may do this.",
    next_step=(
        "Do it on the machine itself, under http://127.0.0.1 or http://localhost, "
        "or send 'Authorization: Bearer <operator token>'."
    ),
)


def decide(scope: Mapping[str, Any], policy: Policy) -> Denied | None:
    """Return None if the ASGI http request of this scope may go on, or else why not."""
    method: str = scope["method"]
    path: str = scope["path"]
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    unsafe = method not in _SAFE_METHODS
    if not unsafe and path not in _OPERATOR_READS:
        return None
    host = _one(headers, b"host")
    if host is None or not _HOST.fullmatch(host):
        return _BAD_HOST
    if unsafe and not _same_site(headers, host=host, scheme=scope.get("scheme", "http")):
        return _CROSS_SITE
    if unsafe and _FAN_ACTIONS.fullmatch(path):
        return None
    if _on_this_machine(headers, host, policy) or _has_token(headers, policy):
        return None
    return _OPERATOR_ONLY


def is_loopback(host: str) -> bool:
    """Say whether a host name or address, without port, is surely this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return address.is_loopback


def _on_this_machine(headers: Iterable[tuple[bytes, bytes]], host: str, policy: Policy) -> bool:
    if not is_loopback(policy.bound_host) or any(
        name.startswith(_FORWARDED) for name, _ in headers
    ):
        return False
    match = _HOST.fullmatch(host)
    return match is not None and is_loopback(match["name"])


def _has_token(headers: Iterable[tuple[bytes, bytes]], policy: Policy) -> bool:
    given = _one(headers, b"authorization")
    if given is None or not policy.operator_token:
        return False
    scheme, _, token = given.partition(" ")
    same = hmac.compare_digest(token.strip().encode(), policy.operator_token.encode())
    return same and scheme.lower() == "bearer"


def _same_site(headers: Iterable[tuple[bytes, bytes]], *, host: str, scheme: str) -> bool:
    site = _all(headers, b"sec-fetch-site")
    origin = _all(headers, b"origin")
    if site and site != ["same-origin"]:
        return False
    return not origin or (len(origin) == 1 and _is_origin_of(origin[0], host=host, scheme=scheme))


def _is_origin_of(origin: str, *, host: str, scheme: str) -> bool:
    """Compare host and port. A page under https may stand before a server that speaks http."""
    if origin == f"{scheme}://{host}":
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORT or (scheme == "https" and parts.scheme != "https"):
        return False
    if origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        return False
    match = _HOST.fullmatch(host)
    if match is None or parts.hostname is None:
        return False
    default = _DEFAULT_PORT[parts.scheme]
    here = (match["name"].strip("[]").lower(), int(match["port"] or default))
    return (parts.hostname, default if port is None else port) == here


def _all(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key == name]


def _one(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return the header's value if it is there exactly once: twice is an attempt to confuse."""
    values = _all(headers, name)
    return values[0] if len(values) == 1 else None
