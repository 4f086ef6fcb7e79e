"""Everything that can go wrong, said twice: to the fan and to the operator.

WorldSeatError
├── BadRequest          what was asked cannot be asked
│   ├── UnknownSeat / UnknownEvent / UnknownRun / UnknownComparison / UnknownStore / UnknownReport
│   ├── OneSeatOnly     several seats in one claim, for now
│   ├── KeyReused       one idempotency key, two requests
│   ├── VenueRefused    a venue file that is not one
│   └── ReportRefused   an acceptance report that is not one, or was changed
├── Refused             asked rightly, and the answer is no
│   ├── SeatTaken
│   ├── ClaimVoided
│   └── NotHere         live round, stampede already running, seat bought by a fan
├── OutcomeUnknown      the database did not say; ask again with the same key
└── Unavailable         nothing was committed; try again later
"""

from collections.abc import Sequence


class WorldSeatError(Exception):
    """Base of all errors that people see.

    `code` is stable and short; `message` is for the person; `next_step` says what to do now;
    `operator` is for the log only and may name tables, Regions and SQLSTATEs.
    """

    code = "error"
    next_step = "Try again."

    def __init__(self, message: str, *, next_step: str | None = None, operator: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.operator = operator
        if next_step is not None:
            self.next_step = next_step


class BadRequest(WorldSeatError):
    """What was asked cannot be asked; nothing changed."""

    code = "bad-request"
    next_step = "Correct the request and send it again."


class UnknownEvent(BadRequest):
    """No event has this id."""

    code = "unknown-event"


class UnknownSeat(BadRequest):
    """The event's chart has no such seat."""

    code = "unknown-seat"


class UnknownRun(BadRequest):
    """No stampede has this id."""

    code = "unknown-run"


class UnknownComparison(BadRequest):
    """No comparison has this id, or the process that fired it is gone; its runs are stored."""

    code = "unknown-comparison"
    next_step = "The runs that it fired are on the Compare page."


class UnknownReport(BadRequest):
    """No acceptance report of this id is kept here."""

    code = "unknown-report"
    next_step = "GET /api/acceptance lists the reports that are kept."


class UnknownStore(BadRequest):
    """No store of this name is installed."""

    code = "unknown-store"


class OneSeatOnly(BadRequest):
    """A claim for several seats, which the on-sale does not take yet."""

    code = "one-seat"
    next_step = "Send one seat at a time."


class KeyReused(BadRequest):
    """An idempotency key that already stands for another request."""

    code = "key-reused"
    next_step = "Send the new request under a new key."


class VenueRefused(BadRequest):
    """A venue file that does not describe a hall. `line` counts from 1."""

    code = "venue-refused"

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}", next_step="Mend the file and try again.")
        self.line = line


class ReportRefused(BadRequest):
    """An acceptance report that is none, or that cannot be believed. `line` counts from 1."""

    code = "report-refused"
    next_step = "Use the file as the run wrote it; a report cannot be mended by hand."

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class Refused(WorldSeatError):
    """Asked rightly, and the answer is a definite no; nothing changed."""

    code = "refused"


class SeatTaken(Refused):
    """Somebody else has the seat. `nearest` are labels of open seats near it."""

    code = "seat-taken"

    def __init__(self, seat: str, nearest: Sequence[str]) -> None:
        near = ", ".join(nearest)
        super().__init__(
            f"{seat} was just taken by somebody else. You have not been charged.",
            next_step=f"Open near it: {near}." if near else "No seat is open any more.",
        )
        self.seat = seat
        self.nearest = list(nearest)


class ClaimVoided(Refused):
    """The key's first attempt was lost and then voided: not sold, for good."""

    code = "claim-voided"
    next_step = "Press Buy again: it is sent under a new key."


class NotHere(Refused):
    """Allowed elsewhere or later, not here and now. `code` says which rule."""

    def __init__(self, code: str, message: str, *, next_step: str) -> None:
        super().__init__(message, next_step=next_step)
        self.code = code


class OutcomeUnknown(WorldSeatError):
    """The database did not answer after COMMIT was sent, and not yet to the question since."""

    code = "outcome-unknown"
    next_step = "Ask again with the same key: you will get this seat once, or a clear no."


class Unavailable(WorldSeatError):
    """The database could not be reached before anything was committed."""

    code = "unavailable"
    next_step = "Nothing was sold to you. Try again in a few seconds."
