"""`worldseat cost` as a person runs it."""

import json

import pytest

from .conftest import Worldseat


@pytest.mark.slow
def test_what_tickets_cost_is_printed_and_is_no_figure_before_it_was_counted(
    worldseat: Worldseat,
) -> None:
    # A size that no other test fires.
    words = ("--buyers", "21", "--json")
    fired = worldseat("break-it", "--code", "conditional", *words)
    assert fired.returncode == 0, fired.stderr
    done = worldseat("cost", "--tickets", "5000", *words)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["tickets"], found["buyers"]) == (5_000, 21)
    lines = {(line["code"], line["case"]): line["counted"] for line in found["lines"]}
    assert lines["conditional", "pressed"]["runs"] == 1
    assert lines["naive", "pressed"] is None
    told = worldseat("cost", "--buyers", "21")
    assert told.returncode == 0, told.stderr
    said = " ".join(told.stdout.split())
    assert "What 100,000 tickets cost." in said
    assert "counted on the local DSQL cluster, a stand-in" in said
    assert "naive code, 21 press for each seat not measured yet" in said
    assert "What this takes for granted" in said
    assert max(len(line) for line in told.stdout.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tickets", "0"), "--tickets is 1 to 1,000,000,000."),
        (("--buyers", "1"), "--buyers is 2 to 1,000."),
    ],
)
def test_what_cannot_be_asked_gets_a_sentence_and_status_2(
    here: Worldseat, words: tuple[str, ...], said: str
) -> None:
    done = here("cost", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
