"""What another program needs to reach the product's database through one Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """One Region's way in, as it is now.

    `host` is the name for TLS and for the token, `address` where to connect. `token` is a fresh
    password for Aurora DSQL, good for `token_life_s` seconds; plain PostgreSQL has none, and then
    `url` says all there is. `running` tells whether something listens there.
    """

    region: str
    url: str
    host: str
    address: str
    port: int
    user: str
    database: str
    ca_file: str | None = None
    token: str | None = field(default=None, repr=False)
    token_life_s: int | None = None
    running: bool

    @property
    def libpq(self) -> Mapping[str, str]:
        """The same in the words of libpq, on which psql and most drivers stand; no password."""
        words = {
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "dbname": self.database,
            "sslmode": "verify-full",
        }
        if self.address != self.host:
            words["hostaddr"] = self.address
        if self.ca_file is not None:
            words["sslrootcert"] = self.ca_file
        return words
