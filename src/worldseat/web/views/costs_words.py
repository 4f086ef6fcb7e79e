"""What a bill is made of, and what its estimate takes for granted, in words."""

from typing import TYPE_CHECKING

from worldseat.services.costs import Case
from worldseat.web.views.run import ran_on
from worldseat.web.views.words import count, dollars

if TYPE_CHECKING:
    from worldseat.domain.cost import Dpu
    from worldseat.services.costs import Costs

PARTS = ("compute", "read", "write", "write in the other Region")
"""The parts of a bill, in the order in which they are always shown."""

_GRANTED = """
Ranges are where AWS publishes no formula. What is billed for reads and for writes that commit is
published.

Processing time cannot be known off AWS. At the lower end {compute_low} ms per statement, the mean
of 19 million small statements that somebody measured on AWS; at the upper end {compute_high} ms,
from AWS's own example of an INSERT.

Whether a transaction that met a conflict pays for its writes is not published: nothing at the lower
end, at the upper end as if it had committed. It pays for its reads and its processing in both.

A transaction that writes is billed for {written} bytes or more, one that reads for {read} or more,
a row for {row} or more, rows of indexes included. A row is as large as its values together; at the
upper end a statement reads {more} bytes more.

Every write is billed a second time for the other Region. The witness Region costs nothing.

A seat of one's own costs what the transaction of a stampede's winner costs. Where many press for a
seat, everything that everybody sent is counted.

Not in it: pages and the live floor, reading the event before a purchase and the ticket after it,
voids, the free 100,000 DPU of each month, and the servers of the app. Storage stands beside it.
"""


def basis(costs: "Costs") -> str:
    """Return where the counts and the prices come from."""
    counted = f"counted on {ran_on(costs.stand_in)}"
    prices = costs.prices
    return (
        f"{costs.title}, {counted}; priced with AWS's list for {prices.region} of {prices.as_of}, "
        f"{dollars(prices.usd_per_million_dpu)} per million DPU."
    )


def case_words(case: Case, buyers: int) -> str:
    """Return how hard fans press."""
    if case is Case.OWN:
        return "each fan wants a seat of their own"
    return f"{count(buyers)} press for each seat"


def assumptions(costs: "Costs") -> list[str]:
    """Return what the figures take for granted, one or two sentences each."""
    prices = costs.prices
    text = _GRANTED.format(
        compute_low=prices.compute_ms_low,
        compute_high=prices.compute_ms_high,
        written=count(prices.write_bytes_min),
        read=count(prices.read_bytes_min),
        row=count(prices.row_bytes_min),
        more=count(prices.overhead_read_bytes),
    )
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def parts(units: "Dpu") -> tuple[float, float, float, float]:
    """Return the parts of a bill in the order in which they are always shown."""
    return units.compute, units.read, units.write, units.multi_region_write
