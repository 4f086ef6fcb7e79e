"""A fan's purchase: one key, one ticket; one seat, one fan; whatever is lost on the way."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partialmethod

import asyncpg
import pytest
from tests.cluster_line import ClusterLine
from tests.wire import Cut

from worldseat.domain.errors import (
    BadRequest,
    ClaimVoided,
    KeyReused,
    OutcomeUnknown,
    SeatTaken,
    Unavailable,
    UnknownEvent,
    UnknownSeat,
    WorldSeatError,
)
from worldseat.domain.event import Event, Ticket
from worldseat.domain.seats import Mode, Order, SeatStatus
from worldseat.ports.store import SeatTransaction
from worldseat.services import shop as shop_module
from worldseat.services.codes import conditional
from worldseat.services.fence import Fence
from worldseat.services.shop import Bought, Claimed
from worldseat.services.tickets import confirmation_code
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql import lanes

from .conftest import through

MakeEvent = Callable[[Mode], Awaitable[Event]]
FreshFan = Callable[[], str]


async def buy(
    services: Services, event: Event, seat: str = "A1", *, fan: str, key: str = "k"
) -> Bought:
    return await services.shop.buy(fan_id=fan, key=key, event_id=event.event_id, seats=[seat])


async def rows(sql: asyncpg.Connection, event: Event) -> list[tuple[str, str, int]]:
    """Return kind, fan and seat of each committed row of an event, by plain SQL."""
    found = await sql.fetch(
        "SELECT kind, fan_id, seat_index FROM op_log WHERE event_id = $1 ORDER BY recorded_at",
        event.event_id,
    )
    return [tuple(row) for row in found]


async def owners(sql: asyncpg.Connection, event: Event) -> dict[int, str]:
    found = await sql.fetch(
        "SELECT seat_index, fan_id FROM seat WHERE event_id = $1 AND status = 'sold'",
        event.event_id,
    )
    return {row["seat_index"]: row["fan_id"] for row in found}


# one purchase


@pytest.mark.parametrize("mode", Mode)
async def test_a_purchase_is_a_committed_row_and_a_seat(
    services: Services, make_event: MakeEvent, fan: str, sql: asyncpg.Connection, mode: Mode
) -> None:
    event = await make_event(mode)
    bought = await buy(services, event, "B3", fan=fan)
    row = await sql.fetchrow("SELECT * FROM op_log WHERE event_id = $1", event.event_id)
    assert row is not None
    assert bought.replayed is False
    assert bought.claim_id == row["claim_id"]
    assert bought.tickets == [
        Ticket(
            ticket_id=row["op_id"].replace("op_", "tkt_"),
            event_id=event.event_id,
            event_title="A TEST",
            round_id=f"{mode}-1",
            seat="B3",
            code=bought.tickets[0].code,
            region=services.shop.region_of(fan),
            price=event.price,
            sold_at=row["recorded_at"].isoformat(timespec="microseconds").replace("+00:00", "Z"),
            status="valid",
        )
    ]
    assert (row["fan_id"], row["run_id"], row["mode"]) == (fan, None, mode)
    assert row["prev_op_id"] == row["guard_op_id"] == "root"
    assert await owners(sql, event) == {14: fan}


async def test_the_same_key_gives_the_same_ticket_for_ever(
    services: Services, elsewhere: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    first = await buy(services, event, fan=fan)
    for again in (services, elsewhere, services):
        replayed = await buy(again, event, fan=fan)
        assert replayed == replace(first, replayed=True)
    assert await rows(sql, event) == [("sell", fan, 0)]


async def test_a_key_stands_for_one_request(
    services: Services, event: Event, make_event: MakeEvent, fan: str, sql: asyncpg.Connection
) -> None:
    await buy(services, event, "A1", fan=fan)
    other_event = await make_event(Mode.REHEARSAL)
    with pytest.raises(KeyReused):
        await buy(services, event, "A2", fan=fan)
    with pytest.raises(KeyReused):
        await buy(services, other_event, "A1", fan=fan)
    assert await rows(sql, event) == [("sell", fan, 0)]
    assert await rows(sql, other_event) == []
    assert await owners(sql, other_event) == {}


async def test_a_key_of_another_fan_is_another_key(
    services: Services, event: Event, fresh_fan: FreshFan, sql: asyncpg.Connection
) -> None:
    one, other = fresh_fan(), fresh_fan()
    await buy(services, event, "A1", fan=one)
    await buy(services, event, "A2", fan=other)
    assert await owners(sql, event) == {0: one, 1: other}


async def test_a_taken_seat_is_refused_with_the_nearest_open_ones(
    services: Services, event: Event, fresh_fan: FreshFan
) -> None:
    await buy(services, event, "A7", fan=fresh_fan())
    await buy(services, event, "A6", fan=fresh_fan())
    with pytest.raises(SeatTaken) as refused:
        await buy(services, event, "A7", fan=fresh_fan())
    assert (refused.value.seat, refused.value.nearest) == ("A7", ["A8", "A5", "A9"])


async def test_a_refusal_is_judged_anew(
    services: Services, event: Event, fresh_fan: FreshFan, sql: asyncpg.Connection
) -> None:
    late = fresh_fan()
    await buy(services, event, "A1", fan=fresh_fan())
    with pytest.raises(SeatTaken):
        await buy(services, event, "A1", fan=late, key="k")
    await services.onsale.reset(event.event_id)
    assert (await buy(services, event, "A1", fan=late, key="k")).replayed is False


@pytest.mark.parametrize("seats", [[], ["A1", "A2"], ["A1"] * 3])
async def test_one_seat_per_claim(
    services: Services, event: Event, fan: str, sql: asyncpg.Connection, seats: list[str]
) -> None:
    with pytest.raises(BadRequest):
        await services.shop.buy(fan_id=fan, key="k", event_id=event.event_id, seats=seats)
    assert await rows(sql, event) == []


@pytest.mark.parametrize("seat", ["", "A0", "A13", "I1", "a1", "A1 ", "A" * 500])
async def test_an_unknown_seat_changes_nothing(
    services: Services, event: Event, fan: str, sql: asyncpg.Connection, seat: str
) -> None:
    with pytest.raises(UnknownSeat):
        await buy(services, event, seat, fan=fan)
    assert await rows(sql, event) == []


async def test_a_sale_that_the_database_refuses_is_not_the_fans_mistake(
    services: Services, sql: asyncpg.Connection, event: Event, fan: str
) -> None:
    await sql.execute("DELETE FROM seat WHERE event_id = $1 AND seat_index = 0", event.event_id)
    with pytest.raises(Unavailable) as refused:
        await buy(services, event, fan=fan)
    assert "Nothing was sold" in refused.value.next_step
    assert await rows(sql, event) == []


async def test_an_unknown_event_changes_nothing(services: Services, event: Event, fan: str) -> None:
    with pytest.raises(UnknownEvent):
        await buy(services, replace(event, event_id="evt_none"), fan=fan)


# many at once


async def test_a_seat_goes_to_one_of_sixty_fans(
    services: Services, event: Event, fresh_fan: FreshFan, sql: asyncpg.Connection
) -> None:
    fans = [fresh_fan() for _ in range(60)]
    assert {services.shop.region_of(each) for each in fans} == set(REGIONS)
    answers = await asyncio.gather(
        *(buy(services, event, "C4", fan=each) for each in fans), return_exceptions=True
    )
    winners = [each for each, answer in zip(fans, answers, strict=True) if _sold(answer)]
    assert len(winners) == 1
    assert sum(isinstance(answer, SeatTaken) for answer in answers) == 59
    assert await rows(sql, event) == [("sell", winners[0], 27)]
    assert await owners(sql, event) == {27: winners[0]}


def _sold(answer: object) -> bool:
    return isinstance(answer, Bought)


async def test_twenty_double_clicks_are_one_purchase(
    services: Services, elsewhere: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    clicks = [buy(page, event, "A1", fan=fan) for _ in range(10) for page in (services, elsewhere)]
    answers = await asyncio.gather(*clicks)
    assert await rows(sql, event) == [("sell", fan, 0)]
    assert {answer.tickets[0] for answer in answers} == {answers[0].tickets[0]}
    assert sum(not answer.replayed for answer in answers) == 1


async def test_two_tabs_with_one_key_and_two_seats_buy_one(
    services: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(
        *(buy(services, event, seat, fan=fan) for seat in ("A1", "A2") * 5), return_exceptions=True
    )
    (bought,) = {answer.tickets[0].seat for answer in answers if isinstance(answer, Bought)}
    assert len(await rows(sql, event)) == 1
    assert len(await owners(sql, event)) == 1
    refused = [answer for answer in answers if isinstance(answer, WorldSeatError)]
    assert len(refused) == 5
    assert all(isinstance(answer, KeyReused) for answer in refused)
    assert bought in {"A1", "A2"}


# lost answers


async def test_a_sale_whose_answer_was_lost_is_found(
    cuttable: Services, proxy: ClusterLine, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    proxy.plan_for(fan, "k", Cut.APPLIED)
    bought = await buy(cuttable, event, fan=fan)
    assert proxy.cuts_made == [Cut.APPLIED]
    assert await rows(sql, event) == [("sell", fan, 0)]
    assert await buy(cuttable, event, fan=fan) == replace(bought, replayed=True)


async def test_a_claim_that_was_lost_on_the_way_is_void_for_ever(
    cuttable: Services, proxy: ClusterLine, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    proxy.plan_for(fan, "k", Cut.NOT_APPLIED)
    with pytest.raises(ClaimVoided):
        await buy(cuttable, event, fan=fan)
    for _ in range(3):
        with pytest.raises(ClaimVoided):
            await buy(cuttable, event, fan=fan)
    with pytest.raises(KeyReused):
        await buy(cuttable, event, "A2", fan=fan)
    assert await rows(sql, event) == [("void", fan, 0)]
    assert await owners(sql, event) == {}
    await buy(cuttable, event, fan=fan, key="a new key")
    assert await owners(sql, event) == {0: fan}


@pytest.mark.parametrize("void", [Cut.APPLIED, Cut.NOT_APPLIED])
async def test_the_fence_outlives_lost_answers_of_its_own(
    cuttable: Services,
    proxy: ClusterLine,
    event: Event,
    fan: str,
    sql: asyncpg.Connection,
    void: Cut,
) -> None:
    proxy.plan_for(fan, "k", Cut.NOT_APPLIED, void, void)
    with pytest.raises(ClaimVoided):
        await buy(cuttable, event, fan=fan)
    assert proxy.cuts_made[:2] == [Cut.NOT_APPLIED, void]
    assert await rows(sql, event) == [("void", fan, 0)]


async def test_a_commit_that_is_still_on_its_way_loses_to_the_void(
    cuttable: Services, proxy: ClusterLine, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    """Who commits first wins: what was told to be void stays void when the rest arrives."""
    proxy.plan_for(fan, "k", Cut.HELD_BACK)
    with pytest.raises(ClaimVoided):
        await buy(cuttable, event, fan=fan)
    assert proxy.cuts_made == [Cut.HELD_BACK]
    assert await rows(sql, event) == [("void", fan, 0)]
    proxy.let_through.set()
    await asyncio.sleep(0.2)
    assert await rows(sql, event) == [("void", fan, 0)]
    assert await owners(sql, event) == {}


async def test_what_cannot_be_resolved_in_time_is_called_unknown_and_asked_again(
    monkeypatch: pytest.MonkeyPatch,
    proxy: ClusterLine,
    event: Event,
    fan: str,
    settings: Settings,
    sql: asyncpg.Connection,
) -> None:
    monkeypatch.setattr(lanes, "STATEMENT_TIMEOUT_S", 0.2)
    monkeypatch.setattr(Fence, "resolve", partialmethod(Fence.resolve, deadline_s=0.3))
    proxy.plan_for(fan, "k", Cut.HELD_BACK, *[Cut.NOT_APPLIED] * 50)
    async with through(proxy, settings) as cuttable:
        with pytest.raises(OutcomeUnknown):
            await buy(cuttable, event, fan=fan)
        assert await rows(sql, event) == []
        proxy.let_through.set()
        again = await buy(cuttable, event, fan=fan)
    assert again.tickets[0].seat == "A1"
    assert await rows(sql, event) == [("sell", fan, 0)]
    assert await owners(sql, event) == {0: fan}


async def test_a_shopper_who_leaves_at_commit_finds_the_ticket_later(
    cuttable: Services, proxy: ClusterLine, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    proxy.plan_for(fan, "k", Cut.SLOW)
    buying = asyncio.create_task(buy(cuttable, event, fan=fan))
    await proxy.held.wait()
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    proxy.let_through.set()
    assert (await buy(cuttable, event, fan=fan)).tickets[0].seat == "A1"
    assert await rows(sql, event) == [("sell", fan, 0)]


async def test_while_the_database_is_away_nothing_is_sold_and_later_everything_works(
    cuttable: Services, proxy: ClusterLine, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    await proxy.away()
    with pytest.raises(Unavailable):
        await buy(cuttable, event, fan=fan)
    with pytest.raises(Unavailable):
        await cuttable.shop.tickets(fan)
    await proxy.restore()
    assert await rows(sql, event) == []
    assert (await buy(cuttable, event, fan=fan)).replayed is False


async def test_a_database_that_goes_away_in_the_middle_of_a_purchase_sold_nothing(
    cuttable: Services,
    proxy: ClusterLine,
    event: Event,
    fan: str,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def interrupted(tx: SeatTransaction, order: Order) -> bool:
        sold = await conditional(tx, order)
        await proxy.away()
        return sold

    monkeypatch.setattr(shop_module, "conditional", interrupted)
    with pytest.raises((Unavailable, OutcomeUnknown)) as told:
        await buy(cuttable, event, fan=fan)
    # The row was written and COMMIT was not sent: that is known, and said.
    assert isinstance(told.value, Unavailable)
    monkeypatch.undo()
    await proxy.restore()
    assert await rows(sql, event) == []
    assert (await buy(cuttable, event, fan=fan)).replayed is False


# rounds


async def test_a_claim_begun_before_a_reset_counts_in_its_own_round(
    services: Services,
    event: Event,
    fan: str,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(tx: SeatTransaction, order: Order) -> bool:
        assert (await tx.read_seat(order.key)).status is SeatStatus.OPEN
        read.set()
        await go_on.wait()
        return await conditional(tx, order)

    monkeypatch.setattr(shop_module, "conditional", slowly)
    buying = asyncio.create_task(buy(services, event, fan=fan))
    await read.wait()
    assert await services.onsale.reset(event.event_id) == "rehearsal-2"
    go_on.set()
    bought = await buying
    assert bought.tickets[0].round_id == "rehearsal-1"
    row = await sql.fetchrow("SELECT round_id FROM op_log WHERE event_id = $1", event.event_id)
    assert row is not None
    assert row["round_id"] == "rehearsal-1"
    assert [(each.round_id, each.status) for each in await services.shop.tickets(fan)] == [
        ("rehearsal-1", "void")
    ]
    monkeypatch.undo()
    other = await buy(services, event, fan="fan_of_round_two")
    assert other.tickets[0].round_id == "rehearsal-2"


# tickets


async def test_tickets_are_the_fans_own_newest_first(
    services: Services, event: Event, fresh_fan: FreshFan
) -> None:
    mine, other = fresh_fan(), fresh_fan()
    assert await services.shop.tickets(mine) == []
    for seat in ("A1", "B2", "C3"):
        await buy(services, event, seat, fan=mine, key=seat)
    await buy(services, event, "D4", fan=other)
    found = await services.shop.tickets(mine)
    assert [(each.seat, each.status) for each in found] == [
        ("C3", "valid"),
        ("B2", "valid"),
        ("A1", "valid"),
    ]
    assert [each.seat for each in await services.shop.tickets(other)] == ["D4"]
    await services.onsale.reset(event.event_id)
    assert {each.status for each in await services.shop.tickets(mine)} == {"void"}


async def test_a_code_is_stable_and_keyed(
    services: Services, elsewhere: Services, event: Event, fan: str
) -> None:
    first = (await buy(services, event, fan=fan)).tickets[0]
    assert re.fullmatch(r"WS-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", first.code)
    assert (await buy(elsewhere, event, fan=fan)).tickets[0].code == first.code
    assert [each.code for each in await elsewhere.shop.tickets(fan)] == [first.code]
    op_id = first.ticket_id.replace("tkt_", "op_")
    assert confirmation_code(services.settings.secret, op_id) == first.code
    assert confirmation_code(b"another key", op_id) != first.code
    assert confirmation_code(services.settings.secret, f"{op_id}1") != first.code


async def test_every_claim_is_reported_for_the_metrics(
    services: Services, event: Event, fresh_fan: FreshFan, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Claimed] = []
    monkeypatch.setattr(services.shop, "on_claim", told.append)
    await buy(services, event, fan=fresh_fan())
    with pytest.raises(SeatTaken):
        await buy(services, event, fan=fresh_fan())
    assert told == [
        Claimed(answer="sold", attempts=1, conflicts=0),
        Claimed(answer="taken", attempts=1, conflicts=0),
    ]
