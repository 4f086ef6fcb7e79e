"""The Regions over HTTP, on the real cluster: what is told, and what is ordered really happens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.patience import until

from worldseat.domain.event import Event
from worldseat.local_dsql.control import Control
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.web.app import create_app

from .conftest import BASE, fresh_key, problem

Client = httpx2.AsyncClient

ORDERS = "/api/regions/orders"
EAST_1, EAST_2 = REGIONS


async def order(client: Client, kind: str, **words: object) -> dict[str, Any]:
    answer = await client.post(ORDERS, json={"kind": kind, **words})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def served_by(client: Client) -> dict[str, str | None]:
    told = (await client.get("/api/regions")).json()
    return {each["region"]: each["served_by"] for each in told["regions"]}


@pytest_asyncio.fixture
async def operator(anybody: Client) -> AsyncIterator[Client]:
    """An operator on this machine; in the end all is well again, and this server knows it."""
    yield anybody
    await order(anybody, "clear")
    await until(lambda: _well(anybody))


async def _well(client: Client) -> bool:
    told = (await client.get("/api/regions")).json()
    return all(
        (each["state"], each["served_by"]) == ("ok", each["region"]) for each in told["regions"]
    )


async def buy(fan: Client, event: Event, seat: str) -> httpx2.Response:
    return await fan.post(
        f"/api/events/{event.event_id}/claims",
        json={"seats": [seat]},
        headers={"idempotency-key": fresh_key()},
    )


async def test_all_is_told_of_every_region(anybody: Client, fan: Client, event: Event) -> None:
    assert (await buy(fan, event, "A1")).status_code == 201
    told = (await anybody.get("/api/regions")).json()
    assert [each["region"] for each in told["regions"]] == list(REGIONS)
    assert (told["stand_in"], told["witness_region"]) == ("local DSQL cluster", "us-west-2")
    assert told["cluster_problem"] == ""
    assert sum(each["commits"] for each in told["regions"]) >= 1
    assert max(each["commit_ms_p99"] or 0 for each in told["regions"]) > 0
    cluster = told["cluster"]
    assert [each["witness"] for each in cluster["regions"]] == [False, False, True]
    assert len(cluster["links"]) == 3
    assert not any(each["cut"] for each in cluster["links"])


async def test_a_region_that_is_ordered_down_is_served_by_the_other(
    operator: Client, fan: Client, event: Event
) -> None:
    told = await order(operator, "region-down", region=EAST_1)
    assert [each["up"] for each in told["cluster"]["regions"]] == [False, True, True]
    await until(lambda: _is(operator, {EAST_1: EAST_2, EAST_2: EAST_2}), within_s=3)
    assert (await buy(fan, event, "A2")).status_code == 201
    page = (await operator.get("/regions")).text
    assert "us-east-1 is down. Its fans are served by us-east-2." in page


async def _is(client: Client, served: dict[str, str]) -> bool:
    return await served_by(client) == served


async def test_the_regions_page_is_there_when_no_database_is(operator: Client) -> None:
    for region in REGIONS:
        await order(operator, "region-down", region=region)
    await until(lambda: _is(operator, dict.fromkeys(REGIONS)), within_s=3)  # type: ignore[arg-type]
    html = {"accept": "text/html"}
    lost = await operator.get("/", headers=html)
    assert lost.status_code == 503
    assert '<a href="/regions">How the Regions stand</a>' in lost.text
    there = await operator.get("/regions", headers=html)
    assert there.status_code == 200
    assert "Nobody can buy now, and nothing is written." in there.text
    assert "Bring back" in there.text


async def test_a_fault_is_planned_and_counted(operator: Client, fan: Client, event: Event) -> None:
    told = await order(operator, "storm", count=2, mark=event.event_id)
    [planned] = told["cluster"]["faults"]
    assert (planned["kind"], planned["left"], planned["done"]) == ("storm", 2, 0)
    assert planned["mark"] == event.event_id
    before = told["cluster"]["done"].get("storm", 0)
    retries = await _retries(operator)
    assert (await buy(fan, event, "A3")).status_code == 201
    now = (await operator.get("/api/regions")).json()["cluster"]
    assert (now["faults"], now["done"]["storm"]) == ([], before + 2)
    assert await _retries(operator) >= retries + 2


async def _retries(client: Client) -> int:
    told = (await client.get("/api/regions")).json()
    return sum(each["retries"] for each in told["regions"])


async def test_a_slow_link_is_told_with_its_round_trip(operator: Client) -> None:
    told = await order(operator, "slow", region=EAST_1, other="us-west-2", ms=70)
    rtts = {(each["one"], each["other"]): each["rtt_ms"] for each in told["cluster"]["links"]}
    assert rtts[EAST_1, "us-west-2"] == 70
    assert "us-east-1 to us-west-2: 70 ms there and back" in (await operator.get("/regions")).text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ({"kind": "storm", "region": "us-west-2"}, "bad-order", "no endpoint"),
        ({"kind": "region-down"}, "bad-order", "Name the Region"),
        ({"kind": "region-down", "region": "eu-west-1"}, "bad-order", "eu-west-1"),
        ({"kind": "slow", "region": EAST_1, "other": EAST_1, "ms": 1}, "bad-order", "two Regions"),
        ({"kind": "explode"}, "wrong-shape", "explode"),
        ({"kind": "storm", "count": 0}, "wrong-shape", "count"),
        ({"kind": "pause", "ms": -1}, "wrong-shape", "ms"),
        ({"kind": "clear", "why": "so"}, "wrong-shape", "why"),
    ],
)
async def test_an_order_that_makes_no_sense_does_nothing(
    anybody: Client, words: dict[str, object], code: str, said: str
) -> None:
    before = (await anybody.get("/api/regions")).json()["cluster"]
    told = problem(await anybody.post(ORDERS, json=words), 422, code)
    assert said in told.detail
    now = (await anybody.get("/api/regions")).json()["cluster"]
    assert (now["done"], now["faults"]) == (before["done"], before["faults"])


async def test_only_the_operator_orders_and_everybody_looks(anybody: Client) -> None:
    down = {"kind": "region-down", "region": EAST_1}
    before = (await anybody.get("/api/regions")).json()["cluster"]["done"]
    for headers, code in (
        ({"host": "worldseat.example"}, "operator-only"),
        ({"x-forwarded-for": "203.0.113.9"}, "operator-only"),
        ({"origin": "https://evil.example"}, "cross-site"),
        ({"sec-fetch-site": "cross-site"}, "cross-site"),
    ):
        problem(await anybody.post(ORDERS, json=down, headers=headers), 403, code)
    form = {"content-type": "application/x-www-form-urlencoded"}
    problem(await anybody.post(ORDERS, content="kind=clear", headers=form), 415, "not-json")
    elsewhere = {"host": "worldseat.example"}
    for path in ("/api/regions", "/regions"):
        assert (await anybody.get(path, headers=elsewhere)).status_code == 200
    assert (await anybody.get("/api/regions")).json()["cluster"]["done"] == before


async def client_of(services: Services) -> Client:
    transport = httpx2.ASGITransport(app=create_app(services))
    return Client(transport=transport, base_url=BASE)


async def test_without_a_local_cluster_there_is_nothing_to_order(services: Services) -> None:
    async with await client_of(replace(services, cluster=None)) as client:
        told = (await client.get("/api/regions")).json()
        assert (told["cluster"], told["cluster_problem"]) == (None, "")
        assert [each["region"] for each in told["regions"]] == list(REGIONS)
        problem(await client.post(ORDERS, json={"kind": "clear"}), 409, "no-local-cluster")
        page = (await client.get("/regions")).text
        assert "All well again" not in page
        assert "commit p99" in page


async def test_a_cluster_that_is_gone_leaves_the_figures(
    services: Services, tmp_path: Path
) -> None:
    gone = replace(services, cluster=Control(str(tmp_path / "nobody.sock")))
    async with await client_of(gone) as client:
        told = (await client.get("/api/regions")).json()
        assert told["cluster"] is None
        assert told["cluster_problem"].startswith("The local cluster does not answer: ")
        assert told["regions"][0]["state"] == "ok"
        problem(await client.post(ORDERS, json={"kind": "clear"}), 503, "unavailable")
        assert told["cluster_problem"] in (await client.get("/regions")).text


async def test_a_cluster_that_says_nothing_keeps_no_page_waiting(
    services: Services, tmp_path: Path
) -> None:
    path, callers = tmp_path / "deaf.sock", []
    server = await asyncio.start_unix_server(lambda _, caller: callers.append(caller), path)
    began = asyncio.get_running_loop().time()
    async with await client_of(replace(services, cluster=Control(str(path)))) as client:
        told = (await client.get("/api/regions")).json()
    assert asyncio.get_running_loop().time() - began < 2
    assert told["cluster_problem"] == "The local cluster does not answer: it takes too long."
    server.close()
    for caller in callers:
        caller.close()
        await caller.wait_closed()


async def test_the_panel_alone_is_a_part_of_the_page(anybody: Client) -> None:
    whole = (await anybody.get("/regions")).text
    part = (await anybody.get("/regions?part=panel")).text
    assert "<header" in whole
    assert "<header" not in part
    assert "<regions-panel" in part
    assert (await anybody.get("/regions?part=all")).status_code == 422
