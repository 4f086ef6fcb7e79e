"""Acceptance runs on the test run's own cluster, which is well: what they say and leave."""

import json
import re
from functools import partialmethod
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvloop
from tests.acceptance.conftest import Accept
from tests.behind import Database

from worldseat.acceptance import one_key, run
from worldseat.acceptance.plan import NAMES
from worldseat.cli import endpoints_file
from worldseat.domain.acceptance import Promise, Report, Standing, is_sealed
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services.fence import Fence
from worldseat.settings import REGIONS

KEPT = "SELECT count(*) FROM acceptance WHERE report_id = $1"
QUICK = ("tokens", "one-key-one-row")


@pytest.fixture
def endpoints(at: Descriptor, tmp_path: Path) -> str:
    """A file with the addresses of the test run's cluster."""
    file = tmp_path / "endpoints.json"
    endpoints_file.write(file, {region: at.url(region) for region in REGIONS})
    return str(file)


def ask(database: Database, sql: str, *args: object) -> Any:
    """Ask the PostgreSQL behind, past everything."""

    async def asked() -> Any:
        line = await asyncpg.connect(database.url)
        try:
            return await line.fetchval(sql, *args)
        finally:
            await line.close()

    return uvloop.run(asked())


def tables_of(database: Database, report: Report) -> int:
    sql = "SELECT count(*) FROM pg_class WHERE relname LIKE $1"
    return int(ask(database, sql, f"{report.report_id}%"))


def test_a_quick_run_holds_and_is_no_acceptance(
    accept: Accept, endpoints: str, at: Descriptor, database: Database
) -> None:
    done = accept("--endpoints", endpoints, "--runs", "1", "--only", *QUICK)
    assert done.status == 1, "what was left out was not tried"
    report = done.report
    assert is_sealed(report)
    assert report.stand_in == LOCAL_CLUSTER
    assert report.endpoints == {region: at.endpoints[region].host for region in REGIONS}
    assert [each.name for each in report.promises if each.name in QUICK] == list(QUICK)
    for each in report.promises:
        wanted = Standing.HELD if each.name in QUICK else Standing.NOT_TRIED
        assert each.standing is wanted, each
    assert "Not tried fence: Left out by --only." in done.err
    # Here is no role to show admin's token for.
    tokens = done.promise("tokens")
    assert tokens.tried == 11 * len(REGIONS)
    assert "There is no role but admin" in tokens.seen
    assert "BROKEN" not in done.err
    assert {each.region: each.commits for each in report.latencies} == dict.fromkeys(REGIONS, 10)
    assert tables_of(database, report) == 0
    assert done.files[0].with_suffix(".html").read_text().startswith("<!doctype html>")
    # It would stand before a whole one.
    assert ask(database, KEPT, report.report_id) == 0
    assert "not kept in the database: only some promises" in done.err


def test_a_run_that_may_cost_nothing_tries_nothing(
    accept: Accept, endpoints: str, database: Database
) -> None:
    done = accept("--endpoints", endpoints, "--runs", "1", "--limit-usd", "0")
    assert done.status == 1
    assert done.report.spent.stopped
    assert {each.standing for each in done.report.promises} == {Standing.NOT_TRIED}
    assert "Not tried tokens: Stopped at the limit of $0.00." in done.err
    assert tables_of(database, done.report) == 0


@pytest.mark.slow
def test_a_run_stops_between_two_tries_when_it_has_cost_enough(
    accept: Accept, endpoints: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nearly_spent(ground: Any, trial: Any) -> Promise:
        ground.limit_usd = ground.spent_usd + 1e-9
        return await one_key.check(ground, trial)

    monkeypatch.setitem(run._CHECKS, "one-key-one-row", nearly_spent)
    done = accept("--endpoints", endpoints, "--runs", "3")
    standings = {each.name: each.standing for each in done.report.promises}
    assert standings["tokens"] is standings["isolation"] is Standing.HELD
    assert {standings[name] for name in list(standings)[2:]} == {Standing.NOT_TRIED}
    assert done.report.spent.stopped
    assert done.report.spent.spent_usd > 0
    assert "Not tried one-key-one-row: Stopped at the limit" in done.err
    assert "Not tried region-loss: Stopped at the limit" in done.err
    assert done.status == 1
    assert tables_of(database, done.report) == 0


def test_tables_are_dropped_also_after_a_failure_of_our_own(
    accept: Accept, endpoints: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    async def fail(ground: Any, _trial: object) -> Promise:
        async with ground.connected("us-east-1") as line:
            made.append(await line.fetchval(f"SELECT count(*) FROM {ground.tables.keys}"))
        raise ZeroDivisionError

    monkeypatch.setitem(run._CHECKS, "tokens", fail)
    with pytest.raises(ZeroDivisionError):
        accept("--endpoints", endpoints, "--runs", "1", "--only", "tokens")
    assert made == [0]
    left = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^accept_.*_keys$'"
    assert ask(database, left) == 0


@pytest.mark.slow
def test_a_database_that_fails_in_the_middle_is_told_and_the_next_promise_is_tried(
    accept: Accept, endpoints: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> Promise:
        raise ExceptionGroup("both", [ConnectionResetError("the line broke")])

    monkeypatch.setitem(run._CHECKS, "tokens", fail)
    done = accept("--endpoints", endpoints, "--runs", "1", "--only", *QUICK)
    assert "Not tried tokens: Ended by an error: the line broke." in done.err
    assert done.promise("one-key-one-row").standing is Standing.HELD


@pytest.mark.slow
def test_a_larger_run_cuts_the_fence_too_and_leaves_fans_with_nobody_to_ask(
    accept: Accept, endpoints: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less patience, so that the test has less to wait for.
    monkeypatch.setattr(Fence, "resolve", partialmethod(Fence.resolve, deadline_s=1.5))
    done = accept("--endpoints", endpoints, "--runs", "5", "--only", "fence")
    promise = done.promise("fence")
    assert promise.standing is Standing.HELD, done.err
    assert re.search(r"and [1-9][0-9]* fans had to ask again", promise.seen), promise.seen
    at_commit = re.search(r"; ([0-9]+) purchases had a COMMIT", promise.seen)
    assert at_commit is not None
    # Four while every packet is cut, and most of those whose fence is cut as well.
    assert int(at_commit[1]) > 10
    twice = re.search(
        r"In ([0-9]+) purchases the connection that asks was cut as well, and in ([0-9]+) there",
        promise.seen,
    )
    assert twice is not None, promise.seen
    assert int(twice[1]) > 5
    assert int(twice[2]) == len(REGIONS)


@pytest.mark.slow
def test_a_whole_run_holds(accept: Accept, endpoints: str, database: Database) -> None:
    done = accept("--endpoints", endpoints, "--runs", "5", "--json")
    assert done.status == 0, done.err
    assert "kept" not in done.err
    told = json.loads(done.out.splitlines()[-1])
    assert told["passed"] is True
    report = done.report
    assert report.passed
    # The cluster that was accepted has it, too.
    assert ask(database, KEPT, report.report_id) == 1
    assert [each.name for each in report.promises] == [
        name for name in NAMES if name in {each.name for each in report.promises}
    ]
    assert {each.name for each in report.promises} >= set(NAMES) - {"least-privilege"}
    fired = {(each.code, each.arrival): each for each in report.stampedes}
    assert len(fired) == 4
    for each in fired.values():
        assert (each.runs, each.without, each.above_zero, each.holders_high) == (5, 0, 0, 1)
    assert 0 < report.spent.spent_usd <= report.spent.estimated_usd
    fence = done.promise("fence").seen
    assert fence.endswith("nobody to ask for a while.")
    sold = "SELECT count(*) FROM op_log WHERE event_id = $1 AND kind = 'sell'"
    # Those of the fence, of the stampedes, and of the fans around the losses.
    assert ask(database, sold, f"evt_{report.report_id}") > 20 + 60
    assert tables_of(database, report) == 0
