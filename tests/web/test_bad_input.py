"""Whatever is sent, the answer is a clear problem, and the database is as it was."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from asyncpg import Connection

from worldseat.domain.event import Event

from .conftest import problem

Client = httpx2.AsyncClient

JSON = {"content-type": "application/json"}
KEY = {"idempotency-key": "bad-input"}


@pytest_asyncio.fixture
async def untouched(sql: Connection, event: Event) -> AsyncIterator[None]:
    """Nothing of the event has changed when the test is over."""
    question = """
        SELECT (SELECT count(*) FROM op_log WHERE event_id = $1),
               (SELECT count(*) FROM sale_round WHERE event_id = $1),
               (SELECT count(*) FROM run WHERE event_id = $1)
    """
    before = await sql.fetchrow(question, event.event_id)
    yield
    assert await sql.fetchrow(question, event.event_id) == before


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "bad-json"),
    (b"{", 400, "bad-json"),
    (b"[[[[", 400, "bad-json"),
    (b'{"seats": ["A1"]', 400, "bad-json"),
    (b'{"seats": ["A1"]} {}', 400, "bad-json"),
    (b'{"seats": [1,]}', 400, "bad-json"),
    (b"seats=A1", 400, "bad-json"),
    (b'{"seats": ["\\ud800"]}', 400, "bad-json"),
    (b"\xef\xbb\xbf{}", 400, "bad-json"),
    (b"[" * 60_000, 400, "bad-json"),
    (b'{"seats": ["\xff"]}', 400, "bad-encoding"),
    (b"\xfe\xff\x00{", 400, "bad-encoding"),
    (b'{"seats": ["\xed\xa0\x80"]}', 400, "bad-encoding"),
    (b"null", 422, "wrong-shape"),
    (b"[]", 422, "wrong-shape"),
    (b"7", 422, "wrong-shape"),
    (b'"A1"', 422, "wrong-shape"),
    (b"{}", 422, "wrong-shape"),
    (b'{"seats": "A1"}', 422, "wrong-shape"),
    (b'{"seats": null}', 422, "wrong-shape"),
    (b'{"seats": []}', 422, "wrong-shape"),
    (b'{"seats": [1]}', 422, "wrong-shape"),
    (b'{"seats": [""]}', 422, "wrong-shape"),
    (b'{"seats": ["A\\u0000"]}', 422, "wrong-shape"),
    (b'{"seats": ["' + b"A" * 41 + b'"]}', 422, "wrong-shape"),
    (b'{"seats": ["A1"], "price": 0}', 422, "wrong-shape"),
    (b'{"seats": ["A1"], "fan_id": "fan_1"}', 422, "wrong-shape"),
    (b'{"seats": [' + b'"A1",' * 100 + b'"A1"]}', 422, "wrong-shape"),
    (b'{"seats": ["A1", "A2"]}', 422, "one-seat"),
    (b'{"seats": ["A13"]}', 422, "unknown-seat"),
    (b'{"seats": ["a1"]}', 422, "unknown-seat"),
    (b'{"seats": ["A1 "]}', 422, "unknown-seat"),
    (b'{"seats": ["\\ud83c\\udfab"]}', 422, "unknown-seat"),
]


@pytest.mark.parametrize(("sent", "status", "code"), BODIES, ids=range(len(BODIES)))
async def test_bad_claims(
    fan: Client, event: Event, untouched: None, sent: bytes, status: int, code: str
) -> None:
    path = f"/api/events/{event.event_id}/claims"
    problem(await fan.post(path, content=sent, headers=JSON | KEY), status, code)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "text/json",
        "application/json, text/plain",
        "application/json; charset=utf-8; x=y",
    ],
)
async def test_only_json_is_read(
    fan: Client, event: Event, untouched: None, content_type: str | None
) -> None:
    wish = b'{"seats": ["A1"]}'
    headers = KEY if content_type is None else KEY | {"content-type": content_type}
    path = f"/api/events/{event.event_id}/claims"
    problem(await fan.post(path, content=wish, headers=headers), 415, "not-json")
    for other in ("/api/me", "/api/stampedes", f"/api/events/{event.event_id}/rounds"):
        problem(await fan.post(other, content=b"{}", headers=headers), 415, "not-json")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
async def test_json_by_any_of_its_names_is_read(fan: Client, content_type: str) -> None:
    headers = {"content-type": content_type}
    assert (await fan.post("/api/me", content=b"{}", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing-key"),
        ({"idempotency-key": ""}, "bad-key"),
        ({"idempotency-key": "two words"}, "bad-key"),
        ({"idempotency-key": "k" * 201}, "bad-key"),
        ({"idempotency-key": "schlüssel".encode()}, "bad-key"),
    ],
    ids=range(5),
)
async def test_a_claim_needs_a_usable_key(
    fan: Client, event: Event, untouched: None, headers: dict[str, Any], code: str
) -> None:
    path = f"/api/events/{event.event_id}/claims"
    problem(await fan.post(path, json={"seats": ["A1"]}, headers=headers), 400, code)


async def test_two_keys_are_none(fan: Client, event: Event, untouched: None) -> None:
    path = f"/api/events/{event.event_id}/claims"
    twice = [("idempotency-key", "a"), ("idempotency-key", "b")]
    problem(await fan.post(path, json={"seats": ["A1"]}, headers=twice), 400, "bad-key")


@pytest.mark.parametrize(
    "cookie",
    [None, "worldseat_fan=", "worldseat_fan=1.e30.AAAA", "worldseat_fan=" + "A" * 5_000, "x=y"],
)
async def test_nobody_buys_without_being_a_fan(
    anybody: Client, event: Event, untouched: None, cookie: str | None
) -> None:
    headers = KEY if cookie is None else KEY | {"cookie": cookie}
    path = f"/api/events/{event.event_id}/claims"
    problem(await anybody.post(path, json={"seats": ["A1"]}, headers=headers), 401, "no-fan")
    problem(await anybody.get("/api/me/tickets", headers=headers), 401, "no-fan")
    problem(await anybody.get("/api/me", headers=headers), 401, "no-fan")


IDS = ["nothing", "evt_none", "%00", "evt%0a", "%F0%9F%8E%AB", "x" * 500, "a%20b", "%ff"]


@pytest.mark.parametrize("event_id", IDS)
async def test_an_unknown_event_is_not_found(fan: Client, event_id: str) -> None:
    for rest in ("", "/floor", "/stream", "/log"):
        answer = await fan.get(f"/api/events/{event_id}{rest}")
        problem(answer, 404, "unknown-event")
    path = f"/api/events/{event_id}/claims"
    answer = await fan.post(path, json={"seats": ["A1"]}, headers=KEY)
    problem(answer, 404, "unknown-event")
    answer = await fan.post(f"/api/events/{event_id}/rounds", json={})
    problem(answer, 404, "unknown-event")


@pytest.mark.parametrize("run_id", ["nothing", "run_none", "%00", "x" * 500, "%ff"])
async def test_an_unknown_run_is_not_found(anybody: Client, run_id: str) -> None:
    problem(await anybody.get(f"/api/stampedes/{run_id}"), 404, "unknown-run")
    problem(await anybody.get(f"/api/stampedes/{run_id}/history"), 404, "unknown-run")


STAMPEDES: list[tuple[dict[str, Any], int, str]] = [
    ({"buyers": 0}, 422, "wrong-shape"),
    ({"buyers": 1}, 422, "wrong-shape"),
    ({"buyers": -1}, 422, "wrong-shape"),
    ({"buyers": 1_001}, 422, "wrong-shape"),
    ({"buyers": 10**9}, 422, "wrong-shape"),
    ({"buyers": 10**400}, 422, "wrong-shape"),
    ({"buyers": 2.5}, 422, "wrong-shape"),
    ({"buyers": "60"}, 422, "wrong-shape"),
    ({"buyers": True}, 422, "wrong-shape"),
    ({"buyers": None}, 422, "wrong-shape"),
    ({"code": "engine"}, 422, "wrong-shape"),
    ({"code": "NAIVE"}, 422, "wrong-shape"),
    ({"arrival": "spread"}, 422, "wrong-shape"),
    ({"arrival": "spread:0ms"}, 422, "wrong-shape"),
    ({"arrival": "spread:60001ms"}, 422, "wrong-shape"),
    ({"arrival": "spread:-5ms"}, 422, "wrong-shape"),
    ({"arrival": "spread:٣ms"}, 422, "wrong-shape"),
    ({"arrival": "burst\n"}, 422, "wrong-shape"),
    ({"seed": -1}, 422, "wrong-shape"),
    ({"seed": 2**31}, 422, "wrong-shape"),
    ({"seat": ""}, 422, "wrong-shape"),
    ({"seat": 7}, 422, "wrong-shape"),
    ({"seat": "Z99"}, 422, "unknown-seat"),
    ({"store": "mysql"}, 422, "unknown-store"),
    ({"store": "../etc"}, 422, "wrong-shape"),
    ({"event_id": "evt_none"}, 404, "unknown-event"),
    ({"event_id": None}, 422, "wrong-shape"),
    ({"run_id": "run_mine"}, 422, "wrong-shape"),
]


@pytest.mark.parametrize(("wish", "status", "code"), STAMPEDES, ids=range(len(STAMPEDES)))
async def test_bad_stampedes(
    anybody: Client, event: Event, untouched: None, wish: dict[str, Any], status: int, code: str
) -> None:
    asked = {"event_id": event.event_id, "buyers": 2} | wish
    problem(await anybody.post("/api/stampedes", json=asked), status, code)


QUERIES: list[tuple[str, dict[str, str], int, str]] = [
    ("/api/witness", {}, 422, "wrong-shape"),
    ("/api/witness", {"event_id": "EVENT", "seat": "Z99"}, 422, "unknown-seat"),
    ("/api/witness", {"event_id": "EVENT", "sea": "A1"}, 422, "wrong-shape"),
    ("/api/witness", {"event_id": "evt_none"}, 404, "unknown-event"),
    ("/api/witness", {"event_id": "\x00"}, 422, "wrong-shape"),
    ("/api/headline", {}, 422, "wrong-shape"),
    ("/api/stampedes", {"event": "EVENT"}, 422, "wrong-shape"),
    ("/api/events/EVENT/floor", {"store": "mysql"}, 422, "unknown-store"),
    ("/api/events/EVENT/floor", {"stor": "dsql"}, 422, "wrong-shape"),
    ("/api/events/EVENT/floor?store=dsql&store=dsql", {}, 422, "wrong-shape"),
]


@pytest.mark.parametrize(("path", "query", "status", "code"), QUERIES, ids=range(len(QUERIES)))
async def test_bad_queries(
    anybody: Client, event: Event, path: str, query: dict[str, str], status: int, code: str
) -> None:
    path = path.replace("EVENT", event.event_id)
    query = {name: value.replace("EVENT", event.event_id) for name, value in query.items()}
    problem(await anybody.get(path, params=query or None), status, code)


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 41, "a\x00b", "\u202eevil", "\u200b", 7, None, ["Ada"]]
)
async def test_bad_names(anybody: Client, name: object) -> None:
    answer = await anybody.post("/api/me", json={"name": name})
    problem(answer, 422, "wrong-shape")
    assert "set-cookie" not in answer.headers


async def test_other_methods_are_refused_by_name(anybody: Client, event: Event) -> None:
    path = f"/api/events/{event.event_id}"
    for method, where, allow in (
        ("DELETE", path, "GET, HEAD"),
        ("PUT", "/api/me", "GET, HEAD, POST"),
        ("GET", f"{path}/claims", "POST"),
        ("HEAD", f"{path}/rounds", "POST"),
        ("OPTIONS", "/api/stampedes", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ):
        answer = await anybody.request(method, where)
        assert answer.status_code == 405, where
        assert answer.headers["allow"] == allow
        if method != "HEAD":
            problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/nothing", "/api/events/a/b/c", "/proof/"]
)
async def test_unknown_addresses(anybody: Client, path: str) -> None:
    problem(await anybody.get(path), 404, "not-found")
