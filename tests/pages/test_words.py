"""Numbers, money and moments in words."""

import pytest

from worldseat.domain.event import Money
from worldseat.web.views import words


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (15_000, "USD", "$150"),
        (14_950, "USD", "$149.50"),
        (120_000, "EUR", "€1,200"),
        (905, "CHF", "CHF 9.05"),
        (0, "USD", "$0"),
    ],
)
def test_money(minor: int, currency: str, shown: str) -> None:
    assert words.money(Money(minor=minor, currency=currency)) == shown


def test_numbers_agree_with_their_nouns() -> None:
    assert words.of(1, "holder") == "1 holder"
    assert words.of(1_284, "history", "histories") == "1,284 histories"
    assert [words.times(number) for number in (1, 2, 60)] == ["once", "twice", "60 times"]
    assert [words.spelled(number) for number in (2, 11)] == ["two", "11"]


def test_moments_are_told_in_utc() -> None:
    assert words.clock("2026-11-24T15:02:11.5+01:00") == "14:02:11 UTC"
    assert words.day("2026-11-25T00:30:00+01:00") == "2026-11-24"


def test_durations() -> None:
    assert words.milliseconds(312.4) == "312 ms"
    assert words.milliseconds(12_345) == "12.3 s"


def test_long_ids_are_cut_and_short_words_are_not() -> None:
    text = f"us-east-1: run_{'a2' * 13} sold A1"
    assert words.short_ids(text) == "us-east-1: run_a2a2a2a2… sold A1"
