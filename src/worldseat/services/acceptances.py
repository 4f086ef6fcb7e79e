"""Acceptance reports: kept once their seal was checked, and the newest of AWS and of a stand-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from worldseat.domain.acceptance import Report, is_sealed
from worldseat.domain.acceptance_file import read_report, write_report
from worldseat.domain.errors import ReportRefused, Unavailable, UnknownReport
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import StoreError, StoreRefused
from worldseat.services.matrix import Table
from worldseat.services.reported import UNREADABLE, with_aws

LISTED = 50
"""How many reports are listed, the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestReports:
    """The newest report of AWS, and of what stands in for it. None: there is none."""

    aws: Report | None
    stand_in: Report | None


class Acceptances:
    """The reports that are kept in the product's database."""

    def __init__(self, store: OnSaleStore, urls: Mapping[str, str]) -> None:
        self._store = store
        self._hosts = {urlsplit(url).hostname or "" for url in urls.values()}

    async def keep(self, report: Report) -> None:
        """Keep a report, or add its new sign-offs to it. Raises ReportRefused or Unavailable.

        It must be sealed. One that says AWS and names the endpoints of a stand-in that runs here is
        not believed; of other endpoints nobody can tell.
        """
        # Nothing is kept that could not be read again: it would take every other report with it.
        report = read_report(write_report(report))
        if not is_sealed(report):
            raise ReportRefused(
                f"The seal of {report.report_id} is broken: it does not say what its run wrote."
            )
        if report.stand_in is None and self._store.stand_in is not None:
            ours = sorted(self._hosts & set(report.endpoints.values()))
            if ours:
                raise ReportRefused(
                    f"{report.report_id} says that it ran on AWS, and {ours[0]} is the "
                    f"{self._store.stand_in} here."
                )
        try:
            await self._store.keep_report(report)
        except StoreRefused as error:
            raise ReportRefused(f"It cannot be kept: {error}.") from error
        except StoreError as error:
            raise _away(error) from error

    async def look(self, report_id: str) -> Report:
        """Return a report. Raises UnknownReport or Unavailable."""
        try:
            found = await self._store.report(report_id)
        except StoreError as error:
            raise _away(error) from error
        if found is None:
            raise UnknownReport(f"There is no acceptance report {report_id[:60]!r} here.")
        return found

    async def with_aws(self, table: Table) -> Table:
        """Return the matrix with the product's line on AWS, filled from the newest report of it."""
        try:
            return with_aws(table, self._store, (await self.newest()).aws)
        except Unavailable:
            return with_aws(table, self._store, None, note=UNREADABLE)

    async def listed(self) -> Sequence[Report]:
        """Return the newest reports, the newest first. Raises Unavailable."""
        try:
            return await self._store.reports(limit=LISTED)
        except StoreError as error:
            raise _away(error) from error

    async def newest(self) -> NewestReports:
        """Return the newest report of AWS and that of a stand-in. Raises Unavailable."""
        try:
            aws = await self._store.reports(of_aws=True, limit=1)
            stand_in = await self._store.reports(of_aws=False, limit=1)
        except StoreError as error:
            raise _away(error) from error
        return NewestReports(
            aws=aws[0] if aws else None, stand_in=stand_in[0] if stand_in else None
        )


def _away(error: StoreError) -> Unavailable:
    return Unavailable("Acceptance reports cannot be read right now.", operator=str(error))
