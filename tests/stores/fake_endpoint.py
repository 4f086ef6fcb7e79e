"""An endpoint that checks name and token as the service does, and has nothing behind it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from worldseat.local_dsql import authority, credentials, descriptor, tokens
from worldseat.local_dsql.descriptor import Descriptor

HOST = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws"
NAMES = (HOST, HOST.replace("east-1", "east-2"))


@dataclass(slots=True)
class Login:
    """What one client sent before it was let in or not."""

    name: str | None
    alpn: str | None
    user: str
    database: str
    token: str


@dataclass(slots=True)
class FakeEndpoint:
    """us-east-1's door: TLS, a name, a startup message and a token; behind it there is nothing."""

    home: Path
    port: int = 0
    logins: list[Login] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def url(self) -> str:
        return self.described().url("us-east-1")

    def described(self) -> Descriptor:
        return Descriptor(
            cluster_id=HOST.partition(".")[0],
            endpoints={
                name.split(".")[2]: descriptor.Endpoint(
                    host=name, address="127.0.0.1", port=self.port
                )
                for name in NAMES
            },
            witness_region="us-west-2",
            database="postgres",
            user="admin",
            ca_file=str(self.home / authority.CA_FILE),
            credentials_file=str(self.home / credentials.FILE),
            profile=credentials.PROFILE,
            control=str(self.home / "control"),
            postgres_url="postgresql://",
            pid=1,
        )

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self._judged(await self._login(reader, writer)))
            # The client's goodbye.
            await reader.readexactly(1)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _login(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Login:
        words = (await _message(reader))[4:].split(b"\0")
        said = dict(zip(words[::2], words[1::2], strict=False))
        writer.write(b"R\0\0\0\x08\0\0\0\x03")
        assert await reader.readexactly(1) == b"p"
        login = Login(
            name=authority.indicated_name(writer.transport),
            alpn=writer.get_extra_info("ssl_object").selected_alpn_protocol(),
            user=said[b"user"].decode(),
            database=said[b"database"].decode(),
            token=(await _message(reader)).removesuffix(b"\0").decode(),
        )
        self.logins.append(login)
        return login

    def _judged(self, login: Login) -> bytes:
        try:
            tokens.verify(
                login.token,
                host=login.name or "",
                region="us-east-1",
                user=login.user,
                now=self.now(),
                secrets=credentials.known(self.home),
                roles={"app": {credentials.ARN}},
            )
        except tokens.Denied as denied:
            fields = f"SFATAL\0C{denied.sqlstate}\0M{denied.message}\0H{denied.hint}\0\0"
            return _framed(b"E", fields.encode())
        return (
            _framed(b"R", bytes(4))
            + _framed(b"S", b"server_version\x0016.15\0")
            + _framed(b"K", bytes(8))
            + _framed(b"Z", b"I")
        )


async def _message(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(length - 4)


def _framed(kind: bytes, content: bytes) -> bytes:
    return kind + (len(content) + 4).to_bytes(4, "big") + content
