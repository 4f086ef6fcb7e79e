"""Verdicts in words. A pass says what was looked at; it never says that anything is proved."""

from collections.abc import Sequence

from worldseat.domain.verdict import Unknowns, Violation


def of_floor(
    violations: Sequence[Violation],
    *,
    operations: int,
    seats: int,
    missing: int,
    unknowns: Unknowns,
) -> str:
    """Return the verdict on a whole round; `violations` worst first."""
    looked_at = f"{count(operations, 'operation')} on {count(seats, 'seat')} of this round"
    if violations:
        said = f"{_worst(violations)} found in {looked_at}."
    elif not operations:
        return "Nothing has happened in this round yet, so there is nothing to judge."
    else:
        said = f"No violation found in {looked_at}."
    if missing:
        said += (
            f" {count(missing, 'stampede')} without a history, running or interrupted: judged by "
            "committed rows only."
        )
    if unknowns.unresolved:
        said += f" {count(unknowns.unresolved, 'outcome')} still unknown."
    return said


def of_seat(violations: Sequence[Violation], *, operations: int, seat: str) -> str:
    """Return the verdict on one seat; `violations` are the seat's own, worst first."""
    looked_at = f"{count(operations, 'operation')} on seat {seat} in this round"
    if violations:
        return f"{_worst(violations)} found in {looked_at}."
    if not operations:
        return f"Nobody has asked for seat {seat} in this round yet, so there is nothing to judge."
    return f"No violation found in {looked_at}."


def of_run(violations: Sequence[Violation], *, operations: int, seat: str, holders: int) -> str:
    """Return the verdict on one stampede; without anybody confirmed there is no result."""
    looked_at = count(operations, "operation")
    if violations:
        return f"{_worst(violations)} found in {looked_at}."
    if not holders:
        return f"No result: nobody was confirmed in {looked_at}."
    return f"Seat {seat} was sold {times(holders)}. No violation found in {looked_at}."


def times(count: int) -> str:
    """Return how often, in words that read well: once, twice, 60 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 sale, 60 sales, 1,284 operations."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _worst(violations: Sequence[Violation]) -> str:
    return f"{violations[0].sentence} {count(len(violations), 'violation')}"
