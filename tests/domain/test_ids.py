"""Derived ids: the same always gives the same, and nothing else does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worldseat.domain import ids

PARTS = st.lists(st.text(max_size=8), max_size=4)


@given(one=PARTS, other=PARTS)
def test_a_digest_stands_for_its_parts(one: list[str], other: list[str]) -> None:
    assert (ids.digest(*one) == ids.digest(*other)) == (one == other)


def test_parts_do_not_run_into_each_other() -> None:
    assert ids.digest("ab", "c") != ids.digest("a", "bc")
    assert ids.digest("a") != ids.digest("a", "")
    assert ids.digest() != ids.digest("")


def test_a_digest_never_changes_between_versions() -> None:
    """Stored rows carry them: another value would orphan every claim."""
    assert ids.digest("claim", "fan_ada", "key") == "7a2uk5vwdz5w74slroab7u22yc"


@given(parts=PARTS)
def test_a_digest_is_26_characters_of_base32(parts: list[str]) -> None:
    assert re.fullmatch(r"[a-z2-7]{26}", ids.digest(*parts))


def test_a_claim_is_one_fans_one_key() -> None:
    claim = ids.claim_id("fan_ada", "key")
    assert claim.startswith("clm_")
    assert claim == ids.claim_id("fan_ada", "key")
    assert claim not in {ids.claim_id("fan_bo", "key"), ids.claim_id("fan_ada", "other")}


def test_ids_of_one_sale_carry_the_claim() -> None:
    claim = ids.claim_id("fan_ada", "key")
    stem = claim.removeprefix("clm_")
    assert ids.op_id(claim, 0) == f"op_{stem}_0"
    assert ids.op_id(claim, 1) == f"op_{stem}_1"
    assert ids.ticket_id(ids.op_id(claim, 0)) == f"tkt_{stem}_0"


def test_a_release_is_named_by_what_it_releases() -> None:
    one = ids.release_id("run_1", 0, "op_a_0")
    assert one == ids.release_id("run_1", 0, "op_a_0")
    assert re.fullmatch(r"op_[a-z2-7]{26}_0", one)
    others = {
        ids.release_id("run_2", 0, "op_a_0"),
        ids.release_id("run_1", 1, "op_a_0"),
        ids.release_id("run_1", 0, "op_b_0"),
    }
    assert len(others | {one}) == 4


@pytest.mark.parametrize(
    "other", [("fan_bo", "evt", (1, 2)), ("fan_ada", "evt_2", (1, 2)), ("fan_ada", "evt", (1,))]
)
def test_a_request_is_told_from_every_other(other: tuple[str, str, tuple[int, ...]]) -> None:
    asked = ids.request_hash("fan_ada", "evt", (1, 2))
    assert asked == ids.request_hash("fan_ada", "evt", (2, 1))
    assert asked != ids.request_hash(*other)
