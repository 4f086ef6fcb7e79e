"""What an acceptance run sends, and what that may cost: planned before it, counted during it."""

from dataclasses import dataclass

from worldseat.domain.cost import PRICES, Footprint, Sent, estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What goes to the endpoints and comes back.

    `messages` are packets to an endpoint: a statement, a BEGIN or COMMIT, or part of a login.
    `transactions` are those that write. `bytes_up` and `bytes_down` are those on the wire, TLS and
    protocol included.
    """

    messages: float = 0
    transactions: float = 0
    bytes_up: float = 0
    bytes_down: float = 0

    def __add__(self, other: "Load") -> "Load":
        """Return both together."""
        return Load(
            messages=self.messages + other.messages,
            transactions=self.transactions + other.transactions,
            bytes_up=self.bytes_up + other.bytes_up,
            bytes_down=self.bytes_down + other.bytes_down,
        )

    def __sub__(self, other: "Load") -> "Load":
        """Return what came since."""
        return self + other.times(-1)

    def times(self, factor: float) -> "Load":
        """Return `factor` times as much of everything."""
        return Load(
            messages=self.messages * factor,
            transactions=self.transactions * factor,
            bytes_up=self.bytes_up * factor,
            bytes_down=self.bytes_down * factor,
        )


def usd(load: Load) -> float:
    """Return what a load costs at most, in US dollars.

    Seen from outside of TLS: each message counts as a statement, and as a transaction that reads;
    what goes up as written, what comes down as read, at least with the service's minima. Writes
    count whether they commit or not. Index rows are part of what goes up many times over: names,
    texts of statements, TLS.
    """
    footprint = Footprint(
        transactions=load.messages,
        statements=load.messages,
        bytes_read=load.bytes_down,
        billed_read=max(load.bytes_down, load.messages * PRICES.read_bytes_min),
        bytes_written=load.bytes_up,
        billed_written=max(load.bytes_up, load.transactions * PRICES.write_bytes_min),
    )
    return estimate(Sent(committed=footprint)).usd_high
