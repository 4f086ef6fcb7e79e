"""The formulas against AWS's own examples, against somebody's bill, and against themselves."""

import math
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worldseat.domain import cost
from worldseat.domain.cost import NOTHING, PRICES, Dpu, Footprint, Sent, dpu, estimate, usd

sizes = st.lists(st.integers(0, 100_000), max_size=20)
footprints = st.builds(cost.transaction, statements=st.integers(0, 50), read=sizes, written=sizes)
sents = st.builds(Sent, committed=footprints, aborted=footprints, looked=footprints)


def close(one: Dpu, other: Dpu) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
        for a, b in zip(astuple(one), astuple(other), strict=True)
    )


# AWS's examples: "Billing examples" in the user guide's "How billing works in Aurora DSQL"


@pytest.mark.parametrize(
    ("footprint", "compute_ms", "compute", "read", "write"),
    [
        # A point lookup that reads 500 bytes, all in one storage partition: the minimum counts.
        (cost.transaction(statements=1, read=[500]), 3, 0.003, 0.00375, 0.0),
        # A scan of 100 rows of 100 bytes in one partition.
        (cost.transaction(statements=1, read=[10_000]), 8, 0.008, 0.01831, 0.0),
        # One row of 100 bytes inserted: 128 by the minimum of a row, 1,024 by the transaction's.
        (cost.transaction(statements=1, read=[16], written=[100]), 8, 0.008, 0.00375, 0.05),
        # 100 rows of 100 bytes inserted; 100 keys of 16 bytes looked up in one partition.
        (
            cost.transaction(statements=1, read=[1_600], written=[100] * 100),
            80,
            0.08,
            0.00375,
            0.625,
        ),
    ],
)
def test_the_published_examples(
    footprint: Footprint, compute_ms: float, compute: float, read: float, write: float
) -> None:
    alone = replace(PRICES, peers=0)
    found = dpu(footprint, alone, compute_ms=compute_ms)
    assert found.compute == pytest.approx(compute)
    assert found.read == pytest.approx(read, abs=0.000_005)
    assert found.write == pytest.approx(write, abs=0.000_05)
    assert found.total == pytest.approx(compute + read + write, abs=0.000_05)


def test_a_published_bill_of_somebody_elses() -> None:
    """A run on AWS, of 2026-05-08, with CloudWatch's DPU: see the sources of domain/cost.py.

    Rows of the usual sysbench tables are some 200 bytes, so the minima decide both formulas.
    """
    statements, writes = 19_203_916, 1_593_430 + 652_960 + 95_836
    reading = cost.transaction(statements=1, read=[200]).times(statements - writes)
    writing = cost.transaction(statements=1, read=[200], written=[200]).times(writes)
    found = dpu(reading + writing, replace(PRICES, peers=0))
    assert found.write == pytest.approx(117_017.27, rel=0.005)
    assert found.read == pytest.approx(73_143.42, rel=0.02)
    # The lower end is this run's mean, so this holds the constant and proves no formula.
    assert found.compute == pytest.approx(51_990.53, rel=0.005)
    assert usd(found) == pytest.approx(1.94, rel=0.01)


def test_what_is_written_is_billed_again_for_the_other_region() -> None:
    found = dpu(cost.transaction(statements=2, read=[1], written=[5_000, 60]))
    assert found.write == pytest.approx(5_128 * 0.00004883)
    assert found.multi_region_write == found.write


def test_a_million_dpu_cost_what_the_list_says() -> None:
    units = Dpu(compute=250_000, read=250_000, write=250_000, multi_region_write=250_000)
    assert usd(units) == pytest.approx(8.0)
    assert cost.storage_usd_month(1e9) == pytest.approx(0.66)


# what must hold for any numbers


def test_nothing_costs_nothing() -> None:
    nothing = estimate(Sent())
    assert nothing.low == nothing.high == dpu(NOTHING)
    assert (nothing.low.total, nothing.usd_low, nothing.usd_high) == (0, 0, 0)
    assert cost.transaction(statements=0) == replace(NOTHING, transactions=1)


@given(footprints, footprints)
def test_costs_add_up(one: Footprint, other: Footprint) -> None:
    together, apart = dpu(one + other), (dpu(one), dpu(other))
    summed = Dpu(
        compute=apart[0].compute + apart[1].compute,
        read=apart[0].read + apart[1].read,
        write=apart[0].write + apart[1].write,
        multi_region_write=apart[0].multi_region_write + apart[1].multi_region_write,
    )
    assert close(together, summed)
    assert one + NOTHING == one


@given(footprints, st.floats(0, 1_000_000))
def test_so_many_times_as_much_costs_so_many_times_as_much(of: Footprint, factor: float) -> None:
    scaled = dpu(of.times(factor))
    assert math.isclose(scaled.total, dpu(of).total * factor, rel_tol=1e-9, abs_tol=1e-12)


@given(st.integers(0, 50), sizes, sizes, st.integers(0, 100_000))
def test_whoever_sends_more_never_pays_less(
    statements: int, read: list[int], written: list[int], more: int
) -> None:
    before = dpu(cost.transaction(statements=statements, read=read, written=written))
    for dearer in (
        cost.transaction(statements=statements + 1, read=read, written=written),
        cost.transaction(statements=statements, read=[*read, more], written=written),
        cost.transaction(statements=statements, read=read, written=[*written, more]),
    ):
        after = dpu(dearer)
        pairs = zip(astuple(before), astuple(after), strict=True)
        assert all(was <= becomes for was, becomes in pairs)


@given(sizes, sizes)
def test_the_minima_are_kept(read: list[int], written: list[int]) -> None:
    of = cost.transaction(statements=1, read=read, written=written)
    assert of.billed_read >= max(of.bytes_read, 128 * len(read))
    assert of.billed_written >= max(of.bytes_written, 128 * len(written))
    assert of.billed_read >= 2_048 if read else of.billed_read == 0
    assert of.billed_written >= 1_024 if written else of.billed_written == 0


@given(sents)
def test_the_upper_end_is_never_below_the_lower_one(sent: Sent) -> None:
    found = estimate(sent)
    pairs = zip(astuple(found.low), astuple(found.high), strict=True)
    assert all(low <= high for low, high in pairs)
    assert found.usd_low <= found.usd_high


@given(footprints)
def test_what_was_not_committed_is_written_at_the_upper_end_only(of: Footprint) -> None:
    found = estimate(Sent(aborted=of))
    assert found.low.write == found.low.multi_region_write == 0
    assert found.high.write == dpu(of).write
    assert close(estimate(Sent(looked=of)).high, found.high)
