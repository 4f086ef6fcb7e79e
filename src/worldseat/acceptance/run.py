"""The whole acceptance run: every promise in order, whatever becomes of the one before."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import structlog

from worldseat import __version__
from worldseat.acceptance import (
    fence,
    isolation,
    latency,
    one_key,
    privilege,
    read_after_commit,
    region_loss,
    stampedes,
    tokens,
)
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import usd
from worldseat.acceptance.plan import PLAN, Planned, total
from worldseat.acceptance.tables import CHANGES
from worldseat.acceptance.trial import CannotTry, LimitReached, OnProgress, Trial
from worldseat.domain.acceptance import Latency, Promise, Report, Spent, Stampeded
from worldseat.domain.errors import WorldSeatError
from worldseat.ports.store import StoreError
from worldseat.stores.dsql.endpoint import parse

log = structlog.get_logger(__name__)

Check = Callable[[Ground, Trial], Awaitable[Promise]]

_CHECKS: Mapping[str, Check] = {
    "tokens": tokens.check,
    "isolation": isolation.check,
    "one-key-one-row": one_key.check,
    "read-after-commit": read_after_commit.check,
    "fence": fence.check,
    stampedes.NAME: stampedes.check,
    "region-loss": region_loss.check,
    privilege.NAME: privilege.check,
}

_TROUBLE = (
    StoreError,
    WorldSeatError,
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a broken database or network can end a trial with; anything else is a fault of ours."""


@dataclass(slots=True)
class Found:
    """What the run has found so far."""

    promises: list[Promise] = field(default_factory=list)
    stampedes: list[Stampeded] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    server_version: str = ""


async def accept(
    ground: Ground,
    *,
    only: Sequence[str],
    git_commit: str,
    on_progress: OnProgress,
    on_promise: Callable[[Promise], None] = lambda _: None,
) -> Report:
    """Try every promise that is wanted, and return the report, not sealed yet.

    What cannot be tried is NOT_TRIED; the tables of the run are dropped whatever happens.
    """
    started_at = _now()
    found = Found()
    try:
        await ground.tables.make()
        ground.note(CHANGES)
        await _try_all(ground, found, tuple(only), on_progress, on_promise)
    finally:
        await _clean_up(ground, found)
    return Report(
        report_id=ground.accept_id,
        stand_in=ground.store.stand_in,
        endpoints={region: parse(url).host for region, url in ground.lead_to.items()},
        started_at=started_at,
        finished_at=_now(),
        version=__version__,
        git_commit=git_commit,
        promises=found.promises,
        stampedes=found.stampedes,
        latencies=found.latencies,
        spent=Spent(
            estimated_usd=round(usd(total(ground.amounts, tuple(only))), 6),
            spent_usd=round(ground.spent_usd, 6),
            limit_usd=ground.limit_usd,
            stopped=found.stopped,
        ),
        server_version=found.server_version,
        notes=found.notes,
    )


async def _try_all(
    ground: Ground,
    found: Found,
    only: Sequence[str],
    on_progress: OnProgress,
    on_promise: Callable[[Promise], None],
) -> None:
    async with ground.connected(ground.regions[0]) as line:
        found.server_version = str(await line.fetchval("SHOW server_version"))
        strangers = [record["relname"] for record in await line.fetch(ground.tables.strangers())]
    others = sorted(set(strangers) - set(ground.tables.left))
    if others:
        found.notes.append(
            f"There are tables of other runs: {', '.join(others)}. A run that is killed leaves "
            "them; drop them unless it is under way."
        )
    role = await privilege.role_of(ground)
    for planned in PLAN:
        no_role = planned.name == privilege.NAME and role is None
        if no_role and not _asks_for_role(ground, only):
            continue
        trial = Trial(
            planned.name,
            planned.title,
            planned.of_what,
            lists_all=planned.lists_all,
            within_limit=ground.within_limit,
            on_progress=on_progress,
        )
        if planned.name not in only:
            promise = trial.cut_short("Left out by --only")
        elif no_role:
            promise = trial.cut_short(
                f"There is no role {privilege.APP_ROLE}: `worldseat cluster grant` makes it"
            )
        else:
            promise = await _try(ground, found, planned, trial)
        found.promises.append(promise)
        on_promise(promise)
    await _measure(ground, found, on_progress)


async def _measure(ground: Ground, found: Found, on_progress: OnProgress) -> None:
    try:
        await latency.measure(ground, found.latencies, on_progress)
    except LimitReached:
        found.stopped = True
        found.notes.append(
            f"Commit latency is not that of {ground.amounts.commits_each} commits in each Region: "
            f"stopped at the limit of ${ground.limit_usd:.2f}."
        )
    except _TROUBLE as error:
        found.notes.append(f"Commit latency could not be measured: {_told(error)}")


def _asks_for_role(ground: Ground, only: Sequence[str]) -> bool:
    """Say whether a run may not do without the role: on AWS, and where it is asked for by name."""
    named = privilege.NAME in only and set(only) != {each.name for each in PLAN}
    return ground.store.stand_in is None or named


async def _try(ground: Ground, found: Found, planned: Planned, trial: Trial) -> Promise:
    try:
        if not ground.within_limit():
            raise LimitReached
        return await _CHECKS[planned.name](ground, trial)
    except LimitReached:
        found.stopped = True
        return trial.cut_short(f"Stopped at the limit of ${ground.limit_usd:.2f}")
    except CannotTry as error:
        how = "Broken, and not tried to the end" if trial.broken else "Could not be tried"
        return trial.cut_short(f"{how}: {error}")
    except _TROUBLE as error:
        return trial.cut_short(f"Ended by an error: {_told(error)}")
    except ExceptionGroup as errors:
        if errors.split(_TROUBLE)[1] is not None:
            raise
        return trial.cut_short(f"Ended by an error: {_told(errors)}")
    finally:
        found.stampedes.extend(trial.stampeded)


async def _clean_up(ground: Ground, found: Found) -> None:
    why = ""
    try:
        ground.note(CHANGES)
        await ground.tables.drop()
    except StoreError as error:
        why = _told(error)
    if why:
        left = ", ".join(ground.tables.left)
        found.notes.append(f"Tables are left behind ({left}): {why}")
        # Said at once as well: a run that ends by an error has no report.
        log.error("acceptance.tables_left", tables=left, error=why)
    if ground.sold_something:
        found.notes.append(
            f"The rehearsal event {ground.event_id} and its rows in op_log stay: "
            "the log is append-only."
        )


def _told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    operator = error.operator if isinstance(error, WorldSeatError) else ""
    return f"{error} {operator}".strip() or type(error).__name__


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
