"""What a first visitor waits for: start, page, purchase, Break it; and what the server weighs.

Starts `worldseat up` as a real process on a temporary folder and talks HTTP to it on loopback.
"""

import http.client
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

EVENT = "evt_aurora-2026"
JSON = {"Content-Type": "application/json"}
CLICKS = 90
RUNS = 5
WIDTH = 100


class App:
    """A running WorldSeat and one connection to it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send one request and read the whole answer."""
        raw = None if body is None else json.dumps(body)
        self._http.request(method, path, raw, {**JSON, **(headers or {})})
        answer = self._http.getresponse()
        return answer.status, answer.headers, answer.read()

    def memory_mb(self) -> float:
        """Return the resident memory of the server process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(match[1]) / 1024 if match else float("nan")


@contextmanager
def up(home: str) -> Iterator[tuple[App, float]]:
    """Start the app; yield it with the seconds until its first page was read."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "worldseat", "up", "--port", "0", "--home", home],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        for line in process.stdout or ():
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                app = App(process, int(match[1]))
                app.send("GET", "/")
                yield app, time.monotonic() - began
                return
        message = "the app ended before it opened"
        raise RuntimeError(message)
    finally:
        process.terminate()
        process.wait(timeout=10)


def clicks(app: App) -> list[float]:
    """Buy seats one after the other, as one fan; return the milliseconds of each purchase."""
    _, headers, _ = app.send("POST", "/api/me", {})
    cookie = (headers["Set-Cookie"] or "").split(";")[0]
    took = []
    for number in range(CLICKS):
        seat = f"{'ABCDEFGH'[number // 12]}{number % 12 + 1}"
        began = time.perf_counter()
        status, _, body = app.send(
            "POST",
            f"/api/events/{EVENT}/claims",
            {"seats": [seat]},
            {"Cookie": cookie, "Idempotency-Key": f"click-{number}"},
        )
        took.append((time.perf_counter() - began) * 1000)
        if status != http.client.CREATED:
            raise RuntimeError(body.decode())
    return took


def stampedes(app: App, buyers: int) -> list[float]:
    """Press Break it; return the milliseconds from each press to the stored result."""
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        _, _, body = app.send(
            "POST", "/api/stampedes", {"event_id": EVENT, "seat": "H12", "buyers": buyers}
        )
        run = json.loads(body)
        while run["status"] == "running":
            time.sleep(0.005)
            run = json.loads(app.send("GET", f"/api/stampedes/{run['run_id']}")[2])
        took.append((time.perf_counter() - began) * 1000)
        if run["result"]["oversold"] != 0:
            raise RuntimeError(json.dumps(run))
    return took


def pages(app: App) -> list[float]:
    """Read the command center; return milliseconds."""
    took = []
    for _ in range(20):
        began = time.perf_counter()
        app.send("GET", "/")
        took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """Measure and print."""
    table = Table(title="WorldSeat on this machine (the database is a local stand-in)")
    for title in ("what", "n", "median", "p95", "wanted"):
        table.add_column(title, justify="left" if title == "what" else "right")

    def row(what: str, took: list[float], wanted: str) -> None:
        p95 = quantiles(took, n=20)[-1] if len(took) > 1 else took[0]
        table.add_row(what, str(len(took)), f"{median(took):.1f} ms", f"{p95:.1f} ms", wanted)

    with tempfile.TemporaryDirectory(prefix="worldseat-bench-") as home:
        with up(home) as (_, cold_s):
            table.add_row("first start to first page", "1", f"{cold_s:.2f} s", "", "")
        with up(home) as (app, warm_s):
            table.add_row("warm start to first page", "1", f"{warm_s:.2f} s", "", "under 3 s")
            row("the page `/`, made by the server", pages(app), "")
            row("a click's purchase over HTTP", clicks(app), "median under 50 ms")
            row("Break it, 60 buyers, press to verdict", stampedes(app, 60), "under 1 s")
            row("Break it, 1,000 buyers", stampedes(app, 1_000), "under 5 s")
            table.add_row(
                "server memory after all that", "1", f"{app.memory_mb():.0f} MB", "", "under 200 MB"
            )
    console = Console(highlight=False, width=WIDTH)
    console.print(table)
    console.print(
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
