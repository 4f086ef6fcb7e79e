"""Acceptance reports as stored: each as its run wrote it, and who vouched for it beside it."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from worldseat.domain.acceptance import Report, SignOff
from worldseat.domain.acceptance_file import SIZE_MAX, read_report, write_report
from worldseat.domain.errors import ReportRefused
from worldseat.ports.store import StoreRefused
from worldseat.stores.dsql import rows, statements
from worldseat.stores.dsql.regions import Regions

_ACCEPTANCE = statements.load("acceptance.sql")

BODY_BYTES_MAX = 512 * 1024


class Reports:
    """The acceptance reports, of AWS and of stand-ins: one part of the store."""

    _regions: Regions

    async def keep_report(self, report: Report) -> None:
        """Commit a report and its sign-offs. Of one that is kept already only new ones are added.

        Raises StoreRefused if another report has its id, or if it is too large.
        """
        body = zlib.compress(write_report(replace(report, signed_off=())).encode())
        if len(body) > BODY_BYTES_MAX:
            message = f"{report.report_id} has {len(body):,} bytes; {BODY_BYTES_MAX:,} are kept"
            raise StoreRefused(message)
        head = (report.report_id, report.digest)
        await self._regions.write_all(
            [
                (
                    _ACCEPTANCE["keep_report"],
                    (*head, report.stand_in, report.finished_at, body),
                ),
                *(
                    (_ACCEPTANCE["keep_sign_off"], (*head, each.by, each.at, each.note))
                    for each in report.signed_off
                ),
            ]
        )
        kept = await self._regions.fetch(_ACCEPTANCE["report"], report.report_id)
        if kept[0]["digest"] != report.digest:
            message = f"another report is kept under the id {report.report_id}"
            raise StoreRefused(message)

    async def report(self, report_id: str) -> Report | None:
        """Return one report, or None. Raises StoreRefused if it is damaged."""
        found = await self._regions.fetch(_ACCEPTANCE["report"], report_id)
        return (await self._with_sign_offs(found))[0] if found else None

    async def reports(self, *, of_aws: bool | None = None, limit: int = 50) -> Sequence[Report]:
        """Return reports, newest first: all, or those of AWS, or those of stand-ins.

        Raises StoreRefused if one is damaged.
        """
        found = await self._regions.fetch(_ACCEPTANCE["reports"], of_aws, limit)
        return await self._with_sign_offs(found)

    async def _with_sign_offs(self, found: Sequence[rows.Record]) -> list[Report]:
        if not found:
            return []
        signed: dict[str, list[SignOff]] = defaultdict(list)
        ids = [record["report_id"] for record in found]
        for record in await self._regions.fetch(_ACCEPTANCE["sign_offs"], ids):
            signed[record["report_id"]].append(
                SignOff(by=record["signed_by"], at=record["signed_at"], note=record["note"])
            )
        return [
            replace(_report(record), signed_off=tuple(signed[record["report_id"]]))
            for record in found
        ]


def _report(record: rows.Record) -> Report:
    """Return what a row holds. Its other columns must say the same."""
    report_id = record["report_id"]
    unpacker = zlib.decompressobj()
    try:
        report = read_report(unpacker.decompress(record["body"], SIZE_MAX))
    except (zlib.error, ReportRefused) as error:
        message = f"the acceptance report {report_id} is damaged: {error}"
        raise StoreRefused(message) from error
    told = (report.report_id, report.digest, report.stand_in)
    if not unpacker.eof or told != (report_id, record["digest"], record["stand_in"]):
        message = f"the acceptance report {report_id} is damaged"
        raise StoreRefused(message)
    return report
