"""The claim: the one request that thousands send in the same second.

It is a plain ASGI callable in front of the router: the router alone would cost as much as all the
rest of a claim. How many claims may be in flight is bounded, in all and for each fan, so that a
rush ends in quick 429s and not in a queue that nobody outlives.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec.json import Decoder
from starlette.types import Receive, Send

from worldseat.domain.errors import UnknownEvent, WorldSeatError
from worldseat.web.answers import encode
from worldseat.web.body import read_json
from worldseat.web.context import Context, no_fan
from worldseat.web.problems import WebError
from worldseat.web.shapes import ClaimAnswer, ClaimBody

IN_FLIGHT_MAX = 1_000
IN_FLIGHT_PER_FAN_MAX = 8
KEY_MAX = 200

PATH = "/api/events/{event_id}/claims"

_PATH = re.compile(r"/api/events/([^/]+)/claims")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_KEY = re.compile(rb"[\x21-\x7e]{1,%d}" % KEY_MAX)
_JSON = [(b"content-type", b"application/json")]
_body = Decoder(ClaimBody)


def claimed_event(scope: Mapping[str, Any]) -> str | None:
    """Return the event id of a claim's address, or None if the request is no claim."""
    if scope["method"] != "POST":
        return None
    match = _PATH.fullmatch(scope["path"])
    return match[1] if match else None


class Gate:
    """Counts the claims in flight and turns away what would be too many."""

    def __init__(self, limit: int = IN_FLIGHT_MAX, per_fan: int = IN_FLIGHT_PER_FAN_MAX) -> None:
        self.in_flight = 0
        self._limit = limit
        self._per_fan = per_fan
        self._of_fan: dict[str, int] = {}

    @contextmanager
    def pass_through(self, fan_id: str) -> Iterator[None]:
        """Hold a place for one claim of this fan. Raises WebError too-many-claims."""
        mine = self._of_fan.get(fan_id, 0)
        if mine >= self._per_fan:
            message = f"{mine} of your claims are on their way already."
            raise WebError("too-many-claims", message)
        if self.in_flight >= self._limit:
            message = f"{self.in_flight:,} claims are on their way already; yours was not tried."
            raise WebError("too-many-claims", message)
        self.in_flight += 1
        self._of_fan[fan_id] = mine + 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._of_fan[fan_id] -= 1
            if not self._of_fan[fan_id]:
                del self._of_fan[fan_id]


class Claims:
    """Answers `POST /api/events/{event_id}/claims`."""

    def __init__(self, context: Context, gate: Gate) -> None:
        self._context = context
        self._gate = gate
        context.metrics.claims_in_flight.set_function(lambda: gate.in_flight)

    async def __call__(
        self, event_id: str, scope: Mapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Sell, or raise a WorldSeatError that says why not."""
        began = time.perf_counter()
        outcome = "error"
        try:
            answer = await self._claim(event_id, scope, receive)
            outcome = "replayed" if answer.replayed else "sold"
        except WorldSeatError as error:
            outcome = error.code
            raise
        finally:
            self._context.metrics.ended(outcome, time.perf_counter() - began)
        body = encode(answer)
        headers = [*_JSON, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _claim(
        self, event_id: str, scope: Mapping[str, Any], receive: Receive
    ) -> ClaimAnswer:
        fan = self._context.fans.read(scope)
        if fan is None:
            raise no_fan()
        key = _key(scope)
        if not _ID.fullmatch(event_id):
            raise UnknownEvent(f"There is no event {event_id[:80]!r}.")
        with self._gate.pass_through(fan.fan_id):
            wanted = await read_json(scope, receive, _body)
            # From here on it must not be cut off: a COMMIT may be on its way.
            with self._context.leaving.claim():
                bought = await self._context.services.shop.buy(
                    fan_id=fan.fan_id, key=key, event_id=event_id, seats=wanted.seats
                )
        return ClaimAnswer(
            claim_id=bought.claim_id, replayed=bought.replayed, tickets=bought.tickets
        )


def _key(scope: Mapping[str, Any]) -> str:
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not keys:
        message = "A claim needs an Idempotency-Key, so that asking twice buys once."
        raise WebError("missing-key", message)
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        message = f"An Idempotency-Key is 1 to {KEY_MAX} visible ASCII characters, sent once."
        raise WebError("bad-key", message)
    return str(keys[0], "ascii")
