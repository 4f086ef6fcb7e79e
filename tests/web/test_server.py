"""The server stops at once, whatever is open and however it is told."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from worldseat.web.server import CONNECTIONS_MAX, Server, bind, connection_limit

from .conftest import Address, Connect, Endless, serving

STOP_WITHIN_S = 1.0


async def test_it_stops_at_once_with_streams_open(connect: Connect) -> None:
    app = Endless()
    async with serving(app, app.closed.set) as (server, address):
        readers = [
            (await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))[0] for _ in range(50)
        ]
        for reader in readers:
            await reader.readuntil(b"begun")
        began = time.perf_counter()
        server.stop()
        for reader in readers:
            assert b"ended" in await reader.read()
    assert time.perf_counter() - began < STOP_WITHIN_S
    assert app.open == 0


async def test_it_stops_at_once_although_a_request_hangs_and_a_peer_does_not_read(
    connect: Connect,
) -> None:
    app = Endless()
    async with serving(app, app.closed.set) as (server, address):
        deaf = await connect(address, b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n")
        await connect(address, b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        idle = await connect(address, b"")
        half = await connect(address, b"GET / HTTP/1.1\r\nho")
        await app.begun.wait()
        began = time.perf_counter()
        server.stop()
        for reader, _ in (deaf, idle, half):
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
    assert time.perf_counter() - began < STOP_WITHIN_S


async def test_it_stops_at_once_although_the_feed_does_not_close(connect: Connect) -> None:
    app = Endless()

    async def never() -> None:
        await asyncio.Event().wait()

    listener = bind("127.0.0.1", 0)
    server = Server(app, never)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    address = Address(url="", port=listener.getsockname()[1])
    reader, _ = await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"begun")
    began = time.perf_counter()
    server.stop()
    await running
    assert time.perf_counter() - began < STOP_WITHIN_S


def test_answers_are_not_held_back_for_the_peers_acknowledgement() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_there_are_files_left_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    for limits, expected, raised in (
        ((1_024, 1_048_576), CONNECTIONS_MAX, True),
        ((1_024, 4_096), 4_096 - 320, True),
        ((1_024, 1_024), 1_024 - 320, True),
        ((1_048_576, 1_048_576), CONNECTIONS_MAX, False),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), CONNECTIONS_MAX, False),
        ((1_024, resource.RLIM_INFINITY), CONNECTIONS_MAX, True),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        asked.clear()
        assert connection_limit() == expected
        assert bool(asked) == raised


PROGRAM = textwrap.dedent("""
    import asyncio, sys
    import uvloop
    from types import SimpleNamespace
    from worldseat.web.server import serve

    closed = None

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await closed.wait()
        await send({"type": "http.response.body", "body": b""})

    async def main():
        global closed
        closed = asyncio.Event()

        async def on_stop():
            closed.set()

        settings = SimpleNamespace(host="127.0.0.1", port=0)
        ready = lambda host, port: print(port, flush=True)
        await serve(app, settings, on_stop, on_ready=ready)
        print("stopped cleanly", flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
""")


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("in_background", [False, True])
async def test_a_signal_stops_the_process(
    connect: Connect, number: signal.Signals, *, in_background: bool
) -> None:
    """Also one that a shell's `&` has told to ignore SIGINT."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_ignore_interrupts if in_background else None,  # noqa: PLW1509 - no threads yet
    )
    assert process.stdout is not None
    port = int(await asyncio.to_thread(process.stdout.readline))
    address = Address(url="", port=port)
    readers = [(await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))[0] for _ in range(5)]
    for reader in readers:
        await reader.readuntil(b"begun")
    began = time.perf_counter()
    os.kill(process.pid, number)
    status = await asyncio.to_thread(process.wait, 10)
    took_s = time.perf_counter() - began
    assert (status, process.stdout.read()) == (0, "stopped cleanly\n")
    assert took_s < STOP_WITHIN_S
    process.stdout.close()
