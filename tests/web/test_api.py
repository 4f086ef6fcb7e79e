"""The API on the real database, as a dialogue: what is asked, what is answered, what changed."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import msgspec
from asyncpg import Connection

from worldseat.domain.event import Event
from worldseat.domain.seats import Mode
from worldseat.domain.verdict import Report

Client = httpx2.AsyncClient


async def buy(client: Client, event: Event, seat: str, key: str) -> httpx2.Response:
    return await client.post(
        f"/api/events/{event.event_id}/claims",
        json={"seats": [seat]},
        headers={"idempotency-key": key},
    )


async def floor_with(client: Client, event: Event, *, sold: int) -> dict[str, Any]:
    """Return the floor once it shows so many sold seats: the feed reads ten times a second."""
    async with asyncio.timeout(5):
        while True:
            answer = await client.get(f"/api/events/{event.event_id}/floor")
            if answer.status_code == 200 and answer.json()["sold_count"] == sold:
                floor: dict[str, Any] = answer.json()
                return floor
            await asyncio.sleep(0.02)


async def test_events_and_their_charts(anybody: Client, event: Event) -> None:
    listed = (await anybody.get("/api/events")).json()["events"]
    mine = next(each for each in listed if each["event_id"] == event.event_id)
    assert mine == {
        "event_id": event.event_id,
        "title": "A TEST",
        "mode": "rehearsal",
        "current_round_id": event.current_round_id,
        "seat_count": 96,
        "price": {"minor": event.price.minor, "currency": event.price.currency},
    }
    shown = (await anybody.get(f"/api/events/{event.event_id}")).json()
    chart = shown.pop("chart")
    assert shown == mine
    assert chart["digest"] == event.chart.digest
    assert sum(row["seats"] for part in chart["sections"] for row in part["rows"]) == 96


async def test_a_fan_buys_a_seat_once(
    anybody: Client, fan: Client, event: Event, sql: Connection
) -> None:
    me = (await fan.get("/api/me")).json()
    assert me["name"] == "Ada"
    first = await buy(fan, event, "A7", "key-1")
    assert first.status_code == 201
    sold = first.json()
    assert sold["replayed"] is False
    [ticket] = sold["tickets"]
    assert ticket["seat"] == "A7"
    assert ticket["region"] == me["region"]
    assert ticket["status"] == "valid"

    again = (await buy(fan, event, "A7", "key-1")).json()
    assert again == {**sold, "replayed": True}
    assert (await fan.get("/api/me/tickets")).json()["tickets"] == [ticket]

    floor = await floor_with(anybody, event, sold=1)
    assert base64.b64decode(floor["states"])[6 >> 2] >> 2 * (6 & 3) & 3 == 1
    count = await sql.fetchval(
        "SELECT count(*) FROM op_log WHERE event_id = $1 AND kind = 'sell'", event.event_id
    )
    assert count == 1


async def test_a_taken_seat_is_refused_with_its_neighbours(
    fan: Client, anybody: Client, event: Event
) -> None:
    assert (await buy(fan, event, "A7", "key-1")).status_code == 201
    await anybody.post("/api/me", json={"name": "Grace"})
    refused = await buy(anybody, event, "A7", "key-1")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "/problems/seat-taken"
    assert problem["seat"] == "A7"
    assert problem["nearest"][0] in {"A6", "A8"}
    assert problem["request_id"] == refused.headers["x-request-id"]
    assert (await anybody.get("/api/me/tickets")).json() == {"tickets": []}


async def test_one_key_is_one_request(fan: Client, event: Event) -> None:
    assert (await buy(fan, event, "A7", "key-1")).status_code == 201
    refused = await buy(fan, event, "A8", "key-1")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/key-reused")


async def test_becoming_a_fan_and_changing_the_name(anybody: Client) -> None:
    refused = await anybody.get("/api/me")
    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/no-fan")
    assert refused.headers["www-authenticate"].startswith("Cookie ")
    nameless = (await anybody.post("/api/me", json={})).json()
    named = (await anybody.post("/api/me", json={"name": " Grace  Hopper "})).json()
    assert named == {**nameless, "name": "Grace Hopper"}
    assert (await anybody.get("/api/me")).json() == named
    assert (await anybody.post("/api/me", json={})).json() == named


async def test_a_stampede_from_start_to_verdict(anybody: Client, event: Event) -> None:
    fired = await anybody.post(
        "/api/stampedes", json={"event_id": event.event_id, "buyers": 6, "seed": 7}
    )
    assert fired.status_code == 202
    run = fired.json()
    assert run["status"] == "running"
    assert (run["seat"], run["buyers"], run["code"], run["arrival"], run["seed"]) == (
        *("A1", 6, "naive", "burst"),
        7,
    )
    while run["status"] == "running":
        run = (await anybody.get(fired.headers["location"])).json()
    assert run["status"] == "done"
    assert run["progress"] is None
    assert run["result"]["confirmed"] == 1
    assert run["result"]["oversold"] == 0

    listed = (await anybody.get("/api/stampedes", params={"event_id": event.event_id})).json()
    assert listed == {"runs": [run]}
    history = await anybody.get(f"{fired.headers['location']}/history")
    assert history.headers["content-type"] == "application/jsonl"
    lines = [msgspec.json.decode(line) for line in history.content.splitlines()]
    assert sum(line["type"] == "invoke" for line in lines) == 7

    asked = {"event_id": event.event_id, "seat": "A1"}
    verdict = (await anybody.get("/api/witness", params=asked)).json()
    report = msgspec.convert(verdict, Report)
    assert report.clean
    assert report.seat is not None
    assert report.seat.sources.equation == "1 = 1 = 1"

    story = (await anybody.get("/api/headline", params={"event_id": event.event_id})).json()
    assert story["product"]["measured"] == run
    told = (await anybody.get(f"/api/events/{event.event_id}/log")).json()["entries"]
    assert {entry["kind"] for entry in told} == {"sale", "run"}
    assert [entry["at"] for entry in told] == sorted((e["at"] for e in told), reverse=True)


async def test_reset_opens_a_new_round(fan: Client, event: Event) -> None:
    assert (await buy(fan, event, "A7", "key-1")).status_code == 201
    reset = await fan.post(f"/api/events/{event.event_id}/rounds", json={})
    assert reset.status_code == 201
    assert reset.json()["round_id"] != event.current_round_id
    floor = await floor_with(fan, event, sold=0)
    assert floor["round_id"] == reset.json()["round_id"]
    [ticket] = (await fan.get("/api/me/tickets")).json()["tickets"]
    assert ticket["status"] == "void"


async def test_a_live_event_is_not_rehearsed_on(
    anybody: Client, make_event: Callable[[Mode], Awaitable[Event]]
) -> None:
    live = await make_event(Mode.LIVE)
    fired = await anybody.post("/api/stampedes", json={"event_id": live.event_id})
    reset = await anybody.post(f"/api/events/{live.event_id}/rounds", json={})
    for refused in (fired, reset):
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/live-round")


async def test_health_names_what_stands_in(anybody: Client) -> None:
    answer = await anybody.get("/healthz")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "ok"
    assert health["regions"] == {
        region: {"state": "ok", "served_by": region, "can_commit": True}
        for region in ("us-east-1", "us-east-2")
    }
    assert health["stand_in"] == "local DSQL cluster"


async def test_metrics_count_what_happened(fan: Client, event: Event) -> None:
    await buy(fan, event, "A7", "key-1")
    await buy(fan, event, "A7", "key-1")
    text = (await fan.get("/metrics")).text
    assert 'worldseat_claims_total{outcome="sold"}' in text
    assert 'worldseat_claims_total{outcome="replayed"}' in text
    assert "worldseat_claim_seconds_bucket" in text
    assert 'route="/api/events/{event_id}/claims",status="201"' in text
    assert re.search(r'worldseat_region_commit_seconds_count\{region="us-east-\d"\} [1-9]', text)
    assert 'worldseat_region_well{region="us-east-1"} 1.0' in text
    assert 'worldseat_region_served_by{endpoint="us-east-1",region="us-east-1"} 1.0' in text
    assert 'worldseat_region_served_by{endpoint="us-east-2",region="us-east-1"} 0.0' in text
    for name in ("conflicts", "retries", "unknown", "connections_opened"):
        assert f'worldseat_region_{name}_total{{region="us-east-2"}}' in text
    assert event.event_id not in text
