"""Which promises are tried, in which order, and what each is about to send."""

from collections.abc import Callable
from dataclasses import dataclass

from worldseat.acceptance import (
    fence,
    isolation,
    latency,
    one_key,
    privilege,
    read_after_commit,
    region_loss,
    stampedes,
    tokens,
)
from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.load import Load
from worldseat.domain.acceptance import PROMISES


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One promise before it is tried. `how` says what is done, for whoever reads the plan."""

    name: str
    of_what: str
    how: str
    load: Callable[[Amounts], Load]
    lists_all: bool = False

    @property
    def title(self) -> str:
        """The promise as reports say it."""
        return PROMISES[self.name]


PLAN = (
    Planned(
        name="tokens",
        of_what="logins",
        how="a good token and 10 bad logins at each endpoint, and one more where there is a role",
        load=lambda _: tokens.planned(),
        lists_all=True,
    ),
    Planned(
        name="isolation",
        of_what="recorded cases",
        how="the Hermitage cases, one session in us-east-1 and two in us-east-2",
        load=lambda _: isolation.planned(),
        lists_all=True,
    ),
    Planned(
        name="one-key-one-row",
        of_what="keys",
        how="one key inserted by 12 connections of both Regions at once, again and again",
        load=one_key.planned,
    ),
    Planned(
        name="read-after-commit",
        of_what="reads",
        how="a row through one endpoint, read through the other, both ways",
        load=read_after_commit.planned,
    ),
    Planned(
        name="fence",
        of_what="purchases and counts",
        how="the shop's own purchases through a relay that cuts at packet 1, 2, 3 and so on",
        load=fence.planned,
    ),
    Planned(
        name="stampedes",
        of_what="stampedes and verdicts",
        how="both codes, at once and over 300 ms, at a rehearsal of its own",
        load=stampedes.planned,
    ),
    Planned(
        name="region-loss",
        of_what="fans and counts",
        how="purchases of both Regions' fans while the way to one of them is cut, and then healed",
        load=region_loss.planned,
    ),
    Planned(
        name=privilege.NAME,
        of_what="forbidden statements",
        how="what only admin may do, tried as the role of least privilege, where there is one",
        load=lambda _: privilege.planned(),
        lists_all=True,
    ),
)

NAMES = tuple(each.name for each in PLAN)

AROUND = Load(messages=400, transactions=60, bytes_up=120_000, bytes_down=300_000)
"""Logins, tables made and dropped, rounds filled, and the Witness reading them."""


def total(amounts: Amounts, only: tuple[str, ...] = NAMES) -> Load:
    """Return what the promises that are wanted are about to send, all together."""
    load = AROUND + latency.planned(amounts)
    for each in PLAN:
        if each.name in only:
            load += each.load(amounts)
    return load
