"""With one promise broken on purpose, a run fails, and names the promise. Numbers are small."""

from pathlib import Path

import pytest
from tests.acceptance.conftest import Accept, cluster

from worldseat.acceptance.plan import NAMES
from worldseat.domain.acceptance import Standing

pytestmark = pytest.mark.slow

BREAKS = {
    "a_conflict_is_let_through": {"isolation", "stampedes"},
    "a_token_is_not_checked": {"tokens"},
    "a_login_in_clear_is_heard": {"tokens"},
    "a_token_never_ends": {"tokens"},
    "a_commit_is_lost": {"read-after-commit", "fence", "region-loss"},
    "a_key_is_not_kept": {"one-key-one-row"},
    "a_region_reads_the_past": {"read-after-commit"},
}
"""Each fault, and the promises that must be broken by it."""

HOLDS = {
    "a_conflict_is_let_through": {"tokens"},
    "a_token_is_not_checked": {"isolation", "one-key-one-row"},
    "a_login_in_clear_is_heard": {"one-key-one-row"},
    "a_token_never_ends": {"isolation"},
    "a_commit_is_lost": {"tokens"},
    "a_key_is_not_kept": {"isolation", "read-after-commit", "tokens"},
    "a_region_reads_the_past": {"isolation", "one-key-one-row"},
}
"""And what must hold all the same: a run that fails everything would tell nothing."""


@pytest.mark.parametrize("fault", BREAKS)
def test_a_broken_promise_is_found_and_named(accept: Accept, tmp_path: Path, fault: str) -> None:
    only = BREAKS[fault] | HOLDS[fault]
    with cluster(tmp_path / "cluster", fault) as endpoints:
        done = accept("--endpoints", str(endpoints), "--runs", "2", "--only", *sorted(only))
    assert done.status == 1, done.err
    standings = {name: done.promise(name).standing for name in NAMES if name in only}
    assert {name for name, it in standings.items() if it is Standing.BROKEN} == BREAKS[fault]
    assert {name for name, it in standings.items() if it is Standing.HELD} == HOLDS[fault]
    for name in BREAKS[fault]:
        assert f"BROKEN {name}: " in done.err
        assert any(not case.held for case in done.promise(name).cases)
    for name in HOLDS[fault]:
        assert f"BROKEN {name}" not in done.err
