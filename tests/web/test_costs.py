"""What tickets cost, over HTTP, from stored runs."""

import httpx2
import msgspec
import pytest

from worldseat.domain.event import Event
from worldseat.domain.run import LOCAL_CLUSTER, Cell
from worldseat.domain.seats import Code
from worldseat.services.costs import Case, Costs, TicketCost
from worldseat.services.wiring import Services

# A size that no other test fires: the answer counts the runs of all events.
BUYERS = 23


def told(answer: httpx2.Response) -> Costs:
    assert answer.status_code == 200, answer.text
    return msgspec.convert(answer.json(), type=Costs)


def pressed(found: Costs, code: Code) -> TicketCost | None:
    [line] = [each for each in found.lines if (each.code, each.case) == (code, Case.PRESSED)]
    return line.counted


async def test_a_stampede_tells_what_a_ticket_costs(
    anybody: httpx2.AsyncClient, services: Services, event: Event
) -> None:
    asked = {"buyers": BUYERS}
    before = told(await anybody.get("/api/costs", params=asked))
    assert pressed(before, Code.NAIVE) is None
    begun = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dsql", code=Code.NAIVE, buyers=BUYERS),
        seat="A1",
    )
    run = await services.stampedes.wait(begun.plan.run_id)
    assert run.result is not None
    found = told(await anybody.get("/api/costs", params=asked))
    assert (found.stand_in, found.tickets, found.buyers) == (LOCAL_CLUSTER, 100_000, BUYERS)
    cost = pressed(found, Code.NAIVE)
    assert cost is not None
    assert (list(cost.run_ids), cost.runs) == ([run.plan.run_id], 1)
    assert cost.per_ticket == run.result.sent
    assert 0 < cost.estimate.usd_low < cost.estimate.usd_high
    assert pressed(found, Code.CONDITIONAL) is None
    # Ten times as many tickets cost ten times as much.
    more = pressed(
        told(await anybody.get("/api/costs", params={**asked, "tickets": 1_000_000})), Code.NAIVE
    )
    assert more is not None
    assert more.estimate.usd_high == pytest.approx(10 * cost.estimate.usd_high)
    # The page tells it to people, and the run to whoever looks at it alone.
    page = await anybody.get("/compare", params=asked)
    assert "23 press for each seat" in page.text
    assert f"${cost.estimate.usd_low:,.2f}" in page.text
    alone = (await anybody.get(f"/api/stampedes/{run.plan.run_id}")).json()
    assert alone["result"]["sent"]["committed"]["transactions"] == 1


@pytest.mark.parametrize("query", ["tickets=0", "tickets=1000000001", "buyers=1", "seats=3"])
async def test_a_question_of_another_shape_is_refused(
    anybody: httpx2.AsyncClient, query: str
) -> None:
    answer = await anybody.get(f"/api/costs?{query}")
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/wrong-shape"
