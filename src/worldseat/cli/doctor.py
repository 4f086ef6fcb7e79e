"""`worldseat doctor`: check everything a sale needs, and say how to mend what is wrong."""

import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from worldseat import __version__, bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json
from worldseat.domain.errors import WorldSeatError
from worldseat.ports.onsale import EndpointCheck
from worldseat.ports.store import StoreError
from worldseat.services.wiring import Services
from worldseat.settings import Settings

FREE_BYTES_MIN = 500_000_000
PYTHON_MIN = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, whether it holds, what was seen, how to mend it."""

    check: str
    ok: bool
    seen: str
    mend: str = ""


def doctor(*, json: bool = False, where: Where = HERE) -> int:
    """Check Python, the disk, each Region's endpoint step by step, the events and the foils."""
    findings = uvloop.run(_all(where.settings()))
    if json:
        print_json({"version": __version__, "ok": _ok(findings), "findings": findings})
    else:
        for each in findings:
            mark = "[green]✓[/green]" if each.ok else "[red]✗[/red]"
            console.print(f"{mark} {each.check}: ", end="")
            console.print(each.seen, markup=False)
            if not each.ok:
                console.print(f"    {each.mend}", markup=False)
    return 0 if _ok(findings) else 1


def _ok(findings: list[Finding]) -> bool:
    return all(each.ok for each in findings)


async def _all(settings: Settings) -> list[Finding]:
    findings = [_python(), _folder(settings.home)]
    try:
        async with bootstrap.services(settings, work=False) as services:
            findings.extend([finding async for finding in _database(services)])
    except (StoreError, OSError, ValueError, WorldSeatError) as error:
        findings.append(
            Finding(
                check="database",
                ok=False,
                seen=str(error),
                mend=error.next_step
                if isinstance(error, WorldSeatError)
                else "What was tried at each Region is below; mend that first.",
            )
        )
        unopened = bootstrap.product(settings)
        findings.extend([_at_endpoint(each) for each in await unopened.examine()])
    return findings


async def _database(services: Services) -> AsyncIterator[Finding]:
    store = services.store
    played = f"played by {store.stand_in} on this machine" if store.stand_in else "on AWS"
    yield Finding(check="product database", ok=True, seen=f"{store.title}, {played}")
    yield Finding(check="isolation", ok=True, seen=store.guarantees.isolation)
    for check in await store.examine():
        yield _at_endpoint(check)
    await store.health()
    for each in store.region_figures():
        yield Finding(
            check=f"{each.region} serves",
            ok=each.served_by == each.region,
            seen=f"its fans are served by {each.served_by or 'nobody'}"
            + ("" if each.state == "ok" else f" ({each.state})"),
            mend="The other Region goes on selling, and this one is back by itself once mended."
            if each.served_by
            else "Nothing can be sold now. Mend what is wrong above.",
        )
    for event in await services.onsale.events():
        floor = await store.floor(event.event_id, event.current_round_id)
        yield Finding(
            check=f"event {event.event_id}",
            ok=len(floor) == event.chart.seat_count,
            seen=f"{event.title}, {event.mode}, {len(floor)} of {event.chart.seat_count} seats",
            mend="A round was left half filled: worldseat reset finishes it.",
        )
    unfinished = len(await store.unfinished_runs())
    yield Finding(
        check="unfinished stampedes",
        ok=True,
        seen=f"{unfinished}" + (" (a running WorldSeat settles them)" if unfinished else ""),
    )
    foils = [each.title for each in services.stores.values() if each.role != "product"]
    yield Finding(check="foils", ok=True, seen=", ".join(foils) or "none installed, none needed")
    for name, needs in services.missing.items():
        yield Finding(check=f"foil {name}", ok=True, seen=needs)


def _at_endpoint(check: EndpointCheck) -> Finding:
    return Finding(
        check=f"{check.region} {check.check}", ok=check.ok, seen=check.seen, mend=check.mend
    )


def _python() -> Finding:
    return Finding(
        check="Python",
        ok=sys.version_info >= PYTHON_MIN,
        seen=sys.version.split()[0],
        mend="Install Python 3.11 or newer.",
    )


def _folder(home: Path) -> Finding:
    there = home
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    return Finding(
        check="free disk",
        ok=free >= FREE_BYTES_MIN,
        seen=f"{free / 1e9:.1f} GB",
        mend=f"Free some space: {FREE_BYTES_MIN / 1e9:.1f} GB are needed.",
    )
