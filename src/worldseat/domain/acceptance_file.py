"""Acceptance reports as files (`worldseat-acceptance/1`): text in, report out, or a refusal.

A file is JSON, of 1 MB at most. Every field is looked at, also whether figures agree with each
other. Whether the seal holds is another question: domain.acceptance.is_sealed answers it.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime

from worldseat.domain.acceptance import (
    FORMAT,
    PROMISES,
    Latency,
    Promise,
    Report,
    SignOff,
    Stampeded,
    Standing,
    as_values,
)
from worldseat.domain.endpoints import REGIONS, mixed_up, region_of
from worldseat.domain.errors import ReportRefused
from worldseat.domain.lined_json import LinedJsonError, Node, parse
from worldseat.domain.plain_values import PlainRefused, read
from worldseat.domain.run import ITSELF, Arrival, Reach
from worldseat.domain.seats import Code

SIZE_MAX = 1_000_000
"""Bytes of a file."""

SIGNED_BY_MAX = 80
"""Characters of the name of whoever signs a report off."""

SIGN_OFFS_MAX = 100
"""People who vouch for one report: each is a row, and all are kept in one transaction."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}|")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,6})?(Z|\+00:00)")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def write_report(report: Report) -> str:
    """Return the file of a report. It is written whatever it says: a run may have cost money."""
    return json.dumps(as_values(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_report(source: str | bytes) -> Report:
    """Return the report that a file holds. Raises ReportRefused with the line."""
    raw = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(raw) > SIZE_MAX:
        raise ReportRefused(f"a report has at most {SIZE_MAX:,} bytes", line=1)
    try:
        root = parse(raw.decode("utf-8-sig"))
        _format(root)
        report: Report = read(root, Report, "a report", _wrong)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ReportRefused("not UTF-8", line=line) from error
    except (LinedJsonError, PlainRefused) as error:
        raise ReportRefused(str(error), line=error.line) from error
    return report


def _format(root: Node) -> None:
    """Take the format from the report's fields, once it is known to be the right one."""
    if not isinstance(root.value, dict) or "format" not in root.value:
        raise PlainRefused("not an acceptance report: there is no 'format'", line=root.line)
    named = root.value.pop("format")
    if named.value != FORMAT:
        raise PlainRefused(f"'format' is not {FORMAT!r}", line=named.line)


def _wrong(value: object) -> str | None:
    """Return what cannot be in a value of a report, whatever was measured."""
    match value:
        case Promise():
            return _wrong_promise(value)
        case Stampeded():
            return _wrong_stampeded(value)
        case Latency():
            return _first(
                (_REGION.fullmatch(value.region), "'region' is not a Region"),
                (value.commits, "a latency of no commits"),
                (
                    value.p50_ms <= value.p95_ms <= value.p99_ms <= value.max_ms,
                    "the percentiles are not in order",
                ),
            )
        case SignOff():
            return _first(
                (1 <= len(value.by.strip()) <= SIGNED_BY_MAX, "nobody signed, or a name too long"),
                (_moment(value.at), _NOT_A_MOMENT),
            )
        case Report():
            return _wrong_report(value)
        case _:
            return None


_NOT_A_MOMENT = "a time is not RFC 3339 in UTC"


def _wrong_promise(it: Promise) -> str | None:
    held = it.standing is Standing.HELD
    broken = it.standing is Standing.BROKEN
    return _first(
        (_NAME.fullmatch(it.name), "a promise's name is of lower-case letters, digits and hyphens"),
        (it.title.strip() and it.seen.strip(), f"the promise {it.name} says nothing"),
        (it.broken <= it.tried, f"{it.name} broke more often than it was tried"),
        (bool(it.broken) == broken, f"{it.name} is {it.standing}, broken {it.broken} times"),
        (it.tried or not held, f"{it.name} is held and was never tried"),
        (
            not held or all(case.held for case in it.cases),
            f"{it.name} is held and one of its cases is not",
        ),
        (
            sum(not case.held for case in it.cases) <= it.broken,
            f"{it.name} has more broken cases than it counts",
        ),
    )


def _wrong_stampeded(it: Stampeded) -> str | None:
    return _first(
        (it.code in set(Code) and it.reach in set(Reach), "no such code or reach"),
        (_is_arrival(it.arrival), f"no such arrival: {it.arrival[:40]!r}"),
        (it.above_zero <= it.runs, "more runs oversold than there were"),
        (
            bool(it.above_zero) == (it.oversold_high > 0),
            "'above_zero' does not fit 'oversold_high'",
        ),
        (
            it.oversold_low <= it.oversold_median <= it.oversold_high
            and it.holders_low <= it.holders_median <= it.holders_high,
            "a span's median lies outside of it",
        ),
        (
            all(oversold == max(holders - 1, 0) for oversold, holders in _spans(it)),
            "what was oversold is not one less than the holders",
        ),
        # Where nobody was confirmed there is no result.
        (it.holders_low or not it.runs, "a seat without a holder is no result"),
        (all(map(_ID.fullmatch, it.run_ids)), "a run's id is not one"),
    )


def _wrong_report(it: Report) -> str | None:
    return _first(
        (_ID.fullmatch(it.report_id), "'report_id' is not an id"),
        (it.stand_in is None or it.stand_in.strip(), "'stand_in' is empty"),
        ((it.stand_in or "").strip().upper() != "AWS", "a stand-in cannot be called AWS"),
        (
            not (it.stand_in or "").rstrip().endswith(ITSELF),
            "what stands in is not the database itself",
        ),
        (_are_hosts(it), "an endpoint is not a Region and a host"),
        (
            sorted(it.endpoints) == sorted(REGIONS),
            f"its endpoints are not those of {' and '.join(REGIONS)}",
        ),
        (it.stand_in is not None or _are_of_aws(it), CLAIMS_AWS),
        (not mixed_up(it.endpoints), mixed_up(it.endpoints)),
        (_moment(it.started_at) and _moment(it.finished_at), _NOT_A_MOMENT),
        (_in_order(it.started_at, it.finished_at), "it ended before it began"),
        (it.version and it.git_commit, "it does not say which code ran"),
        (
            _are_promises(it),
            "its promises are not those of WorldSeat, each once and in their order",
        ),
        (
            not any(each.above_zero for each in it.stampedes) or not _held(it, "stampedes"),
            "a stampede oversold, and the promise stampedes is held",
        ),
        (len(it.signed_off) <= SIGN_OFFS_MAX, f"more than {SIGN_OFFS_MAX} sign-offs"),
        (_DIGEST.fullmatch(it.digest), "'digest' is not a SHA-256"),
    )


CLAIMS_AWS = "it says that it ran on AWS, and its endpoints are not Aurora DSQL's there"


def _first(*rules: tuple[object, str]) -> str | None:
    """Return the complaint of the first rule that does not hold."""
    return next((wrong for holds, wrong in rules if not holds), None)


def _are_hosts(it: Report) -> bool:
    return all(
        _REGION.fullmatch(region) and _HOST.fullmatch(host) for region, host in it.endpoints.items()
    )


def _are_of_aws(it: Report) -> bool:
    return all(region_of(host) == region for region, host in it.endpoints.items())


def _are_promises(it: Report) -> bool:
    """Say whether all promises are there; a run may leave out the last one."""
    names, known = [each.name for each in it.promises], list(PROMISES)
    return names in (known, known[:-1])


def _held(it: Report, name: str) -> bool:
    return any(each.name == name and each.standing is Standing.HELD for each in it.promises)


def _spans(it: Stampeded) -> Sequence[tuple[float, float]]:
    """Return the oversold with the holders of each figure: one seat has one holder by right."""
    return (
        (it.oversold_low, it.holders_low),
        (it.oversold_median, it.holders_median),
        (it.oversold_high, it.holders_high),
    )


def _is_arrival(text: str) -> bool:
    try:
        Arrival.parse(text)
    except ValueError:
        return False
    return True


def _moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _in_order(*moments: str) -> bool:
    times: Sequence[datetime] = [datetime.fromisoformat(each) for each in moments if _moment(each)]
    return list(times) == sorted(times)
