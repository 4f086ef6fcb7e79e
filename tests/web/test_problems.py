"""Every error has its answer: a status, a title, words for the fan, and the rest for the log."""

import asyncio
import inspect
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp
from structlog.testing import capture_logs

from worldseat.domain import errors
from worldseat.domain.event import Event
from worldseat.ports.store import NotCommitted
from worldseat.services.wiring import Services
from worldseat.web import access, problems
from worldseat.web.app import create_app
from worldseat.web.claims import Gate
from worldseat.web.problems import KINDS, WebError, kind_of, problem

from .conftest import fresh_key

Client = httpx2.AsyncClient


def domain_errors() -> list[type[errors.WorldSeatError]]:
    found = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    return [each for each in found if issubclass(each, errors.WorldSeatError)]


@pytest.mark.parametrize("error", domain_errors())
def test_every_domain_error_has_a_row(error: type[errors.WorldSeatError]) -> None:
    assert error.code in KINDS


@pytest.mark.parametrize(("code", "kind"), KINDS.items(), ids=list(KINDS))
def test_every_row_is_fit_to_be_read(code: str, kind: problems.Kind) -> None:
    assert 400 <= kind.status < 600
    assert len(code) < 30
    assert not kind.title.endswith(".")
    assert kind.next_step.endswith(".")
    waits = kind.retry_after_s is not None
    assert waits == (kind.status in {429, 503})


def test_a_code_without_a_row_is_answered_by_its_sort() -> None:
    later = errors.NotHere("some-new-rule", "Not now.", next_step="Wait.")
    assert kind_of(later).status == 409
    assert problem(later, "req_1").type == "/problems/some-new-rule"

    class Strange(errors.BadRequest):
        code = "strange"

    assert kind_of(Strange("What?")).status == 422

    class Gone(errors.Unavailable):
        code = "gone"

    assert kind_of(Gone("Where?")).status == 503
    assert kind_of(errors.WorldSeatError("What?")).status == 500


async def claim(client: Client, event: Event, key: str | None = None) -> httpx2.Response:
    return await client.post(
        f"/api/events/{event.event_id}/claims",
        json={"seats": ["A1"]},
        headers={"idempotency-key": key or fresh_key()},
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (
            errors.OutcomeUnknown("Not said yet.", operator="40001 at us-east-1"),
            503,
            "outcome-unknown",
        ),
        (errors.Unavailable("Away.", operator="pool of us-east-2 is empty"), 503, "unavailable"),
        (errors.ClaimVoided("Given up.", operator="op_1"), 409, "claim-voided"),
        (NotCommitted("relation op_log does not exist"), 503, "unavailable"),
    ],
    ids=["outcome-unknown", "unavailable", "claim-voided", "store-error"],
)
async def test_the_fan_is_told_what_to_do_and_no_more(
    fan: Client,
    services: Services,
    event: Event,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    async def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(services.shop, "buy", fail)
    with capture_logs() as logged:
        answer = await claim(fan, event)
    told = answer.json()
    assert (answer.status_code, told["type"]) == (status, f"/problems/{code}")
    assert ("retry-after" in answer.headers) == (status == 503)
    assert answer.headers["x-request-id"] == told["request_id"]
    for secret in ("40001", "pool", "op_log", "op_1", "Traceback"):
        assert secret not in answer.text
    [line] = logged
    if isinstance(error, errors.WorldSeatError):
        assert (line["code"], line["operator"]) == (code, error.operator)
    elif code == "unavailable":
        assert line["operator"] == str(error)


async def test_a_bug_is_logged_whole(
    fan: Client, services: Services, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(**_: Any) -> None:
        message = "at secret_function"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(services.shop, "buy", fail)
    with capture_logs() as logged:
        await claim(fan, event)
    [line] = logged
    assert (line["log_level"], line["exc_info"]) == ("error", True)
    assert fan.cookies["worldseat_fan"] not in str(logged)


async def test_errors_elsewhere_are_answered_alike(
    anybody: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.onsale, "events", fail)
    answer = await anybody.get("/api/events")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_browser_gets_a_page(anybody: Client) -> None:
    answer = await anybody.get("/nothing", headers={"accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-request-id"] in answer.text
    program = await anybody.get("/nothing", headers={"accept": "*/*"})
    assert program.headers["content-type"] == "application/problem+json"
    api = await anybody.get("/api/nothing", headers={"accept": "text/html"})
    assert api.headers["content-type"] == "application/problem+json"


async def test_too_many_claims_of_one_fan_wait(
    fan: Client, services: Services, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    really = services.shop.buy

    async def slow(**wish: Any) -> Any:
        await go_on.wait()
        return await really(**wish)

    monkeypatch.setattr(services.shop, "buy", slow)
    key = fresh_key()
    sent = [asyncio.create_task(claim(fan, event, key)) for _ in range(12)]
    done: set[asyncio.Task[httpx2.Response]] = set()
    async with asyncio.timeout(5):
        while len(done) < 4:
            done, _ = await asyncio.wait(sent, timeout=0.05)
    go_on.set()
    answers = await asyncio.gather(*sent)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 8 + [429] * 4
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["type"] == "/problems/too-many-claims"
    # The eight were one and the same: one ticket.
    assert len((await fan.get("/api/me/tickets")).json()["tickets"]) == 1
    assert (await claim(fan, event, key)).status_code == 201


def test_the_gate_counts_everybody_and_forgets_them() -> None:
    gate = Gate(limit=3, per_fan=2)
    with gate.pass_through("a"), gate.pass_through("a"), gate.pass_through("b"):
        assert gate.in_flight == 3
        for fan_id in ("a", "c"):
            with pytest.raises(WebError) as refused, gate.pass_through(fan_id):
                pass
            assert refused.value.code == "too-many-claims"
    assert gate.in_flight == 0
    with pytest.raises(KeyError), gate.pass_through("a"):
        raise KeyError
    assert gate.in_flight == 0
    assert gate._of_fan == {}


async def test_every_answer_carries_the_security_headers(fan: Client, event: Event) -> None:
    answers = [
        await fan.get("/healthz"),
        await fan.get("/api/events"),
        await fan.get("/nothing"),
        await fan.put("/api/me"),
        await claim(fan, event),
        await claim(fan, event),
        await fan.post("/api/me", headers={"origin": "http://evil.example"}),
        await fan.get("/openapi.json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 201, 409, 403, 200]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["x-request-id"].startswith("req_")
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert {answer.headers["cache-control"] for answer in answers[:2]} == {"no-store"}


async def test_a_public_server_asks_for_the_operators_token(
    services: Services, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: ASGIApp = create_app(services)
    policy = access.Policy(bound_host="0.0.0.0", operator_token="t0ken")  # noqa: S104
    monkeypatch.setattr(app, "_policy", policy)
    transport = httpx2.ASGITransport(app=app)
    async with Client(transport=transport, base_url="http://127.0.0.1:8000") as client:
        wish = {"event_id": event.event_id, "buyers": 2}
        reset = f"/api/events/{event.event_id}/rounds"
        for answer in (
            await client.post("/api/stampedes", json=wish),
            await client.post(reset, json={}),
            await client.get("/metrics"),
        ):
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/operator-only")
        token = {"authorization": "Bearer t0ken"}
        assert (await client.post(reset, json={}, headers=token)).status_code == 201
        assert (await client.get("/metrics", headers=token)).status_code == 200


async def test_another_sites_page_changes_nothing(fan: Client, event: Event) -> None:
    before = (await fan.get("/api/me/tickets")).json()
    evil = {"origin": "http://evil.example", "idempotency-key": fresh_key()}
    path = f"/api/events/{event.event_id}"
    for answer in (
        await fan.post(f"{path}/claims", json={"seats": ["A1"]}, headers=evil),
        await fan.post(f"{path}/rounds", json={}, headers=evil),
        await fan.post("/api/stampedes", json={"event_id": event.event_id}, headers=evil),
        await fan.post("/api/me", json={"name": "Mallory"}, headers=evil),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site")
        assert "set-cookie" not in answer.headers
    assert (await fan.get("/api/me/tickets")).json() == before
    assert (await fan.get("/api/me")).json()["name"] == "Ada"
