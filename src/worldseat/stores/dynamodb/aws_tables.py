"""The command that makes, shows and removes the foil's tables on AWS, step by step.

Every step looks first, so a command that was broken off goes on where it stopped, and one that is
run twice changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiobotocore.session import AioSession

from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.store import TableReport, TablesRefused, TableState, TableStep
from worldseat.stores.dynamodb import items, tables
from worldseat.stores.dynamodb.clients import Client, connect, not_of_aws
from worldseat.stores.dynamodb.paper import PaperTables
from worldseat.stores.dynamodb.refusals import AGAIN, told
from worldseat.stores.dynamodb.tables import (
    ABSENT,
    ACTIVE,
    DELETING,
    EVENTUAL,
    PASSING,
    SALES_TABLE,
    SEATS_TABLE,
    Definition,
    Found,
)

_ATTEMPTS = 5
"""How often the driver sends a call that was throttled or lost: none of these counts a sale."""


class AwsTables:
    """The foil's tables in the account that the default credential chain leads to."""

    def __init__(
        self,
        regions: tuple[str, ...],
        *,
        wait_s: int = tables.WAIT_S,
        session: AioSession | None = None,
    ) -> None:
        self._regions = regions
        self._wait_s = wait_s
        self._session = session

    async def where(self) -> str:
        """Return AWS and its Regions; or the host that a setting put in AWS's place."""
        with told(_all(self._regions)):
            host = await not_of_aws(self._regions)
        return f"{f'{host} (not AWS)' if host else 'AWS'}, {' and '.join(self._regions)}"

    async def create(self, report: TableReport) -> None:
        """Make a ledger in each Region, then the seats in the first, then their replicas.

        Nothing is made when a table of the same name is there that cannot be the foil's.
        """
        async with self._clients() as clients:
            await self._look(clients)
            steps = Steps(clients, report, self._wait_s)
            for region in clients:
                await steps.make(SALES_TABLE, region)
            first, *others = clients
            await steps.make(SEATS_TABLE, first)
            for other in others:
                await steps.replicate(first, other)
            left = [each for each in await self._states(clients) if each.problem]
        if left:
            raise TablesRefused(f"Made, and still not ready: {_listed(left)}.", next_step=AGAIN)

    async def status(self) -> Sequence[TableState]:
        """Return where every table stands, in every Region."""
        async with self._clients() as clients:
            return await self._states(clients)

    async def delete(self, report: TableReport) -> None:
        """Remove the replicas of the seats, then the seats, then the ledgers."""
        async with self._clients() as clients:
            seats, sales = await self._find(clients)
            _refuse_foreign([*seats.values(), *sales.values()], "nothing was removed")
            steps = Steps(clients, report, self._wait_s)
            replicated = [each for each in seats.values() if each.replicas]
            # Any Region lists all the others, and one that is not ours is a replica all the same.
            for home in replicated[:1]:
                for replica in home.replicas:
                    await steps.part(home.region, replica)
            for definition in (SEATS_TABLE, SALES_TABLE):
                for region in clients:
                    await steps.remove(definition, region)

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        """Return the calls of a change: this very code, on an account that is made of paper.

        A deletion is rehearsed on tables that are all there.
        """
        paper = PaperTables()
        rehearsed = AwsTables(self._regions, wait_s=0, session=paper.session())
        await rehearsed.create(_say_nothing)
        if change == "delete":
            paper.calls.clear()
            await rehearsed.delete(_say_nothing)
        return paper.calls

    async def _look(self, clients: Mapping[str, Client]) -> None:
        """Refuse when what is there cannot become the foil. Nothing was changed yet."""
        seats, sales = await self._find(clients)
        every = [*seats.values(), *sales.values()]
        _refuse_foreign(every, "nothing was made")
        for each in every:
            if each.fault:
                raise TablesRefused(
                    f"{each.name} in {each.region} cannot be used: {each.fault}.",
                    next_step="Remove it (worldseat foil delete), then make it again.",
                )
        first, *others = clients
        for other in others:
            alone = seats[other].status not in {ABSENT, DELETING}
            if alone and other not in seats[first].replicas:
                raise TablesRefused(
                    f"{items.SEATS} in {other} is a table by itself, not a replica of the one in "
                    f"{first}.",
                    next_step="Remove it (worldseat foil delete), then make it again.",
                )

    async def _find(
        self, clients: Mapping[str, Client]
    ) -> tuple[Mapping[str, Found], Mapping[str, Found]]:
        with told(_all(clients)):
            seats, sales = await asyncio.gather(
                tables.find_all(clients, SEATS_TABLE), tables.find_all(clients, SALES_TABLE)
            )
        return seats, sales

    async def _states(self, clients: Mapping[str, Client]) -> Sequence[TableState]:
        with told(_all(clients)):
            return await tables.states(clients)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[Mapping[str, Client]]:
        async with AsyncExitStack() as stack:
            with told(_all(self._regions)):
                connecting = connect(self._regions, attempts=_ATTEMPTS, session=self._session)
                clients = (await stack.enter_async_context(connecting)).tables
            yield clients


class Steps:
    """One table at a time: what is there decides what is done."""

    def __init__(self, clients: Mapping[str, Client], report: TableReport, wait_s: int) -> None:
        self._clients = clients
        self._report = report
        self._wait_s = wait_s

    async def make(self, definition: Definition, region: str) -> None:
        """Make a table unless it is there, and wait until it can be used."""
        name, client = definition["TableName"], self._clients[region]
        with told(f"{name} in {region}"):
            found = await tables.find(client, definition, region)
            if found.status == ACTIVE:
                self._say(name, region, "there already")
                return
            if found.status == DELETING:
                self._say(name, region, "still being removed, to be made again")
                await tables.until_gone(client, name, wait_s=self._wait_s)
            self._say(name, region, "being made")
            await tables.make(client, definition, wait_s=self._wait_s)
            self._say(name, region, "ready")

    async def replicate(self, home: str, replica: str) -> None:
        """Add a replica of the seats: version 2019.11.21, eventually consistent."""
        client = self._clients[home]
        with told(f"{items.SEATS} in {replica}"):
            found = await tables.find(client, SEATS_TABLE, home)
            if found.replicas.get(replica) == DELETING:
                await self._until(home, replica, None)
                found = await tables.find(client, SEATS_TABLE, home)
            if replica not in found.replicas:
                away = self._clients[replica]
                if (await tables.find(away, SEATS_TABLE, replica)).there:
                    await tables.until_gone(away, items.SEATS, wait_s=self._wait_s)
                self._say(items.SEATS, replica, "being made")
                # The mode can be said only with the first replica; the others follow it.
                mode = {} if found.replicas else {"MultiRegionConsistency": EVENTUAL}
                # One replica a call is all that UpdateTable takes.
                await client.update_table(
                    TableName=items.SEATS,
                    ReplicaUpdates=[{"Create": {"RegionName": replica}}],
                    **mode,
                )
            await self._until(home, replica, ACTIVE)
            self._say(items.SEATS, replica, f"ready, a replica of {home}")

    async def part(self, home: str, replica: str) -> None:
        """Remove a replica of the seats."""
        client = self._clients[home]
        with told(f"{items.SEATS} in {replica}"):
            await tables.until_usable(client, items.SEATS, wait_s=self._wait_s)
            found = await tables.find(client, SEATS_TABLE, home)
            if found.replicas.get(replica, DELETING) != DELETING:
                await client.update_table(
                    TableName=items.SEATS, ReplicaUpdates=[{"Delete": {"RegionName": replica}}]
                )
            await self._until(home, replica, None)
            self._say(items.SEATS, replica, "removed")

    async def remove(self, definition: Definition, region: str) -> None:
        """Remove a table unless it is gone, and wait until it is."""
        name, client = definition["TableName"], self._clients[region]
        with told(f"{name} in {region}"):
            found = await tables.find(client, definition, region)
            if not found.there:
                self._say(name, region, "not there")
                return
            self._say(name, region, "being removed")
            if found.status == DELETING:
                await tables.until_gone(client, name, wait_s=self._wait_s)
            else:
                await tables.until_usable(client, name, wait_s=self._wait_s)
                await tables.remove(client, name, wait_s=self._wait_s)
            self._say(name, region, "removed")

    async def _until(self, home: str, replica: str, wanted: str | None) -> None:
        """Wait until a replica has a status, or is gone, and say each change on the way."""
        said: str | None = None
        for _ in range(tables.WAITS_MAX):
            found = await tables.find(self._clients[home], SEATS_TABLE, home)
            status = found.replicas.get(replica)
            if status == wanted and found.status == ACTIVE:
                return
            if status not in PASSING and status is not None:
                raise TablesRefused(
                    f"The replica of {items.SEATS} in {replica} is {status}.",
                    next_step="See it in AWS's console, then remove it (worldseat foil delete).",
                )
            if status != said:
                said = status
                self._say(items.SEATS, replica, f"its replica is {status or ABSENT}")
            await asyncio.sleep(self._wait_s)
        raise TablesRefused(
            f"The replica of {items.SEATS} in {replica} is still {said or ABSENT}.",
            next_step=AGAIN,
        )

    def _say(self, name: str, region: str, text: str) -> None:
        self._report(TableStep(name=name, region=region, text=text))


def _refuse_foreign(found: Iterable[Found], so: str) -> None:
    for each in found:
        if each.foreign:
            raise TablesRefused(
                f"{each.name} in {each.region} is not the foil's table: {each.foreign}. So {so}.",
                next_step=(
                    f"Use another account than {each.account}; or, if that table may go, remove it "
                    "by yourself."
                ),
            )


def _listed(states: Iterable[TableState]) -> str:
    return "; ".join(f"{each.name} in {each.region}: {each.problem}" for each in states)


def _all(regions: Iterable[str]) -> str:
    return f"the foil's tables in {' and '.join(regions)}"


def _say_nothing(_: TableStep) -> None:
    return
