"""`worldseat compare` as a person runs it."""

import asyncio
import json

import asyncpg
import pytest

from .conftest import Worldseat

# Sizes that no other test fires: the matrix counts the runs of all events.
BUYERS = "14"


async def test_what_is_missing_is_fired_once_and_counted(
    worldseat: Worldseat, sql: asyncpg.Connection
) -> None:
    words = ("--runs", "2", "--buyers", BUYERS, "--store", "dsql", "--arrival", "burst", "--json")
    some = (*words, "--code", "naive", "--seed", "3")
    done = await asyncio.to_thread(worldseat, "compare", *some)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["comparison"]["planned"], found["comparison"]["done"]) == (4, 4)
    assert found["comparison"]["problems"] == []
    measured = {
        (place["code"], place["arrival"], place["reach"]): place["measured"]
        for place in found["places"]
        if place["store"] == "dsql" and place["installed"]
    }
    for reach in ("one", "both"):
        cell = measured["naive", "burst", reach]
        assert (cell["runs"], cell["above_zero"], cell["holders"]["high"]) == (2, 0, 1)
        for run_id in cell["run_ids"]:
            count = await sql.fetchval(
                "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'", run_id
            )
            assert count == 1
    assert measured["conditional", "burst", "both"] is None

    again = json.loads((await asyncio.to_thread(worldseat, "compare", *some)).stdout)
    assert (again["comparison"]["planned"], again["comparison"]["run_ids"]) == (0, [])
    more = ("compare", *words, "--code", "conditional", "--regions", "both")
    assert json.loads((await asyncio.to_thread(worldseat, *more)).stdout)["comparison"]["done"] == 2


@pytest.mark.slow
def test_the_matrix_fits_a_terminal_and_says_what_nobody_measured(worldseat: Worldseat) -> None:
    done = worldseat(
        "compare", "--runs", "1", "--buyers", "15", "--code", "naive", "--arrival", "burst"
    )
    assert done.returncode == 0, done.stderr
    assert "holders of one seat," in done.stdout
    assert "15 buyers at once" in done.stdout
    assert "Aurora DSQL on local DSQL cluster" in done.stdout
    assert "0 of 1" in done.stdout
    assert "not measured in 6 places." in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--runs", "-1"), "--runs is 0 or more."),
        (("--runs", "1", "--arrival", "soon"), "arrival is 'burst' or"),
        (("--runs", "1", "--store", "oracle"), "Nothing in the matrix is like that."),
        (("--runs", "1", "--event", "evt_nowhere"), "There is no event 'evt_nowhere'."),
        (("--buyers", "1001", "--runs", "1"), "2 to 1,000 buyers"),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence_and_status_2(
    here: Worldseat, words: tuple[str, ...], said: str
) -> None:
    done = here("compare", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
