"""Errors as people and programs meet them: RFC 9457 problem details, from one table.

The fan reads `detail` and `next`; what an operator needs (tables, Regions, SQLSTATEs) goes to the
log alone, under the same request id.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from worldseat.domain import errors

CONTENT_TYPE = "application/problem+json"

_log = structlog.stdlib.get_logger(__name__)
_CHALLENGE = b'Cookie realm="WorldSeat", cookie-name="worldseat_fan"'
"""RFC 9110 asks for a challenge with every 401. Browsers ignore one that they do not know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one problem code is answered. `next_step` is said when the error itself has none."""

    status: int
    title: str
    next_step: str = "Correct the request and send it again."
    retry_after_s: int | None = None


KINDS: dict[str, Kind] = {
    # What was asked cannot be read.
    "bad-encoding": Kind(400, "Not UTF-8"),
    "bad-host": Kind(400, "No such host"),
    "bad-json": Kind(400, "Not JSON"),
    "bad-key": Kind(400, "Idempotency-Key is not usable"),
    "missing-key": Kind(400, "Idempotency-Key is missing"),
    "too-slow": Kind(408, "The body came too slowly"),
    "too-large": Kind(413, "The body is too large"),
    "not-json": Kind(415, "Not a JSON request"),
    # Who asks.
    "no-fan": Kind(
        401, "Nobody we know", "Open the page once, or POST /api/me, and keep the cookie."
    ),
    "cross-site": Kind(403, "Another site's request"),
    "operator-only": Kind(403, "For the operator only"),
    # What is asked for does not exist.
    "not-found": Kind(404, "Nothing here", "Check the address."),
    "unknown-event": Kind(404, "No such event", "GET /api/events lists all events."),
    "unknown-comparison": Kind(404, "No such comparison", "The runs it fired are on /compare."),
    "unknown-report": Kind(
        404, "No such report", "GET /api/acceptance lists the reports that are kept."
    ),
    "unknown-run": Kind(404, "No such stampede", "GET /api/stampedes lists the stampedes."),
    "method-not-allowed": Kind(405, "Not in this way", "The Allow header says which methods work."),
    # What was asked can be read and makes no sense.
    "bad-order": Kind(422, "The cluster cannot do this"),
    "bad-request": Kind(422, "This cannot be asked"),
    "key-reused": Kind(422, "One key for two requests"),
    "one-seat": Kind(422, "One seat at a time"),
    "report-refused": Kind(422, "Not a report that can be believed"),
    "unknown-seat": Kind(422, "No such seat"),
    "unknown-store": Kind(422, "No such store"),
    "venue-refused": Kind(422, "Not a venue file"),
    "wrong-shape": Kind(422, "The values do not fit"),
    # A definite no.
    "claim-voided": Kind(409, "Not sold, for good"),
    "live-round": Kind(409, "This event sells for real"),
    "no-local-cluster": Kind(409, "No local cluster"),
    "no-open-seat": Kind(409, "No open seat"),
    "refused": Kind(409, "No"),
    "round-changed": Kind(409, "The floor was just reset"),
    "seat-of-a-fan": Kind(409, "A fan has this seat"),
    "seat-taken": Kind(409, "Seat taken"),
    "stampede-running": Kind(409, "A stampede is running"),
    "comparison-running": Kind(409, "A comparison is running"),
    # Not now.
    "too-many-claims": Kind(
        429, "Too many claims at once", "Wait a second and send it again, under the same key.", 1
    ),
    "too-many-streams": Kind(503, "Too many viewers at once", "Try again in a few seconds.", 5),
    "outcome-unknown": Kind(503, "Not known yet", "Ask again with the same key.", 1),
    "unavailable": Kind(503, "The database is away", "Try again in a few seconds.", 2),
    "error": Kind(500, "Our fault", "Try again; if it stays, report the request id."),
}


class WebError(errors.WorldSeatError):
    """What the web layer itself refuses. `code` is a row of KINDS, which also says what to do."""

    def __init__(
        self, code: str, message: str, *, next_step: str | None = None, allow: str | None = None
    ) -> None:
        super().__init__(message, next_step=next_step or KINDS[code].next_step)
        self.code = code
        self.allow = allow


class Problem(msgspec.Struct, frozen=True):
    """One problem document. `seat` and `nearest` come with seat-taken only."""

    type: str
    title: str
    status: int
    detail: str
    next: str
    request_id: str
    seat: str | UnsetType = UNSET
    nearest: list[str] | UnsetType = UNSET


def kind_of(error: errors.WorldSeatError) -> Kind:
    """Return how an error is answered: by its code, or else by what sort of error it is."""
    known = KINDS.get(error.code)
    if known is not None:
        return known
    if isinstance(error, errors.BadRequest):
        return KINDS["bad-request"]
    if isinstance(error, errors.Refused):
        return KINDS["refused"]
    if isinstance(error, errors.Unavailable):
        return KINDS["unavailable"]
    return KINDS["error"]


def problem(error: errors.WorldSeatError, request_id: str) -> Problem:
    """Return the document that answers an error."""
    kind = kind_of(error)
    extra: dict[str, Any] = {}
    if isinstance(error, errors.SeatTaken):
        extra = {"seat": error.seat, "nearest": error.nearest}
    return Problem(
        type=f"/problems/{error.code}",
        title=kind.title,
        status=kind.status,
        detail=error.message,
        next=error.next_step,
        request_id=request_id,
        **extra,
    )


def headers(error: errors.WorldSeatError) -> list[tuple[bytes, bytes]]:
    """Return the headers that go with an error, besides those of every answer."""
    kind = kind_of(error)
    found: list[tuple[bytes, bytes]] = []
    if kind.retry_after_s is not None:
        found.append((b"retry-after", str(kind.retry_after_s).encode()))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        found.append((b"www-authenticate", _CHALLENGE))
    if isinstance(error, WebError) and error.allow is not None:
        found.append((b"allow", error.allow.encode()))
    return found


def tell_operator(error: errors.WorldSeatError, problem: Problem) -> None:
    """Log what the fan is not told. Refusals of our own have nothing behind them."""
    ours = isinstance(error, WebError)
    if error.operator or (problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not ours):
        _log.warning(
            "problem",
            code=error.code,
            status=problem.status,
            message=error.message,
            operator=error.operator,
        )
