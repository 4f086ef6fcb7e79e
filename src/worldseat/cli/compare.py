"""`worldseat compare`: the matrix of what was measured where, and firing what is missing in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import msgspec
import uvloop
from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from worldseat import bootstrap
from worldseat.cli.matrix_table import print_matrix
from worldseat.cli.options import HERE, Where
from worldseat.cli.remote import Remote, cell_body
from worldseat.cli.target import rehearsal
from worldseat.cli.terminal import errors, print_json
from worldseat.domain.errors import BadRequest
from worldseat.domain.run import BUYERS, Arrival, Cell, Reach
from worldseat.domain.seats import Code
from worldseat.services.comparison import Stage, told
from worldseat.services.wiring import Services
from worldseat.web.answers import comparison_answer, matrix_answer
from worldseat.web.shapes import ComparisonAnswer, MatrixAnswer, PlaceAnswer

POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which places of the matrix are meant; an empty list means all."""

    stores: Sequence[str]
    codes: Sequence[Code]
    arrivals: Sequence[Arrival]
    reaches: Sequence[Reach]
    lags: Sequence[int]

    def cells(self, places: Sequence[PlaceAnswer]) -> list[Cell]:
        """Return the cells of the places that are meant and can be fired here."""
        cells = [
            Cell(
                store=place.store,
                code=place.code,
                arrival=Arrival.parse(place.arrival),
                reach=place.reach,
                lag_ms=place.lag_ms,
                buyers=place.buyers,
            )
            for place in places
            if place.installed and not place.cannot
        ]
        return [
            cell
            for cell in cells
            if (not self.stores or cell.store in self.stores)
            and (not self.codes or cell.code in self.codes)
            and (not self.arrivals or cell.arrival in self.arrivals)
            and (not self.reaches or cell.reach in self.reaches)
            and (not self.lags or cell.lag_ms is None or cell.lag_ms in self.lags)
        ]


class Ground(Protocol):
    """Where comparisons are fired: in this process, or in a WorldSeat that runs already."""

    async def matrix(self, buyers: int) -> MatrixAnswer:
        """Read the matrix."""

    async def start(
        self, event: str | None, cells: Sequence[Cell], runs: int, seed: int | None
    ) -> ComparisonAnswer:
        """Start to fire what is missing."""

    async def look(self, comparison_id: str) -> ComparisonAnswer:
        """Say how far it has come."""

    async def stop(self, comparison_id: str) -> None:
        """Fire nothing more."""


class OwnGround:
    """Fires from this process, at the databases."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def matrix(self, buyers: int) -> MatrixAnswer:
        """Make the matrix."""
        table = await self._services.matrix.table(buyers=buyers)
        return matrix_answer(await self._services.acceptances.with_aws(table))

    async def start(
        self, event: str | None, cells: Sequence[Cell], runs: int, seed: int | None
    ) -> ComparisonAnswer:
        """Start on the event that was asked for."""
        of = rehearsal(await self._services.onsale.events(), event)
        made = await self._services.comparisons.start(
            event_id=of.event_id, cells=cells, runs=runs, top_up=True, seed=seed
        )
        return await self.look(made.comparison_id)

    async def look(self, comparison_id: str) -> ComparisonAnswer:
        """Read it from this process."""
        return await comparison_answer(
            self._services.comparisons.look(comparison_id), self._services
        )

    async def stop(self, comparison_id: str) -> None:
        """Stop it."""
        self._services.comparisons.stop(comparison_id)


class RemoteGround:
    """Asks a running WorldSeat to fire."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def matrix(self, buyers: int) -> MatrixAnswer:
        """Ask for the matrix."""
        return msgspec.convert(
            await self._remote.get(f"/api/matrix?buyers={buyers}"), type=MatrixAnswer
        )

    async def start(
        self, event: str | None, cells: Sequence[Cell], runs: int, seed: int | None
    ) -> ComparisonAnswer:
        """Start it there. Raises what the server's problem tells."""
        body = {
            "event_id": event or await self._remote.first_rehearsal(),
            "cells": [cell_body(cell) for cell in cells],
            "runs": runs,
            "top_up": True,
            "seed": seed,
        }
        return _comparison(await self._remote.post("/api/comparisons", body))

    async def look(self, comparison_id: str) -> ComparisonAnswer:
        """Ask how far it has come."""
        return _comparison(await self._remote.get(_path(comparison_id)))

    async def stop(self, comparison_id: str) -> None:
        """Ask it to stop."""
        await self._remote.post(f"{_path(comparison_id)}/stop", {})


def compare(
    *,
    url: Annotated[str | None, Parameter(env_var="WORLDSEAT_URL")] = None,
    runs: int = 0,
    store: Annotated[list[str] | None, Parameter(consume_multiple=False)] = None,
    code: Annotated[list[Code] | None, Parameter(consume_multiple=False)] = None,
    arrival: Annotated[list[str] | None, Parameter(consume_multiple=False)] = None,
    regions: Annotated[list[Reach] | None, Parameter(consume_multiple=False)] = None,
    lag: Annotated[list[int] | None, Parameter(consume_multiple=False)] = None,
    buyers: int = BUYERS,
    seed: int | None = None,
    event: str | None = None,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Show what was measured on which database; with --runs, first measure what is missing.

    Parameters
    ----------
    url:
        A running WorldSeat (http://…) that fires for us, or a postgresql:// address. Without it the
        stampedes are fired from here.
    runs:
        Bring every place of the matrix to this many runs. Runs that are stored already count.
    store:
        Only these databases; may be repeated. So may the options that follow.
    code:
        Only `naive` or `conditional`.
    arrival:
        Only `burst` or `spread:300ms`.
    regions:
        Only `one` Region or `both`.
    lag:
        Only these replication lags, in ms, where a lag can be chosen.
    buyers:
        The size of the stampedes, 2 to 1,000.
    seed:
        Makes the buyers the same again; each further run adds one.
    event:
        The rehearsal to fire at. Without it the oldest one.
    json:
        Print the whole matrix as one JSON object.
    """
    if runs < 0:
        raise BadRequest("--runs is 0 or more.", next_step="Choose another number.")
    wanted = Wanted(
        stores=store or [],
        codes=code or [],
        arrivals=[_arrival(text) for text in arrival or []],
        reaches=regions or [],
        lags=lag or [],
    )
    matrix, fired = uvloop.run(
        _compare(url, where, wanted, buyers=buyers, runs=runs, seed=seed, event=event, json=json)
    )
    if json:
        print_json({**_plain(matrix), "comparison": fired})
    else:
        print_matrix(matrix, fired.problems if fired else [])
    return 0 if _product_holds(matrix) and not (fired and fired.problems) else 1


async def _compare(
    url: str | None,
    where: Where,
    wanted: Wanted,
    *,
    buyers: int,
    runs: int,
    seed: int | None,
    event: str | None,
    json: bool,
) -> tuple[MatrixAnswer, ComparisonAnswer | None]:
    async with _ground(url, where) as ground:
        matrix = await ground.matrix(buyers)
        if not runs:
            return matrix, None
        cells = wanted.cells(matrix.places)
        if not cells:
            stores = ", ".join(dict.fromkeys(place.store for place in matrix.places))
            raise BadRequest(
                "Nothing in the matrix is like that.", next_step=f"Stores here: {stores}."
            )
        made = await ground.start(event, cells, runs, seed)
        fired = await _follow(ground, made, json=json)
        return await ground.matrix(buyers), fired


async def _follow(ground: Ground, made: ComparisonAnswer, *, json: bool) -> ComparisonAnswer:
    """Show how far it has come until it is over; when we are interrupted, stop it too."""
    hidden = json or not errors.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=errors, transient=True, disable=hidden
    ) as bars:
        bar = bars.add_task("", total=made.planned)
        try:
            while made.status == Stage.RUNNING:
                bars.update(bar, completed=made.done, description=_now(made))
                await asyncio.sleep(POLL_S)
                made = await ground.look(made.comparison_id)
        except asyncio.CancelledError:
            await ground.stop(made.comparison_id)
            raise
    return made


def _now(made: ComparisonAnswer) -> str:
    now = made.now
    if now is None:
        return "…"
    return told(
        Cell(
            store=now.store,
            code=now.code,
            arrival=Arrival.parse(now.arrival),
            reach=now.reach,
            lag_ms=now.lag_ms,
        )
    )


@asynccontextmanager
async def _ground(url: str | None, where: Where) -> AsyncIterator[Ground]:
    if url is not None and url.startswith(("http://", "https://")):
        yield RemoteGround(Remote(url))
    else:
        async with bootstrap.services(where.settings(url), work=False) as services:
            yield OwnGround(services)


def _arrival(text: str) -> Arrival:
    try:
        return Arrival.parse(text)
    except ValueError as error:
        raise BadRequest(str(error), next_step="For example --arrival spread:300ms.") from error


def _product_holds(matrix: MatrixAnswer) -> bool:
    """Say whether the product oversold nothing in any run."""
    found = [place.measured for place in matrix.places if place.role == "product"]
    return all(each.above_zero == 0 for each in found if each is not None)


def _path(comparison_id: str) -> str:
    return f"/api/comparisons/{quote(comparison_id)}"


def _comparison(answer: object) -> ComparisonAnswer:
    return msgspec.convert(answer, type=ComparisonAnswer)


def _plain(matrix: MatrixAnswer) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(matrix)
    return plain
