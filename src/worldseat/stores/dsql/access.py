"""The way in: a Region's address becomes a connection, to DSQL with verified TLS and a token.

The only place that does so. An address that is not an endpoint of DSQL is plain PostgreSQL, for
developers and for the control: it is connected to as it says.
"""

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from worldseat.ports.way_in import WayIn
from worldseat.stores.dsql import signing
from worldseat.stores.dsql.endpoint import PORT, Endpoint, is_dsql, is_local, parse

__all__ = ["connect", "is_dsql", "is_local", "parse", "way_in"]

_KNOCK_S = 2.0


async def connect(url: str, **keywords: Any) -> "asyncpg.Connection[Any]":
    """Open an asyncpg connection to an address of a Region.

    `keywords` are those of asyncpg.connect, so that a pool may use this as its `connect`. They go
    before what the address says: a `password` is shown instead of a token.

    Raises:
        BadAddress: the address cannot be.
        NotCommitted: there are no credentials to sign a token with.
        OSError: nobody answers, or not who should (ssl.SSLError).
        asyncpg.PostgresError: the server refuses; 28000 when it refuses the token.
    """
    connection: asyncpg.Connection[Any]
    if not is_dsql(url):
        connection = await asyncpg.connect(url, **keywords)
        return connection
    there = parse(url)
    try:
        connection = await asyncpg.connect(**{**await _login(there), **keywords})
    except asyncpg.InvalidAuthorizationSpecificationError:
        await signing.look_again(there)
        raise
    return connection


async def way_in(region: str, url: str) -> WayIn:
    """Return what another program needs for an address, with a token that lives long enough.

    A plain PostgreSQL is its owner's: whether it runs is not asked. Raises BadAddress, and
    NotCommitted if there are no credentials.
    """
    if not is_dsql(url):
        parts = urlsplit(url)
        host = parts.hostname or dict(parse_qsl(parts.query)).get("host", "")
        return WayIn(
            region=region,
            url=url,
            host=host,
            address=host,
            port=parts.port or PORT,
            user=unquote(parts.username or ""),
            database=unquote(parts.path.lstrip("/")),
            running=True,
        )
    there = parse(url)
    return WayIn(
        region=region,
        url=url,
        host=there.host,
        address=there.address,
        port=there.port,
        user=there.user,
        database=there.database,
        # libpq before 16 does not know the system's authorities by itself.
        ca_file=there.ca_file or ssl.get_default_verify_paths().cafile,
        token=await signing.token(there, life_s=signing.SHOWN_TOKEN_LIFE_S),
        token_life_s=signing.SHOWN_TOKEN_LIFE_S,
        running=await _listens(there),
    )


async def _listens(there: Endpoint) -> bool:
    try:
        async with asyncio.timeout(_KNOCK_S):
            _, writer = await asyncio.open_connection(there.address, there.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _login(there: Endpoint) -> dict[str, Any]:
    tls = await asyncio.get_running_loop().run_in_executor(_THREAD, _tls_of, there)
    return {
        "host": there.address,
        "port": there.port,
        "user": there.user,
        "database": there.database,
        # Asked for within asyncpg's own time limit, and anew for every connection.
        "password": partial(signing.token, there),
        "ssl": tls,
        # TLS from the first byte on: a round trip less than asking for it, and nothing in clear.
        "direct_tls": True,
        # Said, because asyncpg would ask the environment otherwise.
        "target_session_attrs": "any",
    }


class _NamedTls(ssl.SSLContext):
    """TLS with a server that is known by its name, whatever address it was connected at.

    An event loop names the address. Here the TLS object is told the name, which holds on every
    loop, for SNI and for the check of the certificate alike.
    """

    server_name: str

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as in the base class.
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - the address.
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.server_name, session)


# Reading the system's authorities takes 40 ms: off the event loop, and once, because many
# connections that are opened together find the one thread busy with it.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dsql-tls")


def _tls_of(there: Endpoint) -> ssl.SSLContext:
    # A local cluster that is made anew has another authority, in the same file.
    changed_at_ns = None if there.ca_file is None else Path(there.ca_file).stat().st_mtime_ns
    return _tls(there.host, there.ca_file, changed_at_ns)


@lru_cache(maxsize=16)
def _tls(host: str, ca_file: str | None, _changed_at_ns: int | None) -> ssl.SSLContext:
    """Return TLS that checks chain and name, one for all connections to a host."""
    context = _NamedTls(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = host
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["postgresql"])
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    return context
