"""One DynamoDB emulator process on loopback, which never outlives the process that started it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from worldseat.ports.store import NotCommitted, StoreMissing

PROGRAM = "ministack"
PROGRAM_ENV = "WORLDSEAT_MINISTACK_BIN"
READY_DEADLINE_S = 20.0
LAUNCHES = 3
_POLL_S = 0.05
_LOG_TAIL_BYTES = 1_500
_LOOPBACK = "127.0.0.1"

# The kernel kills the emulator when the thread that started it ends; when the parent was gone
# before that took hold, it does not start.
_GUARD = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'


def find_program() -> Path:
    """Return the emulator: the one that is named, or that of this environment.

    Raises StoreMissing.
    """
    named = os.environ.get(PROGRAM_ENV)
    program = Path(named) if named else Path(sys.executable).with_name(PROGRAM)
    if os.access(program, os.X_OK):
        return program
    message = (
        f"no DynamoDB emulator at {program}: pip install 'worldseat[dynamodb]', or set "
        f"{PROGRAM_ENV} to a {PROGRAM} in an environment of its own"
    )
    raise StoreMissing(message)


def version_of(program: Path) -> str:
    """Return the emulator's name and the version that is installed beside it, if it says one."""
    found = sorted(program.parent.parent.glob(f"lib/python*/site-packages/{PROGRAM}-*.dist-info"))
    version = found[-1].name.removesuffix(".dist-info").partition("-")[2] if found else ""
    return f"{PROGRAM} {version}".strip()


class Emulator:
    """The emulator of one Region. Launch it on the thread of the event loop."""

    def __init__(self, program: Path, region: str, home: Path) -> None:
        self.region = region
        self._program = program
        self._home = home / region
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The address of its endpoint."""
        return f"http://{_LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Its process id, or None before the launch."""
        return None if self._process is None else self._process.pid

    def trouble(self) -> str:
        """Say how it ended, or nothing while it runs."""
        if self._process is None or self._process.poll() is None:
            return ""
        return f"the DynamoDB emulator of {self.region} ended with {self._process.returncode}"

    async def launch(self) -> None:
        """Start it on a free port and wait until it answers. Raises NotCommitted."""
        self._home.mkdir(parents=True, exist_ok=True)
        for _ in range(LAUNCHES):
            self._port = _free_port()
            self._process = self._spawn()
            if await self._ready():
                return
            # Most likely somebody else took the port in between.
            self.kill()
        log = await asyncio.to_thread(self._log_tail)
        message = f"the DynamoDB emulator of {self.region} does not start; its log ends:\n{log}"
        raise NotCommitted(message)

    def kill(self) -> None:
        """End it at once: it keeps nothing that is worth an orderly stop."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        guard = ("setpriv", "--pdeathsig", "KILL", "sh", "-c", _GUARD, "sh", str(os.getpid()))
        with (self._home / "emulator.log").open("ab") as log:
            try:
                return subprocess.Popen(  # noqa: S603 - the words are ours, no shell expands them.
                    [*guard, str(self._program)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._home,
                    env=self._environment(),
                    start_new_session=True,
                )
            except OSError as error:
                message = f"setpriv and sh are needed to start the emulator: {error}"
                raise NotCommitted(message) from error

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "BIND_HOST": _LOOPBACK,
            "GATEWAY_PORT": str(self._port),
            "SERVICES": "dynamodb,dynamodbstreams",
            "MINISTACK_REGION": self.region,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }

    async def _ready(self) -> bool:
        until = time.monotonic() + READY_DEADLINE_S
        while time.monotonic() < until and not self.trouble():
            if await _answers(self._port):
                # Alive, or the answer came from somebody else on that port.
                return not self.trouble()
            await asyncio.sleep(_POLL_S)
        return False

    def _log_tail(self) -> str:
        log = self._home / "emulator.log"
        return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


async def _answers(port: int) -> bool:
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(_LOOPBACK, port)
            try:
                writer.write(b"GET /_ministack/health HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return b" 200" in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
