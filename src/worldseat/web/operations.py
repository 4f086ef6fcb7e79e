"""Every operation of the API in one table. The router and the OpenAPI document both follow it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from worldseat.domain.verdict import Report
from worldseat.services.costs import Costs
from worldseat.services.floor import FloorView
from worldseat.web import (
    acceptances,
    comparisons,
    costs,
    events,
    health,
    me,
    regions,
    stampedes,
    stream,
    witness,
)
from worldseat.web.acceptance_shapes import AcceptanceFile, AcceptancesAnswer
from worldseat.web.context import Handler
from worldseat.web.costs import CostsQuery
from worldseat.web.shapes import (
    ClaimAnswer,
    ClaimBody,
    ComparisonAnswer,
    ComparisonBody,
    EventAnswer,
    EventQuery,
    EventsAnswer,
    FloorQuery,
    Health,
    LogAnswer,
    MatrixAnswer,
    MatrixQuery,
    Me,
    MeBody,
    Nothing,
    OneEventQuery,
    RoundAnswer,
    RunAnswer,
    RunsAnswer,
    StampedeBody,
    StoryAnswer,
    TicketsAnswer,
    WitnessQuery,
)

FAN = "fan"
OPERATOR = "operator"

_BODY = (
    "bad-encoding",
    "bad-json",
    "bad-host",
    "cross-site",
    "too-slow",
    "too-large",
    "not-json",
    "wrong-shape",
)
_AWAY = ("unavailable", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: its address, who answers it, and all that the answer can be.

    `handler` is None for the claim, which is answered in front of the router (claims.py).
    `problems` are codes of problems.KINDS; `also` are further statuses that carry `answer`.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler | None
    answer: type[Any] | None
    problems: Sequence[str]
    status: int = 200
    also: Sequence[int] = ()
    content_type: str = "application/json"
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    needs: str | None = None
    headers: Sequence[str] = ()
    sets: Sequence[str] = ()


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/healthz",
        name="health",
        summary="Whether fans can buy now",
        handler=health.show_health,
        answer=Health,
        also=(503,),
        problems=("error",),
    ),
    Operation(
        method="GET",
        path="/api/events",
        name="listEvents",
        summary="All events, oldest first",
        handler=events.list_events,
        answer=EventsAnswer,
        problems=_AWAY,
    ),
    Operation(
        method="GET",
        path="/api/events/{event_id}",
        name="getEvent",
        summary="One event with its chart",
        handler=events.show_event,
        answer=EventAnswer,
        problems=("unknown-event", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/events/{event_id}/floor",
        name="getFloor",
        summary="All seats as they are now, two bits each",
        handler=events.show_floor,
        query=FloorQuery,
        answer=FloorView,
        problems=("unknown-event", "unknown-store", "wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/events/{event_id}/stream",
        name="followEvent",
        summary="The floor now, then every change: server-sent events, resumed by Last-Event-ID",
        handler=stream.open_stream,
        headers=("Last-Event-ID",),
        answer=None,
        content_type=stream.CONTENT_TYPE,
        problems=("unknown-event", "too-many-streams", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/events/{event_id}/log",
        name="getLog",
        summary="What happened last, newest first",
        handler=events.show_log,
        answer=LogAnswer,
        problems=("unknown-event", *_AWAY),
    ),
    Operation(
        method="POST",
        path="/api/events/{event_id}/claims",
        name="claimSeats",
        summary="Buy a seat. The same Idempotency-Key buys once, however often it is sent",
        handler=None,
        body=ClaimBody,
        needs=FAN,
        headers=("Idempotency-Key",),
        answer=ClaimAnswer,
        status=201,
        problems=(
            *_BODY,
            *("missing-key", "bad-key", "no-fan", "unknown-event", "unknown-seat", "bad-request"),
            *("key-reused", "seat-taken", "claim-voided", "too-many-claims", "outcome-unknown"),
            *_AWAY,
        ),
    ),
    Operation(
        method="POST",
        path="/api/events/{event_id}/rounds",
        name="openRound",
        summary="Reset the floor of a rehearsal: a new round with every seat open",
        handler=events.open_round,
        body=Nothing,
        needs=OPERATOR,
        answer=RoundAnswer,
        status=201,
        problems=(
            *_BODY,
            *("operator-only", "unknown-event", "live-round", "stampede-running", "round-changed"),
            *_AWAY,
        ),
    ),
    Operation(
        method="GET",
        path="/api/me",
        name="getMe",
        summary="Who the cookie says that asks",
        handler=me.show_me,
        needs=FAN,
        answer=Me,
        problems=("no-fan", "error"),
    ),
    Operation(
        method="POST",
        path="/api/me",
        name="becomeFan",
        summary="Become a fan, or change the label of the one that the cookie proves",
        handler=me.become,
        body=MeBody,
        answer=Me,
        sets=("Set-Cookie",),
        problems=(*_BODY, "error"),
    ),
    Operation(
        method="GET",
        path="/api/me/tickets",
        name="getMyTickets",
        summary="The fan's own tickets, newest first",
        handler=me.show_tickets,
        needs=FAN,
        answer=TicketsAnswer,
        problems=("no-fan", *_AWAY),
    ),
    Operation(
        method="POST",
        path="/api/stampedes",
        name="fireStampede",
        summary="Fire a stampede of buyers at one seat of a rehearsal",
        handler=stampedes.fire,
        body=StampedeBody,
        needs=OPERATOR,
        answer=RunAnswer,
        status=202,
        sets=("Location",),
        problems=(
            *_BODY,
            *("operator-only", "unknown-event", "unknown-seat", "unknown-store", "bad-request"),
            *("live-round", "stampede-running", "seat-of-a-fan", "no-open-seat"),
            *_AWAY,
        ),
    ),
    Operation(
        method="GET",
        path="/api/stampedes",
        name="listStampedes",
        summary="Stampedes, newest first",
        handler=stampedes.list_runs,
        query=EventQuery,
        answer=RunsAnswer,
        problems=("unknown-event", "wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/stampedes/{run_id}",
        name="getStampede",
        summary="One stampede, with its progress while it runs",
        handler=stampedes.show_run,
        answer=RunAnswer,
        problems=("unknown-run", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/stampedes/{run_id}/history",
        name="getHistory",
        summary="What every buyer of a stampede did and was told, as Jepsen-style JSON lines",
        handler=stampedes.show_history,
        answer=None,
        content_type=stampedes.JSON_LINES,
        problems=("unknown-run", *_AWAY),
    ),
    Operation(
        method="POST",
        path="/api/comparisons",
        name="compare",
        summary="Fire the same stampede at several databases, in turn and with one seed",
        handler=comparisons.compare,
        body=ComparisonBody,
        needs=OPERATOR,
        answer=ComparisonAnswer,
        status=202,
        sets=("Location",),
        problems=(
            *_BODY,
            *("operator-only", "unknown-event", "unknown-store", "bad-request"),
            *("live-round", "comparison-running"),
            *_AWAY,
        ),
    ),
    Operation(
        method="GET",
        path="/api/comparisons/{comparison_id}",
        name="getComparison",
        summary="How far a comparison has come",
        handler=comparisons.show_comparison,
        answer=ComparisonAnswer,
        problems=("unknown-comparison", *_AWAY),
    ),
    Operation(
        method="POST",
        path="/api/comparisons/{comparison_id}/stop",
        name="stopComparison",
        summary="Fire nothing more of a comparison; the run under way is finished and counted",
        handler=comparisons.stop_comparison,
        body=Nothing,
        needs=OPERATOR,
        answer=ComparisonAnswer,
        problems=(*_BODY, "operator-only", "unknown-comparison", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/matrix",
        name="getMatrix",
        summary="What was measured where: stores, codes, arrivals, Regions and lags",
        handler=comparisons.show_matrix,
        query=MatrixQuery,
        answer=MatrixAnswer,
        problems=("wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/costs",
        name="getCosts",
        summary="What tickets cost on the product's database, per code, from stored runs",
        handler=costs.show_costs,
        query=CostsQuery,
        answer=Costs,
        problems=("wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/acceptance",
        name="listAcceptance",
        summary="Acceptance reports that are kept here, newest first",
        handler=acceptances.list_reports,
        answer=AcceptancesAnswer,
        problems=_AWAY,
    ),
    Operation(
        method="GET",
        path="/api/acceptance/{report_id}",
        name="getAcceptance",
        summary="One acceptance report, as the file that `worldseat accept show` checks",
        handler=acceptances.show_report,
        answer=AcceptanceFile,
        problems=("unknown-report", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/witness",
        name="judge",
        summary="The Witness's report on a round, judged now from committed rows and histories",
        handler=witness.show_verdict,
        query=WitnessQuery,
        answer=Report,
        problems=("unknown-event", "unknown-seat", "wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/headline",
        name="getHeadline",
        summary="The newest like-for-like runs of the product and the foils",
        handler=witness.show_headline,
        query=OneEventQuery,
        answer=StoryAnswer,
        problems=("unknown-event", "wrong-shape", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/api/regions",
        name="getRegions",
        summary="How each Region stands, and who serves its fans; asks no database",
        handler=regions.show_regions,
        answer=regions.RegionsAnswer,
        problems=("error",),
    ),
    Operation(
        method="POST",
        path="/api/regions/orders",
        name="orderRegions",
        summary="Let something happen to the local cluster: a lost Region, a cut link, a fault",
        handler=regions.give_order,
        body=regions.OrderBody,
        needs=OPERATOR,
        answer=regions.RegionsAnswer,
        problems=(*_BODY, "operator-only", "bad-order", "no-local-cluster", *_AWAY),
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="getMetrics",
        summary="Figures in Prometheus's text format",
        handler=health.show_metrics,
        needs=OPERATOR,
        answer=None,
        content_type="text/plain",
        problems=("bad-host", "operator-only", "error"),
    ),
)
