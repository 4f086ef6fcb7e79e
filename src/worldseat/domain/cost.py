"""What Aurora DSQL bills for what is sent to it: the published formulas, and what they leave out.

Sources, all read in copies: no live page of AWS was asked, so look there before you rely on them.
[billing] AWS, "How billing works in Aurora DSQL", user guide, a copy from after July 2026:
https://docs.aws.amazon.com/aurora-dsql/latest/userguide/billing-metering.html
[pricing] AWS, Aurora DSQL pricing, us-east-1, as people quote it up to 2026-06-29:
https://aws.amazon.com/rds/aurora/dsql/pricing/
[measured] a run of 19,203,916 single-statement transactions on AWS with CloudWatch's figures,
2026-05-08, by people who have nothing to do with WorldSeat: https://github.com/dumanshu/db-bench

Two things are not published, so every figure is a range: how much processing time a statement takes
(it can be read off CloudWatch only), and whether writes of a transaction that did not commit are
billed. What is billed for reads and writes that commit is a formula, and the same at both ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """One price list. Sizes in bytes, times in ms, money in US dollars, `as_of` a date."""

    region: str
    as_of: str
    usd_per_million_dpu: float
    """[pricing]; the free 100,000 DPU of each month are not taken off."""
    usd_per_gb_month: float
    """[pricing]; storage is billed in each of the two Regions, and is no part of a sale here."""
    dpu_per_byte_read: float
    """[billing] ReadDPU = max(bytes read, 2,048) x this, per transaction that reads."""
    dpu_per_byte_written: float
    """[billing] WriteDPU = max(bytes written, 1,024) x this, per transaction that writes."""
    dpu_per_compute_s: float
    """[billing] ComputeDPU = seconds of processing, all of a query's parts added up."""
    row_bytes_min: int
    """[billing] A row written is billed as this much or more, a row of an index too. A read of one
    storage partition likewise."""
    read_bytes_min: int
    """[billing] per transaction that reads."""
    write_bytes_min: int
    """[billing] per transaction that writes."""
    peers: int
    """[billing] MultiRegionWriteDPU = WriteDPU for each further Region that takes writes; the
    witness Region costs nothing."""
    compute_ms_low: float
    """Not published. Processing time of a statement, BEGIN and COMMIT shared out: the mean of
    [measured], 51,990 ComputeDPU over 19.2 million statements by primary key."""
    compute_ms_high: float
    """Not published. The 0.0155 DPU that [billing] shows for an INSERT of three rows in its example
    of EXPLAIN ANALYZE VERBOSE."""
    overhead_read_bytes: int
    """Not published. What a statement may read beside its rows: that example shows 0.00307 DPU of
    reads, 1,677 bytes. Counted at the upper end only."""


PRICES = Prices(
    region="us-east-1",
    as_of="2026-06-29",
    usd_per_million_dpu=8.00,
    usd_per_gb_month=0.33,
    dpu_per_byte_read=0.00000183105,
    dpu_per_byte_written=0.00004883,
    dpu_per_compute_s=1.0,
    row_bytes_min=128,
    read_bytes_min=2_048,
    write_bytes_min=1_024,
    peers=1,
    compute_ms_low=2.7,
    compute_ms_high=15.5,
    overhead_read_bytes=1_677,
)
"""The list for two peered Regions, us-east-1 and us-east-2, with a witness Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What some transactions sent and met. Everything adds up.

    `statements` are those that read or write; BEGIN and COMMIT are not counted. `rows_written`
    counts rows of tables and of their indexes. `bytes_` are as they are; `billed_` after the minima
    of a row and of a transaction.
    """

    transactions: float = 0
    statements: float = 0
    rows_read: float = 0
    bytes_read: float = 0
    billed_read: float = 0
    rows_written: float = 0
    bytes_written: float = 0
    billed_written: float = 0

    def __add__(self, other: "Footprint") -> "Footprint":
        """Return both together."""
        return Footprint(
            transactions=self.transactions + other.transactions,
            statements=self.statements + other.statements,
            rows_read=self.rows_read + other.rows_read,
            bytes_read=self.bytes_read + other.bytes_read,
            billed_read=self.billed_read + other.billed_read,
            rows_written=self.rows_written + other.rows_written,
            bytes_written=self.bytes_written + other.bytes_written,
            billed_written=self.billed_written + other.billed_written,
        )

    def times(self, factor: float) -> "Footprint":
        """Return `factor` times as much of everything."""
        return Footprint(
            transactions=self.transactions * factor,
            statements=self.statements * factor,
            rows_read=self.rows_read * factor,
            bytes_read=self.bytes_read * factor,
            billed_read=self.billed_read * factor,
            rows_written=self.rows_written * factor,
            bytes_written=self.bytes_written * factor,
            billed_written=self.billed_written * factor,
        )


NOTHING = Footprint()


def transaction(
    *,
    statements: int,
    read: Iterable[int] = (),
    written: Iterable[int] = (),
    prices: Prices = PRICES,
) -> Footprint:
    """Return the footprint of one transaction. `read` and `written` are the sizes of its rows.

    Rows of indexes are rows written too. A row that is written is read first, to see whether its
    key is free; who counts says with which size. The rows read are taken to lie in one storage
    partition each, the dearest case.
    """
    reads, writes = tuple(read), tuple(written)
    billed_read = sum(max(size, prices.row_bytes_min) for size in reads)
    billed_written = sum(max(size, prices.row_bytes_min) for size in writes)
    return Footprint(
        transactions=1,
        statements=statements,
        rows_read=len(reads),
        bytes_read=sum(reads),
        billed_read=max(billed_read, prices.read_bytes_min) if reads else 0,
        rows_written=len(writes),
        bytes_written=sum(writes),
        billed_written=max(billed_written, prices.write_bytes_min) if writes else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What transactions sent, by how they ended.

    `committed` wrote; `aborted` would have written and lost (a conflict, a key that existed, a
    connection that broke); `looked` read and wrote nothing, because the seat was taken.
    """

    committed: Footprint = NOTHING
    aborted: Footprint = NOTHING
    looked: Footprint = NOTHING

    def __add__(self, other: "Sent") -> "Sent":
        """Return both together."""
        return Sent(
            committed=self.committed + other.committed,
            aborted=self.aborted + other.aborted,
            looked=self.looked + other.looked,
        )

    def times(self, factor: float) -> "Sent":
        """Return `factor` times as much of everything."""
        return Sent(
            committed=self.committed.times(factor),
            aborted=self.aborted.times(factor),
            looked=self.looked.times(factor),
        )

    @property
    def total(self) -> Footprint:
        """Return everything, however it ended."""
        return self.committed + self.aborted + self.looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Dpu:
    """Distributed Processing Units, by what they are billed for."""

    compute: float
    read: float
    write: float
    multi_region_write: float

    @property
    def total(self) -> float:
        """Return what the bill shows: one line."""
        return self.compute + self.read + self.write + self.multi_region_write


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What something costs, at both ends of what is not published. Money in US dollars."""

    low: Dpu
    high: Dpu
    usd_low: float
    usd_high: float


def dpu(
    footprint: Footprint,
    prices: Prices = PRICES,
    *,
    compute_ms: float | None = None,
    overhead_read_bytes: int = 0,
) -> Dpu:
    """Return what the formulas give. `compute_ms` is a statement's processing time.

    Without one it is the lower end of what is known.
    """
    per_statement_ms = prices.compute_ms_low if compute_ms is None else compute_ms
    write = footprint.billed_written * prices.dpu_per_byte_written
    read = footprint.billed_read + footprint.statements * overhead_read_bytes
    return Dpu(
        compute=footprint.statements * per_statement_ms / 1_000 * prices.dpu_per_compute_s,
        read=read * prices.dpu_per_byte_read,
        write=write,
        multi_region_write=write * prices.peers,
    )


def usd(units: Dpu, prices: Prices = PRICES) -> float:
    """Return the price in US dollars."""
    return units.total * prices.usd_per_million_dpu / 1_000_000


def estimate(sent: Sent, prices: Prices = PRICES) -> Estimate:
    """Return what `sent` costs, from the lower to the upper end of what is not published.

    At the lower end writes that did not commit are free, since nothing of them reached storage; at
    the upper end they are billed as if they had.
    """
    unwritten = Footprint(
        transactions=sent.aborted.transactions,
        statements=sent.aborted.statements,
        rows_read=sent.aborted.rows_read,
        bytes_read=sent.aborted.bytes_read,
        billed_read=sent.aborted.billed_read,
    )
    low = dpu(sent.committed + sent.looked + unwritten, prices)
    high = dpu(
        sent.total,
        prices,
        compute_ms=prices.compute_ms_high,
        overhead_read_bytes=prices.overhead_read_bytes,
    )
    return Estimate(low=low, high=high, usd_low=usd(low, prices), usd_high=usd(high, prices))


def storage_usd_month(size: float, prices: Prices = PRICES) -> float:
    """Return what it costs to keep so many bytes for a month, in every Region that takes writes.

    The list counts in GB; [billing] says GiB. The smaller one is taken, the dearer reading.
    """
    return size / 1_000_000_000 * prices.usd_per_gb_month * (1 + prices.peers)
