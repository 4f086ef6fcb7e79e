"""The `worldseat` command as a person runs it: real processes on one embedded database."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from worldseat.domain.seats import Mode

from .conftest import Done, Worldseat

HALL = Path(__file__).parents[2] / "venues" / "hall-96.json"
BREAK_IT_FIELDS = {
    "run_id",
    "store",
    "stand_in",
    "code",
    "arrival",
    "seat",
    "buyers",
    "in_flight_max",
    "confirmed",
    "refused",
    "errors",
    "unknown",
    "conflicts",
    "retries_max",
    "retries_total",
    "oversold",
    "duration_ms",
    "app_believed",
    "log_committed",
    "seat_table_shows",
    "verdict",
}


def made(worldseat: Worldseat, title: str, mode: Mode = Mode.REHEARSAL) -> str:
    done = worldseat(
        *("event", "create", "--venue", str(HALL), "--title", title, "--price", "95.00"),
        *("--mode", mode.value, "--json"),
    )
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["price"] == {"minor": 9500, "currency": "USD"}
    assert (event["seat_count"], event["mode"]) == (96, mode.value)
    return str(event["event_id"])


def lines(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_break_it_prints_one_object_per_run_and_plain_sql_agrees(
    worldseat: Worldseat, sql: asyncpg.Connection
) -> None:
    event_id = await asyncio.to_thread(made, worldseat, "BREAK IT")
    done = await asyncio.to_thread(
        worldseat, "break-it", "--event", event_id, "--runs", "3", "--seed", "7", "--json"
    )
    assert done.returncode == 0, done.stderr
    reports = lines(done)
    assert len(reports) == 3
    for number, report in enumerate(reports):
        assert set(report) >= BREAK_IT_FIELDS
        assert (report["oversold"], report["confirmed"], report["refused"]) == (0, 1, 59)
        assert (report["seat"], report["seed"]) == ("A1", 7 + number)
        assert report["stand_in"] == "local DSQL cluster"
        count = await sql.fetchval(
            "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'", report["run_id"]
        )
        assert count == report["log_committed"] == 1


@pytest.mark.slow
def test_break_it_in_words_names_the_stand_in_and_the_denominator(worldseat: Worldseat) -> None:
    event_id = made(worldseat, "IN WORDS")
    done = worldseat("break-it", "--event", event_id, "--buyers", "8", "--arrival", "spread:50ms")
    assert done.returncode == 0, done.stderr
    assert "local DSQL cluster" in done.stdout
    assert "Oversold 0 in 1 of 1 runs, counted from committed rows." in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--buyers", "1"), "2 to 1,000 buyers"),
        (("--buyers", "1001"), "2 to 1,000 buyers"),
        (("--arrival", "trickle"), "arrival is 'burst'"),
        (("--arrival", "spread:0ms"), "arrival is 'burst'"),
        (("--seat", "Z99"), "no seat"),
        (("--store", "dynamo"), "No store"),
        (("--event", "evt_none"), "no event"),
        (("--event", "evt_aurora-club"), "is live"),
        (("--runs", "0"), "--runs is 1 to"),
        (("--url", "http://127.0.0.1:1"), "Nothing answers"),
    ],
)
def test_bad_words_get_a_sentence_and_status_2(
    here: Worldseat, words: tuple[str, ...], said: str
) -> None:
    done = here("break-it", *words, "--json")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


async def test_the_witness_passes_and_fails_by_its_exit_status(
    worldseat: Worldseat, sql: asyncpg.Connection
) -> None:
    event_id = await asyncio.to_thread(made, worldseat, "WITNESSED")
    await asyncio.to_thread(worldseat, "break-it", "--event", event_id, "--seat", "B2", "--json")
    clean = await asyncio.to_thread(worldseat, "witness", "--event", event_id)
    assert clean.returncode == 0, clean.stderr
    assert "No violation found in 6" in clean.stdout
    await sql.execute(
        "UPDATE seat SET status = 'open', fan_id = NULL, op_id = 'root' "
        "WHERE event_id = $1 AND status = 'sold'",
        event_id,
    )
    tampered = await asyncio.to_thread(worldseat, "witness", "--event", event_id, "--json")
    assert tampered.returncode == 1
    violations = json.loads(tampered.stdout)["violations"]
    assert {each["seat"] for each in violations} == {"B2"}


@pytest.mark.slow
async def test_reset_opens_a_round_of_a_rehearsal_only(worldseat: Worldseat) -> None:
    event_id = await asyncio.to_thread(made, worldseat, "RESET")
    done = await asyncio.to_thread(worldseat, "reset", "--event", event_id, "--json")
    assert json.loads(done.stdout) == {"event_id": event_id, "round_id": "rehearsal-2"}
    live = await asyncio.to_thread(made, worldseat, "LIVE", Mode.LIVE)
    refused = await asyncio.to_thread(worldseat, "reset", "--event", live)
    assert refused.returncode == 2
    assert "cannot be reset" in refused.stderr


@pytest.mark.slow
def test_a_bad_venue_is_refused_with_its_line_and_nothing_is_made(
    worldseat: Worldseat, tmp_path: Path
) -> None:
    before = worldseat("event", "list", "--json").stdout
    bad = tmp_path / "bad.json"
    bad.write_text(HALL.read_text().replace('"name": "C", "seats": 12', '"name": "B", "seats": 12'))
    done = worldseat("event", "create", "--venue", str(bad), "--title", "BAD")
    assert done.returncode == 2
    assert "line" in done.stderr
    assert worldseat("event", "list", "--json").stdout == before


@pytest.mark.parametrize("price", ["free", "-1", "1.5", "1e3", "99999999999", "٣"])
def test_a_bad_price_is_refused(here: Worldseat, price: str) -> None:
    done = here("event", "create", "--venue", str(HALL), "--title", "X", f"--price={price}")
    assert done.returncode == 2
    assert "not a price" in done.stderr


def test_doctor_finds_all_well_and_says_what_is_wrong(worldseat: Worldseat, tmp_path: Path) -> None:
    done = worldseat("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["ok"] is True
    away = f"postgresql:///postgres?host={tmp_path}&user=nobody"
    ill = worldseat("doctor", "--json", "--us-east-1-url", away, "--us-east-2-url", away)
    assert ill.returncode == 1
    assert json.loads(ill.stdout)["ok"] is False
