"""What can be set, and its defaults. One value, built once by the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worldseat.domain import endpoints

REGIONS = endpoints.REGIONS
WITNESS_REGION = "us-west-2"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the composition root needs.

    `database_urls` maps each Region to a `postgresql://` address; empty means the embedded server
    under `home`. `secret` signs cookies and keys confirmation codes; it never leaves the process.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    regions: tuple[str, ...] = REGIONS
    database_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: bytes = field(repr=False, default=b"")
    operator_token: str | None = field(repr=False, default=None)
    region: str | None = None
    """The Region in which this process stands and serves all its fans; None: fans of both."""

    delays: bool = True
    """Whether the local cluster takes as long between Regions as AWS does."""

    venue: Path | None = None
    """The hall of the seeded events; None means the one that ships with the package."""

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine can reach the server."""
        return self.host in LOOPBACK
