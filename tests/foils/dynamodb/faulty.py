"""A DynamoDB client that fails as the service and the wire do, and a store made of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from botocore import exceptions as boto

from worldseat.domain.run import Plan
from worldseat.domain.seats import Seat, SeatKey
from worldseat.ports.store import Bench, Guarantees, Tally
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.purchase import DynamoBench
from worldseat.system import SystemChance

_URL = "http://127.0.0.1:1"


def _error(error: Any) -> Exception:
    """The driver has no types: see that it is what it should be."""
    assert isinstance(error, Exception)
    return error


def answered(code: str, status: int = 400) -> Exception:
    """An error that the service itself answers."""
    told = {
        "Error": {"Code": code, "Message": "planted"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return _error(boto.ClientError(told, "PutItem"))


def timed_out() -> Exception:
    return _error(boto.ReadTimeoutError(endpoint_url=_URL, error=TimeoutError()))


def cut() -> Exception:
    return _error(boto.ConnectionClosedError(endpoint_url=_URL, error=None, request=None))


def reset() -> Exception:
    """What the driver makes of a connection that was reset: the name says that there was none."""
    lost = aiohttp.ClientOSError(104, "reset")
    return _error(boto.EndpointConnectionError(endpoint_url=_URL, error=lost))


def refused() -> Exception:
    """What the driver makes of a port on which nobody listens."""
    lost = aiohttp.ClientConnectorError(None, OSError(111, "refused"))  # type: ignore[arg-type]
    return _error(boto.EndpointConnectionError(endpoint_url=_URL, error=lost))


class FaultyClient:
    """Keeps items in memory. `faults` names a method and a table, and what it raises in turn."""

    def __init__(self, faults: Mapping[str, Iterable[Exception]]) -> None:
        self._faults = {where: iter(errors) for where, errors in faults.items()}
        self._items: dict[str, Any] = {}

    async def get_item(self, *, TableName: str, Key: Any, **_: Any) -> Any:  # noqa: N803 - theirs.
        self._fail("get", TableName)
        found = self._items.get(f"{TableName} {Key}")
        return {} if found is None else {"Item": found}

    async def put_item(self, *, TableName: str, Item: Any, **asked: Any) -> Any:  # noqa: N803
        self._fail("put", TableName)
        names = ("floor", "seat_index") if "floor" in Item else ("run_id", "op_id")
        key = f"{TableName} { {name: Item[name] for name in names} }"
        if "ConditionExpression" in asked and key in self._items:
            raise answered("ConditionalCheckFailedException")
        self._items[key] = Item
        return {}

    def _fail(self, method: str, table: str) -> None:
        error = next(self._faults.get(f"{method} {table}", iter(())), None)
        if error is not None:
            raise error


class FaultyStore:
    """As much of a store as a stampede needs, on a faulty client."""

    name, title, role = "dynamodb", "faulty", "foil"
    stand_in: str | None = "test"
    guarantees = Guarantees(isolation="", replication="", cannot="", two_writers="")
    adapter_source: Sequence[object] = ()
    regions: tuple[str, ...] = REGIONS
    lag_is_chosen, in_headline, tables = False, False, None

    def __init__(self, client: FaultyClient) -> None:
        self._client = client

    @asynccontextmanager
    async def bench(
        self,
        plan: Plan,  # noqa: ARG002 - a faulty client serves every run alike.
        region: str,
        size: int,
    ) -> AsyncIterator[Bench]:
        yield DynamoBench(self._client, region, size, chance=SystemChance())

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        raise NotImplementedError

    async def seat(self, key: SeatKey) -> Seat:
        raise NotImplementedError

    async def sold_in_run(self, seat: Seat) -> bool:
        raise NotImplementedError

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        raise NotImplementedError

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        raise NotImplementedError
