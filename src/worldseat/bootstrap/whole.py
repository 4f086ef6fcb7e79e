"""Everything built and started, and stopped in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import structlog

from worldseat.bootstrap.cluster import Ground, prepared
from worldseat.bootstrap.schema import bring_schema
from worldseat.bootstrap.stores import open_stores
from worldseat.domain.seats import Mode
from worldseat.domain.venue_file import read_venue
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store
from worldseat.revision import revision
from worldseat.secret import load_or_make
from worldseat.services.acceptances import Acceptances
from worldseat.services.comparison import Comparisons
from worldseat.services.feed import Feed
from worldseat.services.fence import Fence
from worldseat.services.headline import Headline
from worldseat.services.matrix import Matrix
from worldseat.services.onsale import OnSale
from worldseat.services.recovery import Recovery
from worldseat.services.shop import Shop
from worldseat.services.stampede import Stampedes
from worldseat.services.wiring import Services
from worldseat.services.witness import Witness
from worldseat.settings import Settings
from worldseat.system import SystemChance, SystemClock
from worldseat.venues import venue_text

log = structlog.get_logger(__name__)

SEEDS = (
    ("evt_aurora-2026", "AURORA WORLD TOUR · 2026", "hall-96.json", Mode.REHEARSAL),
    ("evt_aurora-club", "AURORA CLUB NIGHT · 2026", "club-24.json", Mode.LIVE),
)


@asynccontextmanager
async def services(settings: Settings, *, work: bool = True) -> AsyncIterator[Services]:
    """Start everything, yield it, and stop it in reverse order.

    `work` starts the background work of a server: the live feed and the recovery of runs. Raises
    Unavailable, StoreError or ValueError, each saying what to do.
    """
    clock, chance = SystemClock(), SystemChance()
    async with AsyncExitStack() as stack:
        if not settings.secret:
            settings = replace(settings, secret=load_or_make(settings.home))
        ground = await prepared(stack, settings)
        settings = ground.settings
        await bring_schema(settings, lambda text: log.info("schema", did=text))
        product, stores, missing = await open_stores(stack, settings, ground.server_url)
        built = _build(ground, product, stores, missing, clock, chance)
        if product.stand_in is not None:
            await seed(built.onsale)
        if work:
            fence = Fence(product, settings.regions, clock=clock, chance=chance)
            recovery = Recovery(
                product,
                stores,
                fence,
                clock=clock,
                holder=chance.new_id("recovery"),
                fires=built.stampedes.fires,
            )
            for job in (built.feed.run(), recovery.watch()):
                task = asyncio.create_task(job)
                task.add_done_callback(_report)
                stack.push_async_callback(_end, task)
        stack.push_async_callback(built.feed.close)
        stack.push_async_callback(built.stampedes.close)
        stack.push_async_callback(built.comparisons.close)
        yield built


async def seed(onsale: OnSale) -> None:
    """Create the rehearsal and the small live on-sale that a WorldSeat on one machine starts with.

    On AWS nothing is for sale, and nothing rehearsed, that nobody has ordered.
    """
    for event_id, title, file, mode in SEEDS:
        chart, price = read_venue(venue_text(file))
        await onsale.create(chart=chart, title=title, price=price, mode=mode, event_id=event_id)


def _build(
    ground: Ground,
    product: OnSaleStore,
    stores: Mapping[str, Store],
    missing: Mapping[str, str],
    clock: SystemClock,
    chance: SystemChance,
) -> Services:
    settings, launch = ground.settings, ground.launch
    feed = Feed(product, stores, clock=clock, chance=chance)
    matrix = Matrix(product, stores)
    stampedes = Stampedes(
        product, stores, settings.regions, git_commit=revision(), clock=clock, chance=chance
    )
    return Services(
        shop=Shop(
            product,
            settings.regions,
            region=settings.region,
            secret=settings.secret,
            clock=clock,
            chance=chance,
        ),
        onsale=OnSale(product, chance=chance),
        feed=feed,
        stampedes=stampedes,
        witness=Witness(product, clock),
        headline=Headline(product, stores),
        matrix=matrix,
        comparisons=Comparisons(stampedes, matrix, chance=chance),
        acceptances=Acceptances(product, settings.database_urls),
        store=product,
        stores=stores,
        missing=missing,
        settings=settings,
        cluster=ground.cluster,
        database_restarts=lambda: launch.restart_count if launch else 0,
    )


def _report(task: "asyncio.Task[None]") -> None:
    """Say so at once when background work ends by an error, and not only when we stop."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_work_failed", exc_info=error)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
