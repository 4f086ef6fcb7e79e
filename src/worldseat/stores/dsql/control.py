"""The negative control: the same SQL, the same harness, one isolation level lower.

At READ COMMITTED the naive code must oversell; if it did not, a zero at REPEATABLE READ would say
nothing. It is never registered as a store: tests and benchmarks use it.
"""

from worldseat.ports.store import Guarantees
from worldseat.stores.dsql.store import DsqlStore


class ReadCommittedControl(DsqlStore):
    """The product's adapter at READ COMMITTED."""

    name = "control"
    title = "READ COMMITTED control"
    role = "control"
    guarantees = Guarantees(
        isolation="READ COMMITTED: the last update wins",
        replication="none",
        cannot="a naive read-then-write loses updates, so a seat sells many times",
        two_writers="lets both commit, and the last one hides the other",
    )
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    isolation = "read committed"
