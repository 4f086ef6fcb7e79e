"""Orders to a running cluster, over a socket that only its own account may open.

One JSON object per line, one answer per line: `{"do": "status"}` or
`{"do": "order", "kind": …, "region": …}` is answered `{"ok": true, "status": …}` or
`{"ok": false, "error": …}`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from worldseat.ports.cluster import BadOrder, ClusterStatus, LocalCluster

ANSWER_S = 5.0
LINE_BYTES_MAX = 64 * 1024


class Asked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked."""

    do: str
    kind: str = ""
    region: str | None = None
    other: str | None = None
    count: int | None = None
    ms: float | None = None
    mark: str | None = None


class Told(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is answered."""

    ok: bool
    status: ClusterStatus | None = None
    error: str = ""


@asynccontextmanager
async def served(path: Path, cluster: LocalCluster) -> AsyncIterator[None]:
    """Take orders at `path` while the block runs. Raises OSError."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - one file of ours, at the start.

    async def answer(asked: asyncio.StreamReader, told: asyncio.StreamWriter) -> None:
        try:
            while line := await asked.readline():
                told.write(msgspec.json.encode(await _follow(line, cluster)) + b"\n")
                await told.drain()
        except (OSError, ValueError):
            return  # It left, or sent more than a line may have.
        finally:
            told.close()

    server = await asyncio.start_unix_server(answer, path, limit=LINE_BYTES_MAX)
    path.chmod(0o600)  # noqa: ASYNC240
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)  # noqa: ASYNC240


async def _follow(line: bytes, cluster: LocalCluster) -> Told:
    try:
        asked = msgspec.json.decode(line, type=Asked)
        if asked.do == "status":
            return Told(ok=True, status=await cluster.status())
        if asked.do != "order":
            raise BadOrder("Ask for `status`, or give an `order`.")
        status = await cluster.order(
            asked.kind,
            region=asked.region,
            other=asked.other,
            count=asked.count,
            ms=asked.ms,
            mark=asked.mark,
        )
    except (BadOrder, msgspec.ValidationError, msgspec.DecodeError) as error:
        return Told(ok=False, error=str(error))
    return Told(ok=True, status=status)


class Control:
    """A running cluster, told what to do from another process."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def status(self) -> ClusterStatus:
        """Ask how everything stands. Raises OSError when the cluster does not run."""
        return await self._ask(Asked(do="status"))

    async def order(
        self,
        kind: str,
        *,
        region: str | None = None,
        other: str | None = None,
        count: int | None = None,
        ms: float | None = None,
        mark: str | None = None,
    ) -> ClusterStatus:
        """Give an order of ports.cluster. Raises BadOrder, OSError."""
        return await self._ask(
            Asked(do="order", kind=kind, region=region, other=other, count=count, ms=ms, mark=mark)
        )

    async def _ask(self, asked: Asked) -> ClusterStatus:
        async with asyncio.timeout(ANSWER_S):
            answers, orders = await asyncio.open_unix_connection(self._path, limit=1 << 20)
            try:
                orders.write(msgspec.json.encode(asked) + b"\n")
                line = await answers.readline()
            except ValueError as error:
                raise ConnectionError("The local cluster answered more than a line.") from error
            finally:
                orders.close()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("The local cluster ended before it answered.")
        told = msgspec.json.decode(line, type=Told)
        if told.status is None:
            raise BadOrder(told.error)
        return told.status
