"""The API's description is true: an outside tester finds nothing, and finds what we plant."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.acceptance_reports import report

from worldseat.domain.event import Event
from worldseat.domain.run import RunStatus
from worldseat.ports.cluster import BadOrder, ClusterStatus
from worldseat.services.wiring import Services
from worldseat.web import openapi
from worldseat.web.app import create_app
from worldseat.web.operations import OPERATIONS
from worldseat.web.problems import KINDS

from .conftest import Address, serving

Json = dict[str, Any]
Lie = Callable[[Json], object]

ENDLESS = "followEvent"
"""The live stream does not end, and the tester waits for ends; test_stream.py tests it."""

REPORT = report("acc_examined")
"""No operation brings a report in."""

CONFIG = """
seed = {seed}

[parameters]
"path.event_id" = "{event_id}"
"query.event_id" = "{event_id}"
"path.report_id" = "{report_id}"

[auth.openapi.fan]
api_key = "{cookie}"

# No schema knows which seats an event has, or which names can be shown: there a 422 is right.
[[operations]]
include-operation-id = [
    "claimSeats", "judge", "fireStampede", "compare", "becomeFan", "orderRegions"
]
checks.positive_data_acceptance.expected-statuses = [
    "2xx", "401", "403", "404", "409", "422", "429", "5xx"
]
"""


async def test_the_served_description_is_whole(anybody: httpx2.AsyncClient) -> None:
    answer = await anybody.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    described = answer.json()
    assert described["openapi"] == "3.1.0"
    text = answer.text
    schemas = described["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations) == len(OPERATIONS)
    for each in operations:
        assert len(each["summary"]) > 5
        assert (
            "200" in each["responses"] or "201" in each["responses"] or "202" in each["responses"]
        )


def test_every_problem_of_the_table_is_known() -> None:
    named = {code for operation in OPERATIONS for code in operation.problems}
    assert named <= set(KINDS)
    # What any address can answer, and what only the command line meets, stands with no operation.
    assert set(KINDS) - named == {
        *("not-found", "method-not-allowed", "refused", "one-seat"),
        *("venue-refused", "report-refused"),
    }


def test_installed_stores_are_named() -> None:
    described = openapi.document(["dsql", "another"])
    store = described["components"]["schemas"]["StampedeBody"]["properties"]["store"]
    assert store["enum"] == ["dsql", "another"]
    [asked] = described["paths"]["/api/events/{event_id}/floor"]["get"]["parameters"][1:]
    assert asked["schema"]["enum"] == ["dsql", "another"]
    told = described["components"]["schemas"]["RunAnswer"]["properties"]["store"]
    assert "enum" not in told


@asynccontextmanager
async def telling_a_lie(app: ASGIApp, lie: Lie) -> AsyncIterator[Address]:
    """Serve the application with another description of it."""
    described = openapi.document(["dsql"])
    lie(described)
    body = json.dumps(described).encode()

    async def liar(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/openapi.json":
            await app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with serving(liar) as (_, address):
        yield address


async def examine(address: Address, event: Event, folder: Path, *options: str) -> tuple[int, str]:
    """Let schemathesis test the server at the address; return its exit status and its report."""
    async with httpx2.AsyncClient(base_url=address.url) as client:
        await client.post("/api/me", json={})
        cookie = client.cookies["worldseat_fan"]
    config = folder / "schemathesis.toml"
    config.write_text(
        CONFIG.format(
            seed=20260715, event_id=event.event_id, report_id=REPORT.report_id, cookie=cookie
        )
    )
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("st"), "--config-file", config, "run"),
        *(f"{address.url}/openapi.json", "--checks", "all", "--no-color"),
        *("--suppress-health-check", "all", "--request-timeout", "10", "--workers", "1"),
        *("--exclude-operation-id", ENDLESS, *options),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, report.decode()


@pytest_asyncio.fixture
async def a_report(services: Services, sql: asyncpg.Connection) -> AsyncIterator[None]:
    """A report to be asked for, until the test is over."""
    await services.acceptances.keep(REPORT)
    yield
    await sql.execute("DELETE FROM acceptance WHERE report_id = $1", REPORT.report_id)


@pytest.mark.slow
@pytest.mark.parametrize("examples", [40])
async def test_an_outside_tester_finds_nothing(
    services: Services, event: Event, tmp_path: Path, examples: int, a_report: None
) -> None:
    # Told that a Region is down it only nods: the others' tests run on the real one.
    assert services.cluster is not None
    obedient = replace(services, cluster=Nodding(await services.cluster.status()))
    app = create_app(obedient)
    options = ("--max-examples", str(examples), "--continue-on-failure")
    async with serving(app) as (_, address), short_comparisons(services):
        status, report = await examine(address, event, tmp_path, *options)
    await quiet(services)
    assert status == 0, report
    found = re.search(r"(\d+) generated, (\d+) passed", report)
    assert found is not None, report
    assert int(found[1]) == int(found[2]) > 300
    # While a comparison ran every stampede was refused: so fire some now, at an event that exists.
    async with telling_a_lie(app, lambda told: name_event(told, event)) as address:
        only = ("--include-path-regex", "^/api/stampedes", "--max-examples", "2")
        status, report = await examine(address, event, tmp_path, *only)
        async with httpx2.AsyncClient(base_url=address.url) as client:
            counted = (await client.get("/metrics")).text
    await quiet(services)
    assert status == 0, report
    # The zero is not an empty one: every operation was brought to its good answer.
    for each in OPERATIONS:
        labels = f'method="{each.method}",route="{each.path}",status="{each.status}"'
        assert each.name == ENDLESS or labels in counted, f"{each.name} was never answered well"


LIES: dict[str, tuple[str, Lie, str]] = {
    "a status that is not told": (
        "getStampede",
        lambda d: d["paths"]["/api/stampedes/{run_id}"]["get"]["responses"].pop("404"),
        "Undocumented status code",
    ),
    "a field of another type": (
        "getEvent",
        lambda d: d["components"]["schemas"]["EventAnswer"]["properties"].update(
            seat_count={"type": "string"}
        ),
        "Response violates schema",
    ),
    "another content type": (
        "getMetrics",
        lambda d: d["paths"]["/metrics"]["get"]["responses"]["200"].update(
            content={"application/json": {}}
        ),
        "Undocumented Content-Type",
    ),
    "a header that is not sent": (
        "listEvents",
        lambda d: d["paths"]["/api/events"]["get"]["responses"]["200"].update(
            headers={"X-Nothing": {"required": True, "schema": {"type": "string"}}}
        ),
        "Missing required response headers",
    ),
    "a bound that is not kept": (
        "becomeFan",
        lambda d: d["components"]["schemas"]["MeBody"]["properties"].update(
            name={"type": "string", "minLength": 1, "maxLength": 5}
        ),
        "Schema-violating request accepted",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIES)
async def test_the_outside_tester_finds_a_lie(
    app: ASGIApp, services: Services, event: Event, tmp_path: Path, name: str
) -> None:
    operation, lie, finding = LIES[name]
    async with telling_a_lie(app, lie) as address:
        options = ("--include-operation-id", operation, "--max-examples", "20")
        status, report = await examine(address, event, tmp_path, *options)
    await quiet(services)
    assert status == 1, report
    assert finding in report


async def test_the_outside_tester_finds_the_first_lie(
    app: ASGIApp, services: Services, event: Event, tmp_path: Path
) -> None:
    """The quick twin of the test above: the clean run's zero is not an empty one."""
    await test_the_outside_tester_finds_a_lie(
        app, services, event, tmp_path, "a status that is not told"
    )


def name_event(described: Json, event: Event) -> None:
    """Let the description know what no type knows: an event that can be fired at."""
    known = described["components"]["schemas"]["StampedeBody"]["properties"]
    known["event_id"] = {"const": event.event_id}


class Nodding:
    """A local cluster that follows every order by doing nothing."""

    def __init__(self, stands: ClusterStatus) -> None:
        self._stands = stands

    async def status(self) -> ClusterStatus:
        return self._stands

    async def order(self, kind: str, **_: object) -> ClusterStatus:
        if kind == "slow":
            raise BadOrder("There is no such link.")
        return self._stands


@asynccontextmanager
async def short_comparisons(services: Services) -> AsyncIterator[None]:
    """Stop each comparison at once: one of hundreds of runs would let no stampede be fired."""

    async def stop_all() -> None:
        while True:
            newest = services.comparisons.newest()
            if newest is not None and newest.run_ids:
                services.comparisons.stop(newest.comparison_id)
            await asyncio.sleep(0.01)

    stopping = asyncio.create_task(stop_all())
    yield
    stopping.cancel()


async def quiet(services: Services) -> None:
    """Wait until all that was fired is over, so that it is in nobody's way."""
    comparison = services.comparisons.newest()
    if comparison is not None:
        services.comparisons.stop(comparison.comparison_id)
        await services.comparisons.wait(comparison.comparison_id)
    for run in await services.stampedes.runs(limit=200):
        if run.status is RunStatus.RUNNING:
            await services.stampedes.wait(run.plan.run_id)
