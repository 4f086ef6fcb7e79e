"""A WorldSeat that runs already, over its HTTP API."""

import asyncio
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from worldseat.cli.report import RunReport, report_of
from worldseat.domain.errors import BadRequest, Refused, Unavailable, UnknownEvent, WorldSeatError
from worldseat.domain.run import Cell

if TYPE_CHECKING:
    from worldseat.cli.break_it import Asked

TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 4_000_000
_REFUSED = 409
_SERVER = 500


class Remote:
    """Requests to one address. Problems come back as the errors that they tell."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._token = os.environ.get("WORLDSEAT_OPERATOR_TOKEN")

    async def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return await asyncio.to_thread(self._send, "GET", path, None)

    async def post(self, path: str, body: object) -> Any:
        """Send JSON and return the JSON answer."""
        return await asyncio.to_thread(self._send, "POST", path, body)

    async def first_rehearsal(self) -> str:
        """Return the id of its oldest rehearsal. Raises UnknownEvent."""
        for event in (await self.get("/api/events"))["events"]:
            if event["mode"] == "rehearsal":
                return str(event["event_id"])
        raise UnknownEvent(
            "There is no rehearsal there.", next_step="Create one: worldseat event create."
        )

    def _send(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked by the caller
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.loads(answer.read(ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            raise _problem(error) from error
        except (urllib.error.URLError, TimeoutError) as error:
            raise Unavailable(
                f"Nothing answers at {self._url}.",
                next_step="Start it with `make run`, or leave --url out.",
                operator=str(error),
            ) from error


def _problem(error: urllib.error.HTTPError) -> WorldSeatError:
    try:
        told = json.loads(error.read(ANSWER_BYTES_MAX))
        message, next_step = str(told["detail"]), str(told["next"])
    except (ValueError, KeyError, TypeError):
        message, next_step = f"The server answered {error.code}.", "Is it a WorldSeat?"
    kind: type[WorldSeatError] = BadRequest
    if error.code == _REFUSED:
        kind = Refused
    elif error.code >= _SERVER:
        kind = Unavailable
    return kind(message, next_step=next_step)


def cell_body(cell: Cell) -> dict[str, Any]:
    """Return what is fired, as the API takes it."""
    return {
        "store": cell.store,
        "code": cell.code.value,
        "arrival": cell.arrival.text,
        "reach": None if cell.reach is None else cell.reach.value,
        "lag_ms": cell.lag_ms,
        "buyers": cell.buyers,
    }


class RemoteStampedes:
    """Stampedes that a running WorldSeat fires for us."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def start(self, asked: "Asked") -> str:
        """Start a stampede and return its run id. Raises what the server's problem tells."""
        run = await self._remote.post(
            "/api/stampedes",
            {
                "event_id": asked.event or await self._remote.first_rehearsal(),
                "seat": asked.seat,
                "seed": asked.seed,
                **cell_body(asked.cell),
            },
        )
        return str(run["run_id"])

    async def look(self, run_id: str) -> tuple[int, RunReport | None]:
        """Read the run."""
        run = await self._remote.get(f"/api/stampedes/{urllib.parse.quote(run_id)}")
        return (run.get("progress") or {}).get("answered", 0), report_of(run)
