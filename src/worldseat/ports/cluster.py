"""The local cluster as the page and the commands see it: how it stands, and what it can be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class BadOrder(Exception):
    """An order that the cluster cannot follow; the text says why. Nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionState:
    """One Region. Counts are since the cluster started, latencies of the last 512 commits in ms."""

    region: str
    witness: bool
    up: bool
    cut_off: bool
    can_commit: bool
    sessions: int
    commits: int
    conflicts: int
    refused: int
    commit_ms_p50: float | None
    commit_ms_p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """The way between two Regions: its round trip in ms, and whether it is cut."""

    one: str
    other: str
    rtt_ms: float
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultState:
    """A fault that is still to happen `left` times and happened `done` times."""

    fault_id: int
    kind: str
    region: str | None
    left: int | None
    done: int
    mark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """Everything. `done` counts how often each kind of fault or order really happened."""

    regions: Sequence[RegionState]
    links: Sequence[LinkState]
    faults: Sequence[FaultState]
    done: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A local cluster that has just been opened, and whose files to log in with.

    `endpoints` maps each Region to its name, for TLS and token, and to where it really is.
    """

    endpoints: Mapping[str, tuple[str, str]]
    user: str
    database: str
    ca_file: str
    credentials_file: str
    profile: str


class LocalCluster(Protocol):
    """The local cluster's orders."""

    async def status(self) -> ClusterStatus:
        """Say how everything stands."""

    async def order(
        self,
        kind: str,
        *,
        region: str | None = None,
        other: str | None = None,
        count: int | None = None,
        ms: float | None = None,
        mark: str | None = None,
    ) -> ClusterStatus:
        """Do what the kind says, and return how everything stands then. Raises BadOrder.

        - `region-down`, `region-up`: a Region is lost, or back; the witness Region too
        - `cut-off`, `rejoin`: a Region keeps its clients and reaches no other Region
        - `slow` (other, ms): the round trip between two Regions
        - `drop-before`, `drop-after` (count, mark): break the connection at COMMIT, before it
          applies or after
        - `hold`, `hold-and-drop` (count, mark), `release`: keep COMMITs back until released
        - `unavailable` (count): XX000; `storm` (count): 40001 at COMMIT
        - `pause` (ms, 0: until told), `resume`: nothing of a Region is answered
        - `forget` (mark): what is planned does not happen any more
        - `clear`: all back to well
        """
