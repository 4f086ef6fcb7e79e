"""Comparisons and the matrix over HTTP."""

import asyncio
from typing import Any

import httpx2
import pytest
from tests.conftest import MakeEvent

from worldseat.domain.event import Event
from worldseat.domain.seats import Mode

CELL = {"store": "dsql", "code": "naive", "buyers": 17}


async def over(anybody: httpx2.AsyncClient, location: str) -> dict[str, Any]:
    for _ in range(500):
        found: dict[str, Any] = (await anybody.get(location)).json()
        if found["status"] != "running":
            return found
        await asyncio.sleep(0.02)
    message = f"{location} is still running"
    raise AssertionError(message)


async def test_a_comparison_is_fired_followed_and_counted(
    anybody: httpx2.AsyncClient, event: Event
) -> None:
    body = {"event_id": event.event_id, "cells": [CELL, {**CELL, "reach": "one"}], "seed": 9}
    answer = await anybody.post("/api/comparisons", json={**body, "runs": 2, "seat": "B2"})
    assert answer.status_code == 202
    made = answer.json()
    assert (made["planned"], made["seed"], made["event_id"]) == (4, 9, event.event_id)
    found = await over(anybody, answer.headers["location"])
    assert (found["status"], found["done"], found["problems"]) == ("done", 4, [])
    assert (found["now"], found["progress"]) == (None, None)
    runs = [(await anybody.get(f"/api/stampedes/{run_id}")).json() for run_id in found["run_ids"]]
    assert [run["regions"] for run in runs] == [["us-east-1", "us-east-2"], ["us-east-1"]] * 2
    assert {run["seat"] for run in runs} == {"B2"}
    assert [run["seed"] for run in runs] == [9, 9, 10, 10]

    matrix = (await anybody.get("/api/matrix", params={"buyers": 17})).json()
    assert (matrix["buyers"], matrix["more"]) == (17, False)
    [both] = [
        place
        for place in matrix["places"]
        if (place["store"], place["code"], place["arrival"], place["reach"])
        == ("dsql", "naive", "burst", "both")
        and place["installed"]
    ]
    assert both["measured"]["oversold"] == {"low": 0, "median": 0.0, "high": 0}
    assert set(found["run_ids"][::2]) <= set(both["measured"]["run_ids"])


async def test_what_is_fired_now_is_told_in_full(anybody: httpx2.AsyncClient, event: Event) -> None:
    cells = [{**CELL, "arrival": "spread:400ms", "buyers": 5}]
    body = {"event_id": event.event_id, "cells": cells, "runs": 50}
    location = (await anybody.post("/api/comparisons", json=body)).headers["location"]
    again = await anybody.post("/api/comparisons", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/comparison-running")
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["progress"] is None:
        await asyncio.sleep(0.01)
        seen.append((await anybody.get(location)).json())
    assert seen[-1]["now"] == {
        "store": "dsql",
        "title": "Aurora DSQL",
        "code": "naive",
        "arrival": "spread:400ms",
        "reach": "both",
        "lag_ms": None,
        "buyers": 5,
    }
    assert seen[-1]["progress"]["buyers"] == 5
    stopped = await anybody.post(f"{location}/stop", json={})
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    final = stopped.json()
    while final["now"] is not None:
        await asyncio.sleep(0.01)
        final = (await anybody.get(location)).json()
    assert 1 <= final["done"] == len(final["run_ids"]) < 50


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"cells": []}, 422),
        ({"cells": [CELL] * 101}, 422),
        ({"cells": [{**CELL, "store": "oracle"}]}, 422),
        ({"cells": [{**CELL, "lag_ms": 5}]}, 422),
        ({"cells": [{**CELL, "reach": "all"}]}, 422),
        ({"cells": [{**CELL, "surprise": 1}]}, 422),
        ({"runs": 0}, 422),
        ({"runs": 1001}, 422),
        ({"event_id": "evt_nowhere"}, 404),
    ],
)
async def test_what_cannot_be_compared_changes_nothing(
    anybody: httpx2.AsyncClient, event: Event, change: dict[str, Any], status: int
) -> None:
    body = {"event_id": event.event_id, "cells": [CELL], **change}
    answer = await anybody.post("/api/comparisons", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["next"]
    runs = await anybody.get("/api/stampedes", params={"event_id": event.event_id})
    assert runs.json() == {"runs": []}


async def test_a_live_on_sale_is_never_fired_at(
    anybody: httpx2.AsyncClient, make_event: MakeEvent
) -> None:
    live = await make_event(Mode.LIVE)
    body = {"event_id": live.event_id, "cells": [CELL]}
    answer = await anybody.post("/api/comparisons", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/live-round")


async def test_one_that_is_not_here_says_where_its_runs_are(anybody: httpx2.AsyncClient) -> None:
    for answer in (
        await anybody.get("/api/comparisons/cmp_nothing"),
        await anybody.post("/api/comparisons/cmp_nothing/stop", json={}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-comparison")
        assert "/compare" in answer.json()["next"] or "Compare" in answer.json()["next"]
