"""JSON answers of the API: values of the domain, as the API tells them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from worldseat.domain.errors import WorldSeatError
from worldseat.domain.event import Event
from worldseat.domain.run import Run, RunStatus
from worldseat.services.comparison import Comparison
from worldseat.services.headline import Side, Story
from worldseat.services.matrix import Table
from worldseat.services.stampede import Progress
from worldseat.services.wiring import Services
from worldseat.web.shapes import (
    CellAnswer,
    ChartAnswer,
    ComparisonAnswer,
    EventAnswer,
    MatrixAnswer,
    PlaceAnswer,
    ProgressAnswer,
    RowAnswer,
    RunAnswer,
    SectionAnswer,
    SideAnswer,
    StoryAnswer,
)

JSON = "application/json"

encode = msgspec.json.Encoder().encode


def json_answer(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a value of the domain, or of shapes, as JSON."""
    return Response(encode(value), status_code=status, headers=headers, media_type=JSON)


def event_answer(event: Event, *, with_chart: bool) -> EventAnswer:
    """Return the event as the API tells it."""
    chart = ChartAnswer(
        name=event.chart.name,
        shape=event.chart.shape,
        digest=event.chart.digest,
        sections=[
            SectionAnswer(
                name=section.name,
                rows=[RowAnswer(name=row.name, seats=row.seats) for row in section.rows],
            )
            for section in event.chart.sections
        ],
    )
    return EventAnswer(
        event_id=event.event_id,
        title=event.title,
        mode=event.mode,
        current_round_id=event.current_round_id,
        seat_count=event.chart.seat_count,
        price=event.price,
        chart=chart if with_chart else UNSET,
    )


def run_answer(run: Run, progress: Progress | None = None) -> RunAnswer:
    """Return the run as the API tells it: its plan and its outcome side by side."""
    plan = run.plan
    return RunAnswer(
        run_id=plan.run_id,
        event_id=plan.event_id,
        round_id=plan.round_id,
        store=plan.store,
        stand_in=plan.stand_in,
        code=plan.code,
        arrival=plan.arrival.text,
        seat=run.seat,
        buyers=plan.buyers,
        seed=plan.seed,
        regions=plan.regions,
        git_commit=plan.git_commit,
        lag_ms=plan.lag_ms,
        status=run.status.value,
        started_at=run.started_at,
        finished_at=run.finished_at,
        progress=_progress_answer(run, progress),
        result=run.result,
    )


def _progress_answer(run: Run, progress: Progress | None) -> ProgressAnswer | None:
    if progress is None or run.status is not RunStatus.RUNNING:
        return None
    return ProgressAnswer(answered=progress.answered, buyers=progress.buyers)


def matrix_answer(table: Table) -> MatrixAnswer:
    """Return the matrix as the API tells it: one flat list of places."""
    return MatrixAnswer(
        buyers=table.buyers,
        runs=table.runs,
        more=table.more,
        places=[
            PlaceAnswer(
                store=line.store,
                title=line.title,
                role=line.role,
                stand_in=line.stand_in,
                in_headline=line.in_headline,
                installed=line.installed,
                note=line.note,
                code=spot.cell.code,
                arrival=spot.cell.arrival.text,
                reach=spot.cell.reach,
                lag_ms=spot.cell.lag_ms,
                buyers=spot.cell.buyers,
                cannot=spot.cannot,
                without=spot.without,
                measured=spot.measured,
            )
            for line in table.lines
            for spot in line.spots
        ],
    )


async def comparison_answer(made: Comparison, services: Services) -> ComparisonAnswer:
    """Return how far a comparison has come, as the API tells it."""
    # Before anything is waited for: it goes on meanwhile, and an answer is of one moment.
    now, status, done, progress = made.now, made.stage.value, made.done, None
    if now is not None and made.now_run_id is not None:
        try:
            _, found = await services.stampedes.run(made.now_run_id)
        except WorldSeatError:
            # How far the run is may be unknown for a moment; how far the comparison is, is not.
            found = None
        if found is not None:
            progress = ProgressAnswer(answered=found.answered, buyers=found.buyers)
    return ComparisonAnswer(
        comparison_id=made.comparison_id,
        event_id=made.event_id,
        status=status,
        seed=made.seed,
        planned=made.planned,
        done=done,
        now=None
        if now is None
        else CellAnswer(
            store=now.store,
            title=services.stores[now.store].title,
            code=now.code,
            arrival=now.arrival.text,
            reach=now.reach,
            lag_ms=now.lag_ms,
            buyers=now.buyers,
        ),
        progress=progress,
        run_ids=made.run_ids,
        problems=made.problems,
    )


def story_answer(story: Story) -> StoryAnswer:
    """Return the headline as the API tells it."""
    return StoryAnswer(
        product=_side_answer(story.product), foils=[_side_answer(foil) for foil in story.foils]
    )


def _side_answer(side: Side) -> SideAnswer:
    return SideAnswer(
        store=side.store,
        title=side.title,
        role=side.role,
        stand_in=side.stand_in,
        measured=run_answer(side.measured) if side.measured else None,
        note=side.note,
        two_writers=side.two_writers,
        zero_runs=side.zero_runs,
        like_runs=side.like_runs,
        oversold_low=side.oversold_low,
        oversold_high=side.oversold_high,
        careful=side.careful,
    )
