"""Is this password a token for this endpoint and this role? Checked as AWS does (SigV4).

A token is the address of a GET request, signed in its query, without `https://`. Texts and the
SQLSTATE 28000 are the service's own as recorded by its clients: one message for every refusal, and
a hint for two of them, a token past its end and an action that is not the role's. `reason` is
ours, for the log of the cluster; neither ever quotes the token.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from worldseat.local_dsql.credentials import Secret

SQLSTATE = "28000"
DENIED = "unable to accept connection, access denied"

ADMIN = "admin"
ADMIN_ACTION = "DbConnectAdmin"
ROLE_ACTION = "DbConnect"

EXPIRES_S_MAX = 604_800
"""A week, by the user guide."""

SKEW = timedelta(minutes=5)
"""How far ahead of ours the signer's clock may be; SigV4 has the same bound elsewhere on AWS."""

LENGTH_MAX = 8_192
"""Our choice: a token is 300 characters, or up to some 3,000 with a long session token."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "dsql"
_SCOPE_END = "aws4_request"
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_EXPIRES = re.compile(r"[0-9]{1,6}")
_SIGNATURE = "X-Amz-Signature"
_SESSION = "X-Amz-Security-Token"
_NOTHING = hashlib.sha256(b"").hexdigest()


class Denied(Exception):
    """The login is refused: what the client is told, and the reason for the cluster's own log."""

    sqlstate = SQLSTATE

    def __init__(self, reason: str, *, hint: str | None = None) -> None:
        super().__init__(DENIED)
        self.message = DENIED
        self.hint = hint
        self.reason = reason


def verify(
    token: str,
    *,
    host: str,
    region: str,
    user: str,
    now: datetime,
    secrets: Mapping[str, Secret],
    roles: Mapping[str, Collection[str]],
) -> None:
    """Return if the token lets its bearer in as `user` at `host`, the endpoint's name, in `region`.

    `secrets` are the signers by access key id. `roles` maps each custom role to the ARNs that it
    was granted to; `admin` is every signer's. `now` has a time zone. Raises Denied.
    """
    asked_host, query = _parts(token)
    if asked_host != host.lower():
        raise Denied("the token is for another endpoint")
    if query["X-Amz-Algorithm"] != _ALGORITHM:
        raise Denied("the token is not signed by " + _ALGORITHM)
    if query["X-Amz-SignedHeaders"] != "host":
        raise Denied("the token does not sign the host alone")
    key_id, scope = _scope(query, region)
    secret = secrets.get(key_id)
    if secret is None:
        raise Denied("nobody here has the token's access key")
    _check_session(query, secret)
    expected = _signature(asked_host, query, scope, secret.secret)
    if not hmac.compare_digest(expected.encode(), query[_SIGNATURE].encode()):
        raise Denied("the token's signature is wrong: another secret, or the token was changed")
    _check_time(query, now)
    _check_role(query["Action"], user, secret, roles)


def _parts(token: str) -> tuple[str, Mapping[str, str]]:
    """Return the host and the decoded query; all that is checked later is in it."""
    if len(token) > LENGTH_MAX:
        raise Denied(f"the password is longer than any token ({LENGTH_MAX} characters)")
    # Every signer escapes what is not ASCII, and what is not could not be signed anew.
    host, slash, text = token.partition("/?") if token.isascii() else ("", "", "")
    pairs = [pair.partition("=") for pair in text.split("&")]
    if not slash or not all(equals for _, equals, _ in pairs):
        raise Denied("the password is not a token")
    query = {unquote(name): unquote(value) for name, _, value in pairs}
    if len(query) != len(pairs):
        raise Denied("the token says something twice")
    wanted = (
        *("Action", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-SignedHeaders", _SIGNATURE),
    )
    for name in wanted:
        if name not in query:
            raise Denied(f"the token lacks {name}")
    return host, query


def _scope(query: Mapping[str, str], region: str) -> tuple[str, str]:
    """Return the access key id and what the signature is good for: date/region/service/end."""
    key_id, slash, scope = query["X-Amz-Credential"].partition("/")
    if not slash:
        raise Denied("the token's credential has no scope")
    if scope != f"{query['X-Amz-Date'][:8]}/{region}/{_SERVICE}/{_SCOPE_END}":
        raise Denied(f"the token is for another Region than {region}, another service or day")
    return key_id, scope


def _check_session(query: Mapping[str, str], secret: Secret) -> None:
    """Temporary credentials sign together with their session token, others without one."""
    shown, owned = query.get(_SESSION), secret.session_token
    if (shown is None) != (owned is None) or not hmac.compare_digest(
        (shown or "").encode(), (owned or "").encode()
    ):
        raise Denied("the token's session is not the one of its access key")


def _signature(host: str, query: Mapping[str, str], scope: str, secret: str) -> str:
    """Sign the request anew: Signature Version 4, with the signature in the query."""
    # By encoded name, and everything encoded but what RFC 3986 calls unreserved.
    signed = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in query.items()
        if name != _SIGNATURE
    )
    listed = "&".join(f"{name}={value}" for name, value in signed)
    request = "\n".join(("GET", "/", listed, f"host:{host}", "", "host", _NOTHING))
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, "\n".join((_ALGORITHM, query["X-Amz-Date"], scope, digest))).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _check_time(query: Mapping[str, str], now: datetime) -> None:
    if not _DATE.fullmatch(query["X-Amz-Date"]) or not _EXPIRES.fullmatch(query["X-Amz-Expires"]):
        raise Denied("the token's date or duration is not one")
    try:
        signed_at = datetime.strptime(query["X-Amz-Date"], _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise Denied("the token's date is none in the calendar") from None
    expires_s = int(query["X-Amz-Expires"])
    if not 1 <= expires_s <= EXPIRES_S_MAX:
        raise Denied(f"the token is good for {expires_s} s, and not for 1 to {EXPIRES_S_MAX}")
    # The rest of both hints is ours; of the service's only the first words are on record.
    if signed_at > now + SKEW:
        ahead = f"{query['X-Amz-Date']} is later than {now.astimezone(UTC):{_DATE_FORMAT}}"
        raise Denied("the token is of the future", hint=f"Signature not yet current: {ahead}")
    end = signed_at + timedelta(seconds=expires_s)
    if now >= end:
        over = f"{end:{_DATE_FORMAT}} is earlier than {now.astimezone(UTC):{_DATE_FORMAT}}"
        raise Denied("the token is past its end", hint=f"Signature expired: {over}")


def _check_role(
    action: str, user: str, secret: Secret, roles: Mapping[str, Collection[str]]
) -> None:
    if action != (ADMIN_ACTION if user == ADMIN else ROLE_ACTION):
        if action not in {ADMIN_ACTION, ROLE_ACTION}:
            raise Denied("the token's action is none of the service's")
        raise Denied(
            "the token's action is not the role's",
            hint=f"Wrong user to action mapping. user: {user}, action: {action}",
        )
    if user != ADMIN and secret.arn not in roles.get(user, ()):
        raise Denied(f"{secret.arn} was not granted the role")
