"""The composition root: the only module that names concrete parts and puts them together."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

import structlog

from worldseat.domain.errors import UnknownStore
from worldseat.domain.seats import Mode
from worldseat.domain.venue_file import read_venue
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store, StoreError, StoreMissing, StoreSetup
from worldseat.revision import revision
from worldseat.secret import load_or_make
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
from worldseat.stores.dsql import DsqlStore
from worldseat.stores.dsql.migrate import migrate
from worldseat.stores.dsql.store import is_dsql
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
    EmbeddedError, StoreError or ValueError, each saying what to do.
    """
    clock, chance = SystemClock(), SystemChance()
    async with AsyncExitStack() as stack:
        if not settings.secret:
            settings = replace(settings, secret=load_or_make(settings.home))
        embedded = None
        if not settings.database_urls:
            embedded = await _start_embedded(stack, settings)
            urls = dict.fromkeys(settings.regions, embedded.url)
            settings = replace(settings, database_urls=urls)
        await _migrate(settings)
        server_url = embedded.url if embedded else None
        product, stores, missing = await _open_stores(stack, settings, server_url)
        built = _build(settings, product, stores, missing, embedded, clock, chance)
        await _seed(built.onsale)
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


async def address(settings: Settings, region: str) -> tuple[str, bool]:
    """Return a Region's postgresql:// address, and whether something listens there now."""
    if settings.database_urls:
        return settings.database_urls[region], True
    embedded = EmbeddedPostgres(settings.home / "pg")
    await embedded.start()
    try:
        return embedded.url, not embedded.owned
    finally:
        await embedded.stop()


def foils(settings: Settings, name: str | None = None) -> tuple[Sequence[Store], Mapping[str, str]]:
    """Build the foil of that name, or all of them, without opening any or starting a database.

    Return them, and for each that cannot be built what it lacks. Raises UnknownStore.
    """
    registered = {
        entry.name: entry
        for entry in entry_points(group="worldseat.stores")
        if entry.name != DsqlStore.name
    }
    if name is not None and name not in registered:
        raise UnknownStore(
            f"There is no foil {name[:40]!r}.",
            next_step=f"Foils here: {', '.join(sorted(registered)) or 'none'}.",
        )
    setup = _setup(settings, None)
    built: list[Store] = []
    missing: dict[str, str] = {}
    for wanted in sorted(registered) if name is None else [name]:
        try:
            built.append(_load(registered[wanted])(setup))
        except StoreMissing as error:
            missing[wanted] = str(error)
    return built, missing


async def _seed(onsale: OnSale) -> None:
    """Create the rehearsal and the small live on-sale that every WorldSeat starts with."""
    for event_id, title, file, mode in SEEDS:
        chart, price = read_venue(venue_text(file))
        await onsale.create(chart=chart, title=title, price=price, mode=mode, event_id=event_id)


async def _start_embedded(stack: AsyncExitStack, settings: Settings) -> EmbeddedPostgres:
    embedded = EmbeddedPostgres(settings.home / "pg", on_event=_tell)
    await embedded.start()
    stack.push_async_callback(embedded.stop)
    return embedded


async def _migrate(settings: Settings) -> None:
    first = settings.database_urls[settings.regions[0]]
    await migrate(first, plain=not is_dsql(first), report=lambda text: log.info("schema", did=text))


async def _open_stores(
    stack: AsyncExitStack, settings: Settings, server_url: str | None
) -> tuple[DsqlStore, Mapping[str, Store], Mapping[str, str]]:
    """Open the product's store, then every foil that is installed.

    Return the product, all stores, and for each foil that cannot be used what it lacks.
    """
    setup = _setup(settings, server_url)
    product = DsqlStore(setup)
    stack.push_async_callback(product.close)
    await product.open()
    stores: dict[str, Store] = {product.name: product}
    missing: dict[str, str] = {}
    for entry in entry_points(group="worldseat.stores"):
        if entry.name != product.name:
            try:
                foil: Store = _load(entry)(setup)
                stack.push_async_callback(foil.close)
                await foil.open()
            except StoreError as error:
                # The product does not need it; `worldseat doctor` says what to do.
                missing[entry.name] = str(error)
            else:
                stores[foil.name] = foil
    return product, stores, missing


def _setup(settings: Settings, server_url: str | None) -> StoreSetup:
    return StoreSetup(
        regions=settings.regions,
        urls=settings.database_urls,
        home=settings.home,
        process=f"{socket.gethostname()}:{os.getpid()}",
        chance=SystemChance(),
        server_url=server_url,
    )


def _load(entry: EntryPoint) -> Callable[[StoreSetup], Store]:
    """Return what builds the store. Raises StoreMissing if its folder was deleted."""
    found = find_spec(entry.module)
    # A folder in which only old bytecode was left is found too, without an origin.
    if found is None or found.origin is None:
        raise StoreMissing(f"{entry.module} is registered and was deleted. Install WorldSeat again")
    registered: Callable[[StoreSetup], Store] = entry.load()()
    return registered


def _build(
    settings: Settings,
    product: OnSaleStore,
    stores: Mapping[str, Store],
    missing: Mapping[str, str],
    embedded: EmbeddedPostgres | None,
    clock: SystemClock,
    chance: SystemChance,
) -> Services:
    feed = Feed(product, stores, clock=clock, chance=chance)
    matrix = Matrix(product, stores)
    stampedes = Stampedes(
        product, stores, settings.regions, git_commit=revision(), clock=clock, chance=chance
    )
    return Services(
        shop=Shop(product, settings.regions, secret=settings.secret, clock=clock, chance=chance),
        onsale=OnSale(product, chance=chance),
        feed=feed,
        stampedes=stampedes,
        witness=Witness(product, clock),
        headline=Headline(product, stores),
        matrix=matrix,
        comparisons=Comparisons(stampedes, matrix, chance=chance),
        store=product,
        stores=stores,
        missing=missing,
        settings=settings,
        database_restarts=lambda: embedded.restart_count if embedded else 0,
    )


def _tell(event: str, fields: Mapping[str, object]) -> None:
    trouble = event.endswith(("died", "failed", "restarted", "put_aside", "took_over"))
    log.log(logging.WARNING if trouble else logging.INFO, event, **fields)


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
