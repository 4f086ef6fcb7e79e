"""Who a fan is: a random id and a label in a signed cookie.

The id owns tickets and stands in op_log; the label is for the fan's own eyes and goes nowhere
else. The cookie reads `1.<payload>.<signature>`: the format's version, the payload as base64url of
JSON, and HMAC-SHA256 over both. The key is derived from the server's secret and a purpose, so that
what is signed here can never pass for something else signed with the same secret.
"""

import base64
import binascii
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

COOKIE = "worldseat_fan"
DEFAULT_NAME = "Fan"
NAME_MAX = 40

_VERSION = "1"
_PURPOSE = b"worldseat fan cookie, version 1"
_YEAR_S = 365 * 24 * 60 * 60
_VALUE_MAX = 1_000
"""The longest cookie we issue has 40 characters of 4 bytes, each escaped or not: under 700."""
_WITHOUT_JOINERS = {0x200C: None, 0x200D: None}
_FAN_ID = re.compile(r"fan_[a-z2-7]{26}")


class Fan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fan as the cookie knows them."""

    fan_id: str
    name: str


_decode = msgspec.json.Decoder(Fan).decode
_encode = msgspec.json.Encoder().encode


class Fans:
    """Issues fan cookies and reads them back. All processes of an on-sale share the secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, "sha256")

    def read(self, scope: Mapping[str, Any]) -> Fan | None:
        """Return the fan that the request's cookie proves, or None if there is none that does.

        Anything forged, cut short, of another version or too long is no fan, never an error.
        """
        for value in _cookies(scope["headers"]):
            fan = self._verify(value)
            if fan is not None:
                return fan
        return None

    def issue(
        self, scope: Mapping[str, Any], name: str | None = None, *, fan: Fan | None = None
    ) -> tuple[Fan, str]:
        """Return a fan and the Set-Cookie header that makes the browser be that fan.

        A new fan gets a fresh random id; an old one given as `fan` keeps it and may get a new name.
        """
        kept = fan.name if fan else DEFAULT_NAME
        fan_id = fan.fan_id if fan else new_fan_id()
        issued = Fan(fan_id=fan_id, name=kept if name is None else name)
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        header = (
            f"{COOKIE}={self._sign(issued)}; Max-Age={_YEAR_S}; Path=/; HttpOnly; SameSite=Lax"
            f"{secure}"
        )
        return issued, header

    def _sign(self, fan: Fan) -> str:
        signed = f"{_VERSION}.{_to_text(_encode(fan))}"
        return f"{signed}.{_to_text(self._signature(signed))}"

    def _signature(self, signed: str) -> bytes:
        return hmac.digest(self._key, signed.encode(), "sha256")

    def _verify(self, value: str) -> Fan | None:
        if len(value) > _VALUE_MAX or not value.isascii():
            return None
        signed, _, signature = value.rpartition(".")
        version, _, payload = signed.partition(".")
        if version != _VERSION:
            return None
        expected = _to_text(self._signature(signed))
        if not hmac.compare_digest(signature, expected):
            return None
        try:
            fan = _decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return fan if _FAN_ID.fullmatch(fan.fan_id) else None


def new_fan_id() -> str:
    """Return a fresh unguessable fan id: 130 random bits in base32."""
    return f"fan_{base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]}"


def clean_name(name: str) -> str | None:
    """Return the name as it will be shown, or None if it is not 1 to 40 printable characters.

    The two joiners count as printable: Persian names and many emoji are written with them.
    """
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    seen = shown.translate(_WITHOUT_JOINERS)
    return shown if seen and seen.isprintable() and len(shown) <= NAME_MAX else None


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[str]:
    for key, value in headers:
        if key == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                name, _, content = pair.strip().partition("=")
                if name == COOKIE:
                    yield content


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
