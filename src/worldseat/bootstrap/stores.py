"""The product's store, and every foil that is registered."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from worldseat.bootstrap.cluster import endpoints
from worldseat.domain.errors import UnknownStore
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store, StoreError, StoreMissing, StoreSetup
from worldseat.settings import Settings
from worldseat.stores.dsql import DsqlStore
from worldseat.system import SystemChance


def product(settings: Settings) -> OnSaleStore:
    """Build the product's store on the addresses there are, without opening it."""
    return DsqlStore(_setup(replace(settings, database_urls=endpoints(settings)), None))


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


async def open_stores(
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
        urls=_own_first(settings),
        home=settings.home,
        process=f"{socket.gethostname()}:{os.getpid()}",
        chance=SystemChance(),
        server_url=server_url,
    )


def _own_first(settings: Settings) -> Mapping[str, str]:
    """Return the addresses with the Region where this process stands first: it reads there."""
    return dict(sorted(settings.database_urls.items(), key=lambda at: at[0] != settings.region))


def _load(entry: EntryPoint) -> Callable[[StoreSetup], Store]:
    """Return what builds the store. Raises StoreMissing if its folder was deleted."""
    found = find_spec(entry.module)
    # A folder in which only old bytecode was left is found too, without an origin.
    if found is None or found.origin is None:
        raise StoreMissing(f"{entry.module} is registered and was deleted. Install WorldSeat again")
    registered: Callable[[StoreSetup], Store] = entry.load()()
    return registered
