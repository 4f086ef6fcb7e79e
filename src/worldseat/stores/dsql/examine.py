"""Trying everything that a sale needs of an endpoint, one step after the other, for the doctor."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from worldseat.ports.onsale import EndpointCheck
from worldseat.ports.store import Conflict, StoreError
from worldseat.stores.dsql import access, failures, statements
from worldseat.stores.dsql.endpoint import ADMIN, BadAddress, is_dsql, is_local, parse

_HEALTH = statements.load("health.sql")
_SEAT = statements.load("seat.sql")

REACH_WITHIN_S = 3.0
LOGIN_WITHIN_S = 10.0
SKEW_MAX_S = 5.0
"""A token is refused when the clocks differ by minutes; seconds already mislead whoever reads."""

_START = "Start WorldSeat (`make run`), which starts the local cluster."
_MENDS = {
    "25006": (
        "It reaches too few of the three Regions to commit, or is a read-only copy. That ends "
        "when they are back; a local cluster: `worldseat local clear`."
    ),
    "42P01": "The schema is not there yet: run `worldseat migrate`.",
    "42501": "The role lacks a privilege: run `worldseat cluster grant` as admin.",
    "53300": "Too many connections are open: stop other processes or ask AWS for a higher quota.",
    "53400": "Connections were opened too fast: wait a few seconds and try again.",
    "3D000": "The database of Aurora DSQL is always `postgres`: correct the address.",
}


async def examine(
    urls: Mapping[str, str], *, begin: str, isolation: str
) -> Sequence[EndpointCheck]:
    """Try every endpoint, all at once; each ends at the first step that fails."""

    async def one(region: str, url: str) -> Sequence[EndpointCheck]:
        return [check async for check in _Examination(region, url).steps(begin, isolation)]

    found = await asyncio.gather(*(one(region, url) for region, url in urls.items()))
    return [check for checks in found for check in checks]


class _Examination:
    """The steps of one endpoint."""

    def __init__(self, region: str, url: str) -> None:
        self._region = region
        self._url = url

    async def steps(self, begin: str, isolation: str) -> AsyncIterator[EndpointCheck]:
        if is_dsql(self._url):
            async for check in self._way():
                yield check
                if not check.ok:
                    return
        try:
            line = await access.connect(
                self._url, timeout=LOGIN_WITHIN_S, command_timeout=LOGIN_WITHIN_S
            )
        except (StoreError, ValueError, *failures.DRIVER_ERRORS) as error:
            yield self._no("way in", error, _login_mend(error, self._url))
            return
        taken = "TLS verified, token accepted" if is_dsql(self._url) else "taken, without a token"
        try:
            user = await line.fetchval(_HEALTH["user"])
            yield self._yes("way in", f"{taken}, as {user}")
            yield await self._isolation(line, begin, isolation)
            yield await self._commit(line)
            yield await self._clock(line)
        except failures.DRIVER_ERRORS as error:
            yield self._no("answers", error, "Try again; if it stays, see the service's health.")
        finally:
            line.terminate()

    async def _way(self) -> AsyncIterator[EndpointCheck]:
        try:
            there = parse(self._url)
        except BadAddress as error:
            yield self._no("address", error, "Correct the address of this Region.")
            return
        if there.region != self._region:
            yield EndpointCheck(
                region=self._region,
                check="address",
                ok=False,
                seen=f"{there.host} is in {there.region}",
                mend="Give each Region the address of its own endpoint.",
            )
            return
        local = is_local(self._url)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                there.address, there.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
        except (OSError, UnicodeError) as error:
            mend = "Check the name for typing errors; in a private network, its private DNS."
            yield self._no("address", error, mend)
            return
        yield self._yes("address", f"{there.host} is {found[0][4][0]}")
        try:
            async with asyncio.timeout(REACH_WITHIN_S):
                _, writer = await asyncio.open_connection(there.address, there.port)
        except OSError as error:
            mend = "Open the way to this port: routes, security groups, firewall."
            yield self._no("reachable", error, _START if local else mend)
            return
        writer.transport.abort()
        yield self._yes("reachable", f"port {there.port} answers")

    async def _isolation(self, line: Any, begin: str, isolation: str) -> EndpointCheck:
        await line.execute(begin)
        shown = await line.fetchval(_SEAT["isolation"])
        await line.execute("ROLLBACK")
        return EndpointCheck(
            region=self._region,
            check="isolation",
            ok=shown == isolation,
            seen=shown,
            mend=f"Nothing may be sold here: it must be {isolation}. Is this the right database?",
        )

    async def _commit(self, line: Any) -> EndpointCheck:
        try:
            await line.execute(_HEALTH["commits"], f"health {self._region}")
        except asyncpg.PostgresError as error:
            if not isinstance(failures.before_commit(error), Conflict):
                return self._no("commits", error, _mend(error, "See what the service says."))
        return self._yes("commits", "a row was written and committed")

    async def _clock(self, line: Any) -> EndpointCheck:
        before = datetime.now(UTC)
        there = await line.fetchval(_HEALTH["clock"])
        after = datetime.now(UTC)
        skew_s = (there - before - (after - before) / 2).total_seconds()
        return EndpointCheck(
            region=self._region,
            check="clock",
            ok=abs(skew_s) <= SKEW_MAX_S,
            seen=f"{abs(skew_s) * 1000:.0f} ms {'ahead of' if skew_s > 0 else 'behind'} ours",
            mend="Set this machine's clock (NTP): tokens are dated, and refused when too far off.",
        )

    def _yes(self, check: str, seen: str) -> EndpointCheck:
        return EndpointCheck(region=self._region, check=check, ok=True, seen=seen)

    def _no(self, check: str, error: BaseException, mend: str) -> EndpointCheck:
        known = isinstance(error, StoreError | BadAddress)
        seen = str(error) if known else failures.told(error)
        return EndpointCheck(region=self._region, check=check, ok=False, seen=seen, mend=mend)


def _login_mend(error: BaseException, url: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "Whoever answers cannot prove to be this endpoint. Check the address and `ca_file`; on "
            "AWS the system's certificates must hold Amazon Root CA 1."
        )
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        user = parse(url).user if is_dsql(url) else ADMIN
        need = (
            "they may dsql:DbConnectAdmin on this cluster"
            if user == ADMIN
            else f"they may dsql:DbConnect on this cluster and `worldseat cluster grant` let them "
            f"in as {user}"
        )
        return (
            "The token was refused. Check whose credentials are used (AWS_PROFILE, the role), that "
            f"{need}, and this machine's clock."
        )
    if isinstance(error, StoreError):
        return "Give AWS credentials: AWS_PROFILE, environment variables or the machine's role."
    return _mend(error, "Check the address, and the server behind it.")


def _mend(error: BaseException, otherwise: str) -> str:
    return _MENDS.get(getattr(error, "sqlstate", None) or "", otherwise)
