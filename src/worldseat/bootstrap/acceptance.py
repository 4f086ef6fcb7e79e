"""The acceptance run put together: relays before the endpoints, and the product on top of them."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import structlog

from worldseat.acceptance.amounts import SMALL, Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.plan import NAMES
from worldseat.acceptance.relay import Relay
from worldseat.acceptance.run import accept as run_all
from worldseat.acceptance.tables import Tables
from worldseat.acceptance.trial import OnProgress
from worldseat.bootstrap import whole
from worldseat.bootstrap.cluster import prepared
from worldseat.bootstrap.schema import bring_schema
from worldseat.domain.acceptance import Promise, Report, sealed
from worldseat.domain.endpoints import mixed_up
from worldseat.domain.errors import BadRequest, WorldSeatError
from worldseat.ports.store import StoreSetup
from worldseat.revision import revision
from worldseat.secret import load_or_make
from worldseat.services.acceptances import Acceptances
from worldseat.services.onsale import OnSale
from worldseat.services.shop import Shop
from worldseat.services.stampede import Stampedes
from worldseat.services.witness import Witness
from worldseat.settings import Settings
from worldseat.stores.dsql import DsqlStore
from worldseat.stores.dsql.endpoint import is_dsql, is_local
from worldseat.system import SystemChance, SystemClock

log = structlog.get_logger(__name__)


async def accept(
    settings: Settings,
    *,
    amounts: Amounts,
    only: Sequence[str],
    limit_usd: float,
    on_progress: OnProgress,
    on_promise: Callable[[Promise], None],
) -> tuple[Report, str]:
    """Try every promise on the endpoints of these settings; return the report, sealed.

    `only` are the promises that are wanted. With all of them, and SMALL runs or more, the report is
    kept in the database behind the endpoints as well; else the text says why it is not. Without
    addresses the local cluster is started for it. Raises BadRequest for addresses that are not
    Aurora DSQL's or not their Regions', Unavailable, StoreError or ValueError.
    """
    async with _ground(settings, amounts, limit_usd) as ground:
        report = sealed(
            await run_all(
                ground,
                only=only,
                git_commit=revision(),
                on_progress=on_progress,
                on_promise=on_promise,
            )
        )
        if why := not_kept(only, amounts):
            return report, why
        try:
            await Acceptances(ground.store, ground.lead_to).keep(report)
        except WorldSeatError as error:
            return report, f"{error.message} {error.operator}".strip()
    return report, ""


def not_kept(only: Sequence[str], amounts: Amounts) -> str:
    """Say why a run of this much is not kept by itself, or nothing.

    On the pages it would stand before whole ones; `accept show --keep` takes it all the same.
    """
    if set(only) != set(NAMES):
        return "only some promises were to be tried"
    if amounts.runs < SMALL:
        return f"it had fewer than {SMALL} --runs"
    return ""


def costs_money(settings: Settings) -> bool:
    """Say whether these settings lead to AWS."""
    urls = settings.database_urls.values()
    return any(is_dsql(url) and not is_local(url) for url in urls)


@asynccontextmanager
async def _ground(settings: Settings, amounts: Amounts, limit_usd: float) -> AsyncIterator[Ground]:
    clock, chance = SystemClock(), SystemChance()
    async with AsyncExitStack() as stack:
        if not settings.secret:
            settings = replace(settings, secret=load_or_make(settings.home))
        settings = (await prepared(stack, settings)).settings
        urls = {region: settings.database_urls[region] for region in settings.regions}
        for url in urls.values():
            if not is_dsql(url):
                raise BadRequest(
                    "An acceptance run needs two endpoints of Aurora DSQL.",
                    next_step="Give their addresses, or none for the local cluster.",
                )
        if fault := mixed_up(
            {region: urlsplit(url).hostname or "" for region, url in urls.items()}
        ):
            raise BadRequest(
                f"An acceptance run needs an endpoint of each Region: {fault}.",
                next_step="Addresses are in WORLDSEAT_US_EAST_1_URL and WORLDSEAT_US_EAST_2_URL, "
                "or in the file of --endpoints.",
            )
        await bring_schema(settings, lambda text: log.info("schema", did=text))
        lines, fan_lines = await _relays(stack, urls), await _relays(stack, urls)
        store = DsqlStore(
            StoreSetup(
                regions=settings.regions,
                urls={region: relay.url for region, relay in fan_lines.items()},
                home=settings.home,
                process=f"accept {socket.gethostname()}:{os.getpid()}",
                chance=chance,
                lead_to=urls,
            )
        )
        stack.push_async_callback(store.close)
        await store.open()
        # Before the run's own event, so that the rehearsal that people meet first stays theirs.
        if store.stand_in is not None:
            await whole.seed(OnSale(store, chance=chance))
        accept_id = chance.new_id("accept")
        stampedes = Stampedes(
            store,
            {store.name: store},
            settings.regions,
            git_commit=revision(),
            clock=clock,
            chance=chance,
        )
        stack.push_async_callback(stampedes.close)
        yield Ground(
            accept_id=accept_id,
            amounts=amounts,
            limit_usd=limit_usd,
            lead_to=urls,
            lines=lines,
            fan_lines=fan_lines,
            tables=Tables(accept_id, list(urls.values())),
            store=store,
            shop=Shop(store, settings.regions, secret=settings.secret, clock=clock, chance=chance),
            stampedes=stampedes,
            witness=Witness(store, clock),
            clock=clock,
            chance=chance,
        )


async def _relays(stack: AsyncExitStack, urls: Mapping[str, str]) -> dict[str, Relay]:
    relays = {region: Relay(url) for region, url in urls.items()}
    for relay in relays.values():
        await relay.open()
        stack.push_async_callback(relay.close)
    return relays
