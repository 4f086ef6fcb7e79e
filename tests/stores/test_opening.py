"""Connections are opened no faster than the service takes them."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from worldseat.stores.dsql import access, opening
from worldseat.stores.dsql.figures import Figures
from worldseat.stores.dsql.opening import Opening


class Line:
    """Stands in for a connection: only its being opened counts."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the times at which the service was asked for a connection."""
    times: list[float] = []

    async def connect(_url: str, **_keywords: Any) -> Line:
        times.append(time.monotonic())
        return Line()

    monkeypatch.setattr(access, "connect", connect)
    return times


async def test_a_burst_is_opened_at_once_and_the_rest_at_the_services_rate(
    taken: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BURST", 20)
    endpoint = Opening("url")
    began_s = time.monotonic()
    await asyncio.gather(*(endpoint.connect() for _ in range(50)))
    after_s = sorted(each - began_s for each in taken)
    # Thirty more at a hundred a second, evenly.
    assert after_s[-1] >= 0.28
    assert after_s[29] >= 0.09
    assert (endpoint.opened, endpoint.delayed, endpoint.refused) == (50, 30, 0)


async def test_the_bucket_fills_again_and_never_beyond_the_burst(
    taken: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BURST", 2)
    endpoint = Opening("url")
    for _ in range(3):
        await asyncio.gather(*(endpoint.connect() for _ in range(2)))
        await asyncio.sleep(0.1)
    assert endpoint.delayed == 0
    await asyncio.gather(*(endpoint.connect() for _ in range(4)))
    assert endpoint.delayed == 2


async def test_whoever_gives_up_waiting_gives_the_place_back(
    taken: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BURST", 1)
    endpoint = Opening("url")
    await endpoint.connect()
    waiting = [asyncio.create_task(endpoint.connect()) for _ in range(50)]
    await asyncio.sleep(0.005)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    began_s = time.monotonic()
    await endpoint.connect()
    assert time.monotonic() - began_s < 0.4  # Half a second, had they kept their places.


@pytest.mark.parametrize(
    "refusal", [asyncpg.TooManyConnectionsError, asyncpg.ConfigurationLimitExceededError]
)
async def test_a_refusal_for_number_or_rate_holds_the_next_ones_back_for_longer_each_time(
    monkeypatch: pytest.MonkeyPatch, refusal: type[asyncpg.PostgresError]
) -> None:
    monkeypatch.setattr(opening, "PAUSE_S", 0.05)
    refused = True

    async def connect(_url: str, **_keywords: Any) -> Line:
        await asyncio.sleep(0.01)
        if refused:
            raise refusal
        return Line()

    monkeypatch.setattr(access, "connect", connect)
    endpoint = Opening("url")
    waits_s, delayed = [], []
    for _ in range(3):
        began_s = time.monotonic()
        # Refused at once, all of them: one pause, not one for each.
        answers = await asyncio.gather(
            *(endpoint.connect() for _ in range(8)), return_exceptions=True
        )
        waits_s.append(time.monotonic() - began_s)
        assert {type(answer) for answer in answers} == {refusal}
        delayed.append(endpoint.delayed)
    assert delayed[0] == 0
    assert waits_s[1] >= 0.05
    assert waits_s[2] >= 0.1
    assert endpoint.refused == 24
    refused = False
    await endpoint.connect()
    before = endpoint.delayed
    await endpoint.connect()
    assert endpoint.delayed == before


def test_figures_remember_the_last_commits_and_count_all() -> None:
    figures = Figures()
    assert figures.percentiles() == (None, None)
    for ms in range(1, 1_001):
        figures.committed(float(ms))
    # Of the last 512: 489 to 1,000.
    assert figures.percentiles() == (744.0, 995.0)
    assert figures.commits == 1_000
    buckets = dict(figures.buckets())
    assert (buckets[1.0], buckets[2.5], buckets[100.0], buckets[1_000.0]) == (1, 2, 100, 1_000)
    assert buckets[float("inf")] == 1_000
    figures.committed(60_000.0)
    assert dict(figures.buckets())[10_000.0] == 1_000
    assert dict(figures.buckets())[float("inf")] == 1_001
