"""A request's JSON body: bounded before it is read, strict when it is understood."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.types import Receive

from worldseat.web.problems import WebError

BODY_MAX = 64 * 1024
"""Bytes. No request of this API needs more than a few hundred."""
_READ_WITHIN_S = 10.0
_JSON = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)

T = TypeVar("T")


async def read_json(
    scope: Mapping[str, Any], receive: Receive, decoder: "msgspec.json.Decoder[T]"
) -> T:
    """Read and check the body of a request.

    Raises WebError: not-json (415), too-large (413), too-slow (408), bad-encoding and bad-json
    (400), wrong-shape (422). No more than BODY_MAX bytes are ever kept.
    """
    _check_type(scope["headers"])
    raw = await _read(scope["headers"], receive)
    try:
        text = raw.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8: byte {error.start} cannot stand there."
        raise WebError("bad-encoding", message) from error
    return decode(text, decoder)


def decode(text: str, decoder: "msgspec.json.Decoder[T]") -> T:
    """Understand JSON text. Raises WebError: bad-json or wrong-shape."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        # The typed decoder stops at the first thing it does not want, even in a broken text, and to
        # it 60.0 is no integer; to JSON it is. Only what is neither is of the wrong shape.
        value = _any_json(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad_json(error) from error
    try:
        return msgspec.convert(_whole_numbers(value), decoder.type)
    except msgspec.ValidationError as error:
        raise WebError("wrong-shape", f"{error}.") from error
    except RecursionError as error:
        raise _bad_json(error) from error


def _any_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad_json(error) from error


def _bad_json(error: Exception) -> WebError:
    return WebError("bad-json", f"The body is not JSON: {error}.")


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_type(headers: Iterable[tuple[bytes, bytes]]) -> None:
    given = [value.decode("latin-1") for key, value in headers if key == b"content-type"]
    if len(given) != 1 or not _JSON.fullmatch(given[0].strip()):
        raise WebError("not-json", "The body must be sent as application/json, in UTF-8.")


async def _read(headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> bytes:
    for key, value in headers:
        if key == b"content-length" and value.isdigit() and int(value) > BODY_MAX:
            raise _too_large()
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            return await _collect(receive)
    except TimeoutError as error:
        message = f"The body did not arrive within {_READ_WITHIN_S:.0f} seconds."
        raise WebError("too-slow", message) from error


async def _collect(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WebError("bad-json", "The connection was closed in the middle of the body.")
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> WebError:
    return WebError("too-large", f"The body is longer than {BODY_MAX // 1024} kB.")
