"""The PostgreSQL behind the test run's cluster, for programs that look past the cluster."""

from dataclasses import dataclass

import asyncpg

from worldseat.settings import REGIONS


@dataclass(frozen=True)
class Database:
    """Its address; a control at another isolation level uses it, and whoever counts by SQL."""

    url: str

    @property
    def urls(self) -> dict[str, str]:
        """The same address as each Region's."""
        return dict.fromkeys(REGIONS, self.url)

    async def describe(self) -> str:
        """The product and its version, for example "PostgreSQL 16.14"."""
        connection = await asyncpg.connect(self.url)
        try:
            return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
        finally:
            await connection.close()
