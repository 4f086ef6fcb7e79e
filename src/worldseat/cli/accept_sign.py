"""`worldseat accept sign`: a person vouches for a report."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from worldseat.cli.accept_show import read
from worldseat.cli.terminal import console
from worldseat.domain.acceptance import SignOff, is_sealed
from worldseat.domain.acceptance_file import SIGN_OFFS_MAX, SIGNED_BY_MAX, write_report
from worldseat.domain.errors import BadRequest, ReportRefused
from worldseat.web.views.acceptance import render


def sign(
    file: Path,
    /,
    *,
    by: str,
    note: Annotated[str, Parameter(help="What you want to say with it.")] = "",
) -> int:
    """Sign a report off: say that you have read it and vouch for it. The seal stays whole.

    The name and the time are written into the file, and into the page beside it. Whoever has the
    file can write a name into it: a sign-off says who, and proves nothing.

    Parameters
    ----------
    file:
        The JSON file of the report.
    by:
        Your name.
    """
    if not 1 <= len(by.strip()) <= SIGNED_BY_MAX:
        raise BadRequest(f"A name has 1 to {SIGNED_BY_MAX} characters.", next_step="Give --by.")
    report = read(file)
    if not is_sealed(report):
        raise ReportRefused(
            f"The seal of {file.name} is broken: it does not say what its run wrote.", line=1
        )
    if len(report.signed_off) >= SIGN_OFFS_MAX:
        raise BadRequest(
            f"{file.name} has {SIGN_OFFS_MAX} sign-offs, and no report may have more.",
            next_step="Sign a copy of the file as its run wrote it.",
        )
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    signed = report.signed(SignOff(by=by.strip(), at=at, note=note.strip()))
    for path, text in ((file, write_report(signed)), (file.with_suffix(".html"), render(signed))):
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    console.print(f"Signed off by {by.strip()}, {at}.", markup=False)
    return 0
