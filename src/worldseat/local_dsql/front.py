"""A Region's endpoint: TLS, the login with a token, and a session for whoever gets in."""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog

from worldseat.local_dsql import tokens, wire
from worldseat.local_dsql.authority import indicated_name
from worldseat.local_dsql.backend import Backend, BackendLost, BackendRefused, connect
from worldseat.local_dsql.client import Client
from worldseat.local_dsql.cluster import Cluster, Dropped
from worldseat.local_dsql.credentials import Secret
from worldseat.local_dsql.exchange import PREPARED
from worldseat.local_dsql.ground import settings
from worldseat.local_dsql.jobs import Jobs
from worldseat.local_dsql.line import Gone, Line
from worldseat.local_dsql.session import BEHIND_LOST, Ended, Session

log = structlog.get_logger(__name__)

DATABASE = "postgres"
LOCALHOST = "localhost"
GREET_S = 10.0
"""So long a client may take from its first byte to its login."""

_TLS_HELLO = 0x16
_REQUEST_BYTES = 8
_BACKLOG = 512
_SETTINGS = frozenset(
    [
        "application_name",
        "client_encoding",
        "datestyle",
        "extra_float_digits",
        "intervalstyle",
        "timezone",
        "search_path",
    ]
)
"""What a client may set as it connects; the allowlist of SET (facts §3.15)."""


class LoginRefused(Exception):
    """The client is told why, and the connection is closed."""

    def __init__(self, sqlstate: str, text: str, *, hint: str | None = None) -> None:
        super().__init__(text)
        self.answer = wire.error(sqlstate, text, severity="FATAL", hint=hint)


class Front:
    """One Region's endpoint on loopback."""

    def __init__(
        self,
        *,
        region: str,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        cluster: Cluster,
        jobs: Jobs,
        behind: Path,
        secrets: Callable[[], Mapping[str, Secret]],
    ) -> None:
        self.region = region
        self.host = host
        self.port = port
        self._tls = tls
        self._cluster = cluster
        self._jobs = jobs
        self._behind = behind
        self._secrets = secrets
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._clients: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen, if we do not yet. Raises OSError when somebody else has the port."""
        if self._listening is not None:
            return
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", self.port))
        except OSError:
            listening.close()
            raise
        listening.listen(_BACKLOG)
        listening.settimeout(0)
        self.port = listening.getsockname()[1]
        self._listening = listening
        self._accepting = asyncio.create_task(self._accept(listening))

    async def shut(self) -> None:
        """Accept nothing more; what is connected stays."""
        accepting, self._accepting = self._accepting, None
        listening, self._listening = self._listening, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.wait([accepting])
        if listening is not None:
            listening.close()

    async def close(self) -> None:
        """Accept nothing more, and end every session."""
        await self.shut()
        for task in tuple(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(listening)
            accepted.settimeout(0)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.create_task(self._client(accepted))
            self._clients.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._clients.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("session_failed", region=self.region, exc_info=error)

    async def _client(self, accepted: socket.socket) -> None:
        line: Line | None = None
        try:
            async with asyncio.timeout(GREET_S):
                line = await self._greet(accepted)
                backend, asked = await self._log_in(line)
        except LoginRefused as refused:
            if line is not None:
                line.send(refused.answer)
                line.close()
            return
        except (Gone, TimeoutError, OSError, ssl.SSLError, BackendLost):
            if line is None:
                accepted.close()
            else:
                line.close()
            return
        await self._serve(line, backend, asked)

    # before the session

    async def _greet(self, accepted: socket.socket) -> Line:
        """Bring the connection to TLS, asked for by PostgreSQL's request or begun with."""
        loop = asyncio.get_running_loop()
        while (await _peek(accepted))[0] != _TLS_HELLO:
            request = accepted.recv(_REQUEST_BYTES)
            code = int.from_bytes(request[4:], "big")
            if code == wire.GSS_REQUEST:
                await loop.sock_sendall(accepted, b"N")
            elif code == wire.SSL_REQUEST:
                await loop.sock_sendall(accepted, b"S")
                if (await _peek(accepted))[0] != _TLS_HELLO:
                    raise Gone
                break
            else:
                plain = wire.error(
                    "28000", "unable to accept connection, TLS is required", severity="FATAL"
                )
                await loop.sock_sendall(accepted, plain)
                raise Gone
        line = Line()
        await loop.connect_accepted_socket(
            lambda: line, accepted, ssl=self._tls, ssl_handshake_timeout=GREET_S
        )
        return line

    async def _log_in(self, line: Line) -> tuple[Backend, Mapping[str, str]]:
        code, body = await line.startup()
        if code == wire.CANCEL_REQUEST:
            await self._cancel(body)
            raise Gone
        if code != wire.PROTOCOL_3:
            raise LoginRefused(
                "0A000", f"unsupported frontend protocol {code >> 16}.{code & 65535}"
            )
        name = indicated_name(line.transport)
        if name is None:
            raise LoginRefused("08004", "unable to accept connection, sni was not received")
        if name.lower() not in {self.host, LOCALHOST}:
            raise LoginRefused("08004", "unable to accept connection, invalid sni")
        asked = wire.read_startup(body)
        await self._cluster.flow(self.region)
        self._admit()
        user = asked.get("user", "")
        await self._check_token(line, user)
        database = asked.get("database", user)
        if database != DATABASE:
            raise LoginRefused("3D000", f'database "{database}" does not exist')
        try:
            backend = await connect(self._behind, self._wishes(asked, user), PREPARED)
        except BackendRefused as error:
            fields = wire.error_fields(error.answer)
            raise LoginRefused(fields["C"], fields["M"]) from error
        return backend, asked

    def _admit(self) -> None:
        limits, cluster = self._cluster.limits, self._cluster
        if not cluster.buckets[self.region].take(time.monotonic()):
            raise LoginRefused("53400", "Unable to accept connection, rate exceeded.")
        if len(cluster.sessions[self.region]) >= limits.connections:
            raise LoginRefused("53300", "Unable to accept connection, too many open connections.")

    async def _check_token(self, line: Line, user: str) -> None:
        line.begin_messages()
        line.send(wire.AUTH_CLEARTEXT)
        answer = (await line.receive())[0]
        if answer[:1] != b"p":
            raise LoginRefused("08P01", "a password message was expected")
        roles: Mapping[str, Collection[str]] = {}
        if user != tokens.ADMIN:
            roles = await self._jobs.roles()
        try:
            tokens.verify(
                answer[5:-1].decode(errors="replace"),
                host=self.host,
                region=self.region,
                user=user,
                now=datetime.now(UTC),
                secrets=self._secrets(),
                roles=roles,
            )
        except tokens.Denied as denied:
            log.warning("login_denied", region=self.region, role=user[:63], reason=denied.reason)
            raise LoginRefused(tokens.SQLSTATE, denied.message, hint=denied.hint) from denied

    def _wishes(self, asked: Mapping[str, str], user: str) -> dict[str, str]:
        """Return what the session with the database behind starts with. Raises LoginRefused."""
        wishes = {"user": user, "database": DATABASE, **settings(self._cluster.limits)}
        for name, value in asked.items():
            if name in {"user", "database"}:
                continue
            if name.lower() not in _SETTINGS:
                text = f'setting configuration parameter "{name}" not supported'
                raise LoginRefused("0A000", text)
            wishes[name] = value
        return wishes

    async def _cancel(self, key: bytes) -> None:
        """Hand a cancel request on: whoever knows the key may."""
        _, writer = await asyncio.open_unix_connection(str(self._behind))
        writer.write(b"\0\0\0\x10" + wire.CANCEL_REQUEST.to_bytes(4, "big") + key)
        await writer.drain()
        writer.close()

    # the session

    async def _serve(self, line: Line, backend: Backend, asked: Mapping[str, str]) -> None:
        client = Client(line)
        session = Session(
            region=self.region,
            user=asked["user"],
            application=asked.get("application_name", ""),
            cluster=self._cluster,
            backend=backend,
            jobs=self._jobs,
            client=client,
        )
        line.on_full, line.on_room = backend.pause, backend.resume
        backend.on_lost, backend.on_parameter = session.lose_backend, client.emit
        connected = self._cluster.sessions[self.region]
        connected.add(line.abort)
        limit_s = self._cluster.limits.session_s
        age = asyncio.get_running_loop().call_later(limit_s, session.retire)
        line.send(wire.AUTH_OK + b"".join(backend.parameters) + backend.key + wire.ready(wire.IDLE))
        try:
            await session.serve()
        except (Gone, Ended):
            line.close()
        except Dropped:
            line.abort()
        except (ValueError, IndexError, struct.error):
            line.send(wire.error("08P01", "invalid message", severity="FATAL"))
            line.close()
        except BackendLost:
            client.part(BEHIND_LOST)
        finally:
            age.cancel()
            connected.discard(line.abort)
            await session.end()
            line.close()


async def _peek(accepted: socket.socket) -> bytes:
    """Return the next bytes without taking them: one of TLS, or a whole request. Raises Gone."""
    loop = asyncio.get_running_loop()
    while True:
        readable = loop.create_future()
        loop.add_reader(accepted.fileno(), _set, readable)
        try:
            await readable
        finally:
            loop.remove_reader(accepted.fileno())
        found = accepted.recv(_REQUEST_BYTES, socket.MSG_PEEK)
        if not found:
            raise Gone
        if found[0] == _TLS_HELLO or len(found) == _REQUEST_BYTES:
            return found
        await asyncio.sleep(0.005)  # Part of a request: the rest is on its way.


def _set(readable: "asyncio.Future[None]") -> None:
    if not readable.done():
        readable.set_result(None)
