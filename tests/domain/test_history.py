"""Histories as JSON lines: nothing is lost, and a line that was changed is refused by number."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.planted import busy_floor

from worldseat.domain import history
from worldseat.domain.history import HistoryError, dump, load
from worldseat.domain.run import Operation, Outcome

HISTORIES = busy_floor().histories


def lines_of(run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in dump(HISTORIES[run]).splitlines()]


def text_of(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


TEXT = st.text(max_size=12)
NS = st.integers(0, 2**62)


@st.composite
def operations(draw: st.DrawFn) -> list[Operation]:
    found = []
    for process in sorted(draw(st.sets(st.integers(0, 1_000), max_size=8))):
        kind = draw(st.sampled_from(["sell", "read"]))
        begun = draw(NS)
        found.append(
            Operation(
                run_id=draw(TEXT),
                process=process,
                kind=kind,
                op_id=draw(TEXT),
                seat_index=draw(st.integers(0, 99_999)),
                fan_id=draw(TEXT),
                region=draw(TEXT),
                outcome=draw(st.sampled_from(Outcome)),
                reason=draw(TEXT),
                attempts=draw(st.integers(0, 50)),
                conflicts=draw(st.integers(0, 50)),
                t_invoke_ns=begun,
                t_return_ns=draw(st.none() | st.integers(begun, 2**63)),
                observed_op_id=draw(st.none() | TEXT) if kind == "read" else None,
            )
        )
    return found


@settings(max_examples=200, deadline=None)
@given(made=operations())
def test_what_is_written_is_read_back_without_loss(made: list[Operation]) -> None:
    assert load(dump(made)) == made


@pytest.mark.parametrize("run", HISTORIES)
def test_a_stampedes_history_comes_back(run: str) -> None:
    assert load(dump(HISTORIES[run])) == HISTORIES[run]


def test_lines_are_jepsens() -> None:
    lines = lines_of("run_0")
    assert len(lines) == 2 * 9
    assert [line["index"] for line in lines] == list(range(18))
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert Counter(line["type"] for line in lines) == {"invoke": 9, "ok": 2, "fail": 7}
    invoke, *_ = lines
    assert invoke["f"] == "sell"
    assert invoke["value"] == [0, invoke["op_id"]]
    read = lines[-1]
    assert (read["type"], read["f"]) == ("ok", "read")
    assert read["value"] == [0, HISTORIES["run_0"][0].op_id]


def test_every_process_begins_before_it_ends_and_unknown_ends_last() -> None:
    lines = lines_of("run_4")
    for process in {line["process"] for line in lines}:
        assert [each["type"] == "invoke" for each in lines if each["process"] == process] == [
            True,
            False,
        ]
    unknown = [line for line in lines if line["type"] == "info"]
    assert {line["time"] for line in unknown} == {lines[-1]["time"]}


def test_an_empty_history_is_empty() -> None:
    assert dump([]) == b""
    assert load(b"") == []


def test_two_operations_of_one_process_are_not_written() -> None:
    one = HISTORIES["run_0"][0]
    with pytest.raises(ValueError, match="process of its own"):
        dump([one, one])


Change = Callable[[list[dict[str, Any]]], int]


def changed(line: int, **fields: Any) -> Change:
    def change(lines: list[dict[str, Any]]) -> int:
        lines[line].update(fields)
        return line + 1

    return change


def dropped(line: int, field: str) -> Change:
    def change(lines: list[dict[str, Any]]) -> int:
        del lines[line][field]
        return line + 1

    return change


def removed(lines: list[dict[str, Any]]) -> int:
    del lines[4]
    return 5


def cut_short(lines: list[dict[str, Any]]) -> int:
    del lines[-1]
    return len(lines)


def begun_twice(lines: list[dict[str, Any]]) -> int:
    lines[1]["process"] = lines[0]["process"]
    return 2


def ended_twice(lines: list[dict[str, Any]]) -> int:
    ends = [index for index, line in enumerate(lines) if line["type"] != "invoke"]
    lines[ends[1]]["process"] = lines[ends[0]]["process"]
    return ends[1] + 1


def ended_as_another(lines: list[dict[str, Any]]) -> int:
    end = next(index for index, line in enumerate(lines) if line["type"] != "invoke")
    lines[end]["op_id"] = "op_eve_0"
    return end + 1


def ended_on_another_seat(lines: list[dict[str, Any]]) -> int:
    end = next(index for index, line in enumerate(lines) if line["type"] != "invoke")
    lines[end]["value"][0] = 5
    return end + 1


def value_of_another(lines: list[dict[str, Any]]) -> int:
    end = next(index for index, line in enumerate(lines) if line["type"] != "invoke")
    lines[end]["value"][1] = "op_eve_0"
    return end + 1


def type_nobody_knows(lines: list[dict[str, Any]]) -> int:
    end = next(index for index, line in enumerate(lines) if line["type"] != "invoke")
    lines[end]["type"] = "maybe"
    return end + 1


CHANGES: dict[str, tuple[Change, str]] = {
    "a field too many": (changed(2, extra=1), "unknown field 'extra'"),
    "a field too few": (dropped(2, "fan_id"), "no field 'fan_id'"),
    "text for a number": (changed(2, process="2"), "'process' is not int"),
    "true for a number": (changed(2, process=True), "'process' is not int"),
    "a broken time": (changed(2, time=1.5), "'time' is not int"),
    "no value": (changed(2, value=[]), "'value' is not"),
    "half a value": (changed(2, value=[0]), "'value' is not"),
    "true for a seat": (changed(2, value=[True, "x"]), "'value' is not"),
    "a number for an op_id": (changed(2, value=[0, 1]), "'value' is not"),
    "another index": (changed(2, index=7), "'index' is 7"),
    "a long line": (changed(2, fan_id="x" * 5_000), "longer than 4,096 bytes"),
    "a line removed": (removed, "'index' is 5"),
    "the last line removed": (cut_short, "1 operations have no end"),
    "begun twice": (begun_twice, "begins twice"),
    "ended twice": (ended_twice, "without a beginning of its own"),
    "ended as another": (ended_as_another, "another operation"),
    "ended on another seat": (ended_on_another_seat, "another operation"),
    "the value of another": (value_of_another, "does not carry the op_id"),
    "a type nobody knows": (type_nobody_knows, "unknown type 'maybe'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_line_is_refused_with_its_number(name: str) -> None:
    change, why = CHANGES[name]
    lines = lines_of("run_0")
    number = change(lines)
    with pytest.raises(HistoryError, match=f"^line {number}: .*") as caught:
        load(text_of(lines))
    assert caught.value.line == number
    assert why in caught.value.message


@pytest.mark.parametrize(
    "line",
    [b"{", b"\xff", b"[]", b"null", b"[" * 4_000, b"9" * 4_090, b"", b'"x"'],
    ids=["open", "bytes", "list", "null", "deep", "digits", "empty", "text"],
)
def test_a_line_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(HistoryError) as caught:
        load(dump(HISTORIES["run_0"]) + line + b"\n")
    assert caught.value.line == 19


def test_a_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "OPERATIONS_MAX", 5)
    with pytest.raises(HistoryError, match="line 11: more than 5 operations"):
        load(dump(HISTORIES["run_0"]))
