"""An acceptance report as a page: the verdict first, then every promise with what was tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from worldseat.domain.acceptance import (
    Case,
    Promise,
    Report,
    SignOff,
    Stampeded,
    Standing,
    is_sealed,
)
from worldseat.domain.run import Arrival, Reach
from worldseat.web.templating import HERE, environment
from worldseat.web.views.cell import figure, reach_words
from worldseat.web.views.latency_picture import Picture, picture
from worldseat.web.views.run import arrival_words, called, is_played, ran_on
from worldseat.web.views.words import count, dollars, of

TONES = {Standing.HELD: "good", Standing.BROKEN: "bad", Standing.NOT_TRIED: "none"}
MARKS = {"good": "✓", "bad": "✕", "none": "–"}
_NOT_AWS = "Nothing in it is a result of AWS."
_MINUTE_S = 60
_STYLES = ("tokens.css", "base.css", "sign.css", "acceptance.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a report says in one line, and what must be known beside it. `tone`: good, bad, none."""

    tone: str
    head: str
    sentences: Sequence[str]

    @property
    def mark(self) -> str:
        """Return the shape of the tone."""
        return MARKS[self.tone]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseView:
    """One promise: its sign, its count with the denominator, and what was tried one by one."""

    name: str
    title: str
    tone: str
    mark: str
    word: str
    counted: str
    seen: str
    took: str
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True, kw_only=True)
class StampedeView:
    """Stampedes of one kind, in words. Spans read `59 (52–59)`: the median, the least, the most."""

    label: str
    arrival: str
    tone: str
    mark: str
    buyers: str
    oversold: str
    in_runs: str
    holders: str
    refused: str
    errors: str
    conflicts: str
    in_flight: str
    fired_in: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceView:
    """All that the page of a report shows."""

    report_id: str
    on: str
    played: bool
    verdict: Verdict
    endpoints: Sequence[tuple[str, str]]
    began_at: str
    took: str
    code: str
    server: str
    promises: Sequence[PromiseView]
    stampedes: Sequence[StampedeView]
    latencies: Sequence[tuple[str, Sequence[str]]]
    """Of each Region: how many commits, p50, p95, p99 and the longest, in words."""
    picture: Picture | None
    spent: str
    notes: Sequence[str]
    sealed: bool
    digest: str
    signed_off: Sequence[SignOff]
    command: str


def view(report: Report) -> AcceptanceView:
    """Return the page of a report."""
    return AcceptanceView(
        report_id=report.report_id,
        on=ran_on(report.stand_in),
        played=is_played(report.stand_in),
        verdict=verdict(report),
        endpoints=list(report.endpoints.items()),
        began_at=report.started_at,
        took=_duration(_seconds(report)),
        code=f"WorldSeat {report.version}, commit {report.git_commit}",
        server=report.server_version,
        promises=[promise_view(each) for each in report.promises],
        stampedes=[_stampede(each) for each in report.stampedes],
        latencies=[
            (
                each.region,
                [
                    count(each.commits),
                    *(
                        f"{number:,.1f} ms"
                        for number in (each.p50_ms, each.p95_ms, each.p99_ms, each.max_ms)
                    ),
                ],
            )
            for each in report.latencies
        ],
        picture=picture(report),
        spent=spent_words(report),
        notes=report.notes,
        sealed=is_sealed(report),
        digest=report.digest,
        signed_off=report.signed_off,
        command=f".venv/bin/worldseat accept show {report.report_id}.json",
    )


def verdict(report: Report) -> Verdict:
    """Return what a report says. A broken seal comes before everything else."""
    stands = (
        [f"It ran on {called(report.stand_in)}, a stand-in. {_NOT_AWS}"]
        if report.stand_in is not None and is_played(report.stand_in)
        else []
    )
    if not is_sealed(report):
        return Verdict(
            tone="bad",
            head="The seal is broken: this is not what the run wrote.",
            sentences=["Nothing that stands here can be relied on.", *stands],
        )
    held, broken, untried = (
        [each for each in report.promises if each.standing is standing]
        for standing in (Standing.HELD, Standing.BROKEN, Standing.NOT_TRIED)
    )
    promises = of(len(report.promises), "promise")
    where = called(report.on)
    if broken:
        head = f"{count(len(broken))} of {promises} broke on {where}: {_names(broken)}."
        tone = "bad"
    elif untried:
        head = f"{count(len(held))} of {promises} held on {where}; not tried: {_names(untried)}."
        tone = "none"
    else:
        head = f"No violation found on {where}: {count(len(held))} of {promises} held."
        tone = "good"
    others = [f"Not tried: {_names(untried)}."] if broken and untried else []
    return Verdict(tone=tone, head=head, sentences=[*others, *stands])


def promise_view(promise: Promise) -> PromiseView:
    """Return a promise in words."""
    tone, told = TONES[promise.standing], counted(promise)
    return PromiseView(
        name=promise.name,
        title=promise.title,
        tone=tone,
        mark=MARKS[tone],
        word=promise.standing.value,
        counted=f"{told[:1].upper()}{told[1:]}.",
        seen=promise.seen,
        took=_duration(promise.took_s) if promise.took_s else "",
        cases=promise.cases,
    )


def counted(promise: Promise) -> str:
    """Return how a promise fared, with its denominator: `held in 25 of 25 races`."""
    tried = f"{count(promise.tried)} {promise.of_what}"
    if promise.standing is Standing.HELD:
        return f"held in {count(promise.tried)} of {tried}"
    if promise.standing is Standing.BROKEN:
        return f"broken in {count(promise.broken)} of {tried}"
    return f"not tried to the end: {tried}" if promise.tried else "not tried"


def spent_words(report: Report) -> str:
    """Return what the run cost, or would have cost on AWS, and what was expected before."""
    spent = report.spent
    sums = (
        f"{dollars(spent.spent_usd)} at most, estimated from what was sent; "
        f"{dollars(spent.estimated_usd)} expected before it began; the limit was "
        f"{dollars(spent.limit_usd)}."
    )
    stopped = " It stopped at the limit." if spent.stopped else ""
    if is_played(report.stand_in):
        return f"Cost: nothing was paid. On AWS: {sums}{stopped}"
    return f"Cost: {sums}{stopped}"


def _stampede(it: Stampeded) -> StampedeView:
    tone = "bad" if it.above_zero else "good" if it.runs else "none"
    return StampedeView(
        label=f"{it.code}, {reach_words(Reach(it.reach))}",
        arrival=arrival_words(Arrival.parse(it.arrival)),
        tone=tone,
        mark=MARKS[tone],
        buyers=count(it.buyers),
        oversold=_span(it.oversold_low, it.oversold_median, it.oversold_high) if it.runs else "–",
        in_runs=_in_runs(it),
        holders=_span(it.holders_low, it.holders_median, it.holders_high) if it.runs else "–",
        refused=figure(it.refused_median),
        errors=figure(it.errors_median),
        conflicts=figure(it.conflicts_median),
        in_flight=count(it.in_flight_low),
        fired_in=f"{count(it.duration_ms_median)} ms",
        without=f"{of(it.without, 'run')} without a result or a race, not counted"
        if it.without
        else "",
    )


def _in_runs(it: Stampeded) -> str:
    if not it.runs:
        return "no result"
    many = it.above_zero or it.runs
    above = "above 0 " if 0 < it.above_zero < it.runs else ""
    return f"{above}in {count(many)} of {of(it.runs, 'run')}"


def _span(low: float, median: float, high: float) -> str:
    return figure(median) if low == high else f"{figure(median)} ({figure(low)}–{figure(high)})"


def _names(promises: Sequence[Promise]) -> str:
    return "; ".join(each.title for each in promises)


def _seconds(report: Report) -> float:
    began, ended = (datetime.fromisoformat(at) for at in (report.started_at, report.finished_at))
    return (ended - began).total_seconds()


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {left} s" if minutes else f"{seconds:.1f} s"


def render(report: Report) -> str:
    """Return the page of a report as one HTML file that needs nothing else: no network, no script.

    It shows what the JSON file says; the seal is that file's.
    """
    style = "\n".join((HERE / "static" / "css" / name).read_text() for name in _STYLES)
    page = environment().get_template("acceptance_file.html")
    return page.render(page=view(report), style=style)
