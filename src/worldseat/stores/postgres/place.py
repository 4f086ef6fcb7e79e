"""Where the foil runs: on the embedded server in a database of its own, or where somebody says."""

import os
from dataclasses import dataclass, field

from worldseat.ports.store import StoreMissing

WHERE_ENV = "WORLDSEAT_FOIL_POSTGRES"
"""A `postgresql://` address; nothing for the embedded server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One foil's place. `url` may hold a password and is never printed.

    `database` is the foil's own one, which it makes by itself; None where the address names the one
    to use. `schema` is where its tables are.
    """

    url: str = field(repr=False)
    database: str | None
    schema: str


def find_place(own: str, server_url: str | None) -> Place:
    """Return the place of the foil whose database, or schema, has the name `own`.

    Raises StoreMissing, which says what to set.
    """
    given = os.environ.get(WHERE_ENV)
    if given:
        return Place(url=given, database=None, schema=own)
    if server_url is None:
        message = (
            "WorldSeat runs on addresses of your own, so there is no embedded PostgreSQL to "
            f"compare with: set {WHERE_ENV} to a postgresql:// address; its tables get a schema of "
            "their own there"
        )
        raise StoreMissing(message)
    return Place(url=server_url, database=own, schema="public")
