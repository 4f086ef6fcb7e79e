"""Acceptance reports: the seal, and the file that is believed only if all of it fits."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.acceptance_reports import (
    ON_AWS,
    all_promises,
    broken,
    not_tried,
    of_aws,
    promise,
    report,
    signed,
    stampeded,
)

from worldseat.domain.acceptance import SignOff, Standing, is_sealed, sealed
from worldseat.domain.acceptance_file import SIZE_MAX, read_report, write_report
from worldseat.domain.endpoints import region_of
from worldseat.domain.errors import ReportRefused

Values = dict[str, Any]


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in JSON values that holds a number, a text, a flag or null."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from paths(each, (*at, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from paths(each, (*at, place))
    else:
        yield at


def changed(values: Values, at: tuple[Any, ...], to: Callable[[Any], Any]) -> Values:
    copy: Values = json.loads(json.dumps(values))
    inside: Any = copy
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = to(inside[at[-1]])
    return copy


def other(value: Any) -> Any:
    """A value of the same type that is another one."""
    if value is None:
        return "somewhere else"
    if isinstance(value, bool):
        return not value
    return value + ("0" if isinstance(value, str) else 1)


EVERYTHING = signed(of_aws(promises=all_promises(promise("tokens"), broken("isolation"))))
VALUES: Values = json.loads(write_report(EVERYTHING))
COVERED = [at for at in paths(VALUES) if at[0] not in {"format", "digest", "signed_off"}]


# the seal


@pytest.mark.parametrize(
    "made", [report(), of_aws(), EVERYTHING], ids=["stand-in", "AWS", "everything"]
)
def test_a_report_is_read_as_it_was_written(made: Any) -> None:
    read = read_report(write_report(made))
    assert is_sealed(read)
    assert read == made
    assert write_report(read) == write_report(made)


def test_every_single_change_is_noticed() -> None:
    assert len(COVERED) > 70
    refused_before = 0
    for at in COVERED:
        try:
            read = read_report(json.dumps(changed(VALUES, at, other)))
        except ReportRefused:
            refused_before += 1
            continue
        assert not is_sealed(read), at
    # The control: most changes fit in all else, and it is the seal that notices them.
    assert refused_before < len(COVERED) / 3


def test_what_is_added_taken_away_or_reordered_is_noticed() -> None:
    for name in ("promises", "stampedes", "latencies", "notes"):
        whole = getattr(EVERYTHING, name)
        others = [(*whole, whole[0]), whole[1:], *([whole[::-1]] if len(whole) > 1 else [])]
        for each in others:
            listed: Any = {name: each}
            assert not is_sealed(replace(EVERYTHING, **listed))


@pytest.mark.slow
@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60))
def test_two_texts_have_one_seal_only_if_they_print_alike(one: str, another: str) -> None:
    first, second = (sealed(replace(EVERYTHING, notes=(text,))) for text in (one, another))
    alike = json.loads(write_report(first))["notes"] == json.loads(write_report(second))["notes"]
    assert (first.digest == second.digest) == alike
    assert read_report(write_report(first)).digest == first.digest


def test_a_sign_off_leaves_the_seal_whole() -> None:
    again = EVERYTHING.signed(SignOff(by="Grace", at="2026-01-04T00:00:00Z"))
    assert is_sealed(again)
    assert [each.by for each in again.signed_off] == ["Ada Invented", "Grace"]
    assert is_sealed(read_report(write_report(again)))


def test_a_report_that_was_never_sealed_has_no_seal() -> None:
    assert not is_sealed(read_report(write_report(replace(report(), digest=""))))


def test_a_number_is_sealed_as_its_type_says() -> None:
    # Python lets 3 stand where a float was declared; the file says 3.0.
    spent = replace(report().spent, limit_usd=5)
    assert is_sealed(read_report(write_report(sealed(replace(report(), spent=spent)))))


def test_whoever_has_only_python_can_check_the_seal(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(write_report(EVERYTHING))
    program = """
import hashlib, json, sys
report = json.load(open(sys.argv[1]))
digest, _ = report.pop("digest"), report.pop("signed_off")
canonical = json.dumps(report, sort_keys=True, separators=(",", ":"))
print(hashlib.sha256(canonical.encode()).hexdigest() == digest)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, file], capture_output=True, check=True
    )
    assert done.stdout == b"True\n"


# what a file may hold


def refused(values: Values) -> str:
    with pytest.raises(ReportRefused) as caught:
        read_report(json.dumps(values, indent=1))
    return caught.value.message


@pytest.mark.parametrize(
    ("at", "to", "why"),
    [
        (("format",), "worldseat-acceptance/2", "'format' is not"),
        (("report_id",), "../../etc/passwd", "'report_id' is not an id"),
        (("report_id",), "", "'report_id' is not an id"),
        (("stand_in",), "AWS", "cannot be called AWS"),
        (("stand_in",), " ", "'stand_in' is empty"),
        (("stand_in",), " aws", "cannot be called AWS"),
        (("stand_in",), "Aurora DSQL itself", "not the database itself"),
        (("endpoints",), {}, "not those of us-east-1 and us-east-2"),
        (("endpoints",), {"us-east-1": ON_AWS["us-east-1"]}, "not those of us-east-1"),
        (("endpoints",), ON_AWS | {"us-west-2": "a.dsql.us-west-2.on.aws"}, "not those of"),
        (("endpoints",), {"us-east-1": "a b"}, "not a Region and a host"),
        (("endpoints",), {"moon": "abc.dsql.moon.on.aws"}, "not a Region and a host"),
        (("started_at",), "yesterday", "RFC 3339"),
        (("started_at",), "2026-13-02T03:04:05Z", "RFC 3339"),
        (("started_at",), "2026-01-02T03:04:05+02:00", "RFC 3339"),
        (("finished_at",), "2025-01-02T03:04:05Z", "ended before it began"),
        (("git_commit",), "", "which code ran"),
        (("promises",), [], "not those of WorldSeat"),
        (("promises",), VALUES["promises"][:3], "not those of WorldSeat"),
        (("promises",), VALUES["promises"][::-1], "not those of WorldSeat"),
        (("promises", 2, "name"), "luck", "not those of WorldSeat"),
        (("digest",), "abc", "not a SHA-256"),
        (("notes",), ["\u202eevil"], "cannot be printed"),
        (("notes",), ["\x1b[31mred"], "cannot be printed"),
        (("notes",), ["\ud800"], "cannot be printed"),
        (("notes",), ["x" * 4001], "too long"),
        (("notes",), ["x"] * 5001, "more than 5,000 items"),
        (("notes",), "x", "not a list"),
        (("promises", 0, "standing"), "kept", "none of"),
        (("promises", 0, "tried"), -1, "not between"),
        (("promises", 0, "tried"), 1.5, "not a whole number"),
        (("promises", 0, "tried"), True, "not a whole number"),
        (("promises", 0, "tried"), 0, "never tried"),
        (("promises", 0, "broken"), 1, "is held, broken 1 times"),
        (("promises", 0, "name"), "A B", "lower-case"),
        (("promises", 0, "cases", 0, "held"), False, "one of its cases is not"),
        (("promises", 0, "cases", 0, "held"), 1, "not true or false"),
        (("promises", 1, "broken"), 0, "is broken, broken 0 times"),
        (("promises", 1, "broken"), 12, "more often"),
        (("promises", 2, "broken"), 1, "more often"),
        (("promises", 2, "seen"), "", "says nothing"),
        (("promises", 2, "name"), "tokens", "not those of WorldSeat"),
        (("promises", 1, "cases", 0, "held"), False, "more broken cases than it counts"),
        (("stampedes", 0, "code"), "lucky", "no such code"),
        (("stampedes", 0, "arrival"), "spread:0ms", "no such arrival"),
        (("stampedes", 0, "reach"), "all", "no such code or reach"),
        (("stampedes", 0, "above_zero"), 21, "more runs"),
        (("stampedes", 0, "above_zero"), 1, "does not fit"),
        (("stampedes", 0, "oversold_high"), 7, "does not fit"),
        (("stampedes", 0, "holders_low"), 2, "outside"),
        (("stampedes", 0, "holders_low"), 0, "without a holder"),
        (("stampedes", 0, "holders_high"), 60, "not one less"),
        (("stampedes", 0, "run_ids"), ["a/b"], "not one"),
        (("latencies", 0, "p95_ms"), 1.0, "not in order"),
        (("latencies", 0, "commits"), 0, "no commits"),
        (("spent", "limit_usd"), -1.0, "not between"),
        (("spent", "limit_usd"), "5", "not a number"),
        (("spent", "stopped"), None, "not true or false"),
        (("signed_off", 0, "by"), " ", "nobody signed"),
        (("signed_off", 0, "at"), "soon", "RFC 3339"),
        (("signed_off",), VALUES["signed_off"] * 101, "more than 100 sign-offs"),
    ],
)
def test_a_field_that_cannot_be_is_refused(at: tuple[Any, ...], to: Any, why: str) -> None:
    assert why in refused(changed(VALUES, at, lambda _: to))


def test_a_missing_or_unknown_field_is_refused_wherever_it_is() -> None:
    objects = {at[:-1] for at in paths(VALUES) if isinstance(at[-1], str)}
    assert len(objects) > 10
    for at in objects:
        if at and at[-1] == "endpoints":
            continue  # Its keys are Regions, not fields.
        assert "no field 'more'" in refused(_with(at, lambda it: it | {"more": 1}))
        for name in _inside(at):
            assert f"{name!r}" in refused(_with(at, partial(_without, name)))


def _inside(at: tuple[Any, ...]) -> Values:
    inside: Any = VALUES
    for key in at:
        inside = inside[key]
    values: Values = inside
    return values


def _without(gone: str, values: Values) -> Values:
    return {name: each for name, each in values.items() if name != gone}


def _with(at: tuple[Any, ...], to: Callable[[Values], Values]) -> Values:
    values: Values = changed({"all": VALUES}, ("all", *at), to)["all"]
    return values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a value"),
        ("[]", "not an acceptance report"),
        ("{}", "not an acceptance report"),
        ('{"format": 1}', "'format' is not"),
        (b"\xff\xfe", "not UTF-8"),
        ("[" * 100, "nested"),
        ('{"format": "worldseat-acceptance/1", "format": 2}', "there twice"),
        (" " * (SIZE_MAX + 1), "at most"),
        (write_report(EVERYTHING).replace("14.2", "1e999"), "not between"),
        (write_report(EVERYTHING).replace("14.2", "NaN"), "NaN"),
        (write_report(EVERYTHING) + "{}", "more text"),
    ],
)
def test_text_that_is_no_report_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(ReportRefused, match=why):
        read_report(text)


def test_a_refusal_says_on_which_line() -> None:
    text = write_report(EVERYTHING)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if '"max_ms": 61.0' in each)
    with pytest.raises(ReportRefused, match=f"line {line}: 'max_ms' is not a number"):
        read_report(text.replace('"max_ms": 61.0', '"max_ms": []'))


# AWS and what stands in for it


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "abc.dsql.us-east-1.on.aws.example.com",
        "abc.dsql.us-east-2.on.aws",
        "abc.rds.us-east-1.on.aws",
        "dsql.us-east-1.on.aws",
        "a.b.dsql.us-east-1.on.aws",
        "abc.dsql.us-east-1.onXaws",
    ],
)
def test_a_report_of_aws_names_endpoints_of_aws(host: str) -> None:
    claims = of_aws(endpoints=ON_AWS | {"us-east-1": host})
    assert is_sealed(claims)
    with pytest.raises(ReportRefused, match="Aurora DSQL's there"):
        read_report(write_report(claims))
    if region_of(host) is None:
        read_report(write_report(replace(claims, stand_in="something else")))


def test_a_private_endpoint_of_aws_is_of_aws() -> None:
    hosts = ON_AWS | {"us-east-1": "abc.dsql-fnh4.us-east-1.on.aws"}
    read_report(write_report(of_aws(endpoints=hosts)))


def test_a_stand_ins_endpoints_are_each_regions_own_too() -> None:
    swapped = dict(zip(ON_AWS, reversed(ON_AWS.values()), strict=True))
    for hosts in (swapped, dict.fromkeys(ON_AWS, ON_AWS["us-east-1"])):
        with pytest.raises(ReportRefused, match=r"are swapped|have the same endpoint"):
            read_report(write_report(report(endpoints=hosts)))


# writing never fails on what a run has seen


def test_what_cannot_be_printed_is_replaced_and_the_report_still_holds_its_seal() -> None:
    odd = sealed(replace(report(), notes=("a\x00b\ud800c\nd", "é" * 5_000)))
    read = read_report(write_report(odd))
    assert is_sealed(read)
    assert read.notes[0] == "a\ufffdb\ufffdc\nd"
    assert len(read.notes[1]) == 4_000


def test_passed_means_that_every_promise_was_tried_and_held() -> None:
    assert report().passed
    assert not replace(report(), promises=()).passed
    for worse in (broken, not_tried):
        assert not report(promises=(promise("tokens"), worse("fence"))).passed
    assert {each.standing for each in EVERYTHING.promises} == set(Standing)


def test_stampedes_that_oversold_are_a_report_too() -> None:
    # A report is there to say so, and then does not hold the promise.
    oversold = (
        stampeded(above_zero=3, oversold_high=7, holders_high=8),
        stampeded("conditional", runs=0, holders_low=0, holders_median=0, holders_high=0),
        stampeded(
            arrival="spread:300ms",
            above_zero=10,
            oversold_median=0.5,
            oversold_high=1,
            holders_median=1.5,
            holders_high=2,
        ),
    )
    for standing in (broken, not_tried):
        promises = all_promises(standing("stampedes"))
        made = report(promises=promises, stampedes=oversold)
        assert read_report(write_report(made)) == made
    with pytest.raises(ReportRefused, match="oversold, and the promise stampedes is held"):
        read_report(write_report(report(stampedes=oversold)))


def test_a_run_without_a_role_of_least_privilege_says_nothing_of_it() -> None:
    whole = report()
    last = replace(whole.promises[0], name="least-privilege")
    for promises in (whole.promises, (*whole.promises, last)):
        read_report(write_report(report(promises=promises)))


def test_a_hundred_people_may_sign_a_report() -> None:
    crowd = replace(report(), signed_off=(*EVERYTHING.signed_off,) * 100)
    assert read_report(write_report(crowd)) == crowd


def test_the_seal_is_a_digest_of_canonical_json() -> None:
    values = {key: each for key, each in VALUES.items() if key not in {"digest", "signed_off"}}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == EVERYTHING.digest
