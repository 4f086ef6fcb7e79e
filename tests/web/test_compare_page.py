"""The Compare page and its chart over HTTP, on stored runs."""

import re
import xml.etree.ElementTree as ET

import httpx2
import pytest

from worldseat.domain.event import Event
from worldseat.domain.run import Cell, Reach
from worldseat.domain.seats import Code
from worldseat.services.wiring import Services

BUYERS = 19
CELL = Cell(store="dsql", code=Code.CONDITIONAL, reach=Reach.ONE, buyers=BUYERS)


async def fire(services: Services, event: Event, cell: Cell = CELL, runs: int = 1) -> list[str]:
    """Fire a cell and return its runs."""
    made = await services.comparisons.start(event_id=event.event_id, cells=[cell], runs=runs)
    over = await services.comparisons.wait(made.comparison_id)
    assert over.problems == []
    return list(over.run_ids)


def words(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


async def test_a_cell_leads_to_its_runs(
    anybody: httpx2.AsyncClient, services: Services, event: Event
) -> None:
    run_ids = await fire(services, event, runs=2)
    page = await anybody.get("/compare", params={"buyers": BUYERS})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Conditional code, one Region" in words(page)
    [href, *_] = re.findall(r'href="(/compare\?[^"]*store=dsql[^"]*)#runs"', page.text)
    listed = await anybody.get(href.replace("&amp;", "&"))
    for run_id in run_ids:
        assert f'href="/api/stampedes/{run_id}"' in listed.text
        assert (await anybody.get(f"/api/stampedes/{run_id}")).json()["buyers"] == BUYERS
    assert "Runs: Aurora DSQL" in words(listed)
    assert "#runs" not in words(page)


async def test_parts_of_the_page_are_the_page_s_own(
    anybody: httpx2.AsyncClient, services: Services, event: Event
) -> None:
    [run_id] = await fire(services, event)
    panels = await anybody.get("/compare", params={"part": "panels", "buyers": BUYERS})
    assert "<main" not in panels.text
    assert 'data-panel="four-conditional-one"' in panels.text
    now = await anybody.get("/compare", params={"part": "now"})
    newest = services.comparisons.newest()
    assert newest is not None
    assert newest.run_ids == [run_id]
    assert f'data-comparison="{newest.comparison_id}" data-done="1"' in now.text
    assert "Done: 1 of 1 run fired and stored." in words(now)


@pytest.mark.parametrize(
    "query",
    [
        "buyers=1",
        "buyers=1001",
        "buyers=many",
        "code=engine",
        "reach=all",
        "lag=-1",
        "arrival=sometime",
        "part=whole",
        "surprise=1",
        "buyers=7&buyers=8",
        "store=../x",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    anybody: httpx2.AsyncClient, query: str
) -> None:
    answer = await anybody.get(f"/compare?{query}", headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "req_" in answer.text


async def test_nothing_like_that_is_no_error(anybody: httpx2.AsyncClient) -> None:
    page = await anybody.get("/compare?store=nowhere&on=AWS&arrival=spread:7ms&lag=3&buyers=1000")
    assert "No stored run is like that." in words(page)


async def test_the_picture_stands_alone(
    anybody: httpx2.AsyncClient, services: Services, event: Event
) -> None:
    await fire(services, event)
    answer = await anybody.get("/compare.svg", params={"buyers": BUYERS})
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    said = " ".join("".join(each.itertext()) for each in root.iter())
    assert "Aurora DSQL on the local DSQL cluster, a stand-in" in said
    assert f"one seat, {BUYERS} buyers" in said
    assert (await anybody.get("/compare.svg?buyers=1")).status_code == 422


async def test_nobody_may_fire_but_everybody_may_look(anybody: httpx2.AsyncClient) -> None:
    elsewhere = {"host": "worldseat.example"}
    assert (await anybody.get("/compare", headers=elsewhere)).status_code == 200
    assert (await anybody.get("/compare.svg", headers=elsewhere)).status_code == 200
    assert (await anybody.post("/compare")).status_code == 405
