"""The files of an acceptance run: the report, and its page beside it."""

import tempfile
from pathlib import Path

from worldseat.domain.acceptance import Report
from worldseat.domain.acceptance_file import write_report
from worldseat.domain.errors import BadRequest
from worldseat.web.views.acceptance import render


def make_ready(folder: Path) -> None:
    """Make the folder, and prove that files can be written into it. Raises BadRequest."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".", dir=folder) as file:
            file.write(b"worldseat")
    except OSError as error:
        raise BadRequest(
            f"Nothing was sent, for no report can be written into {folder}: {error.strerror}.",
            next_step="Name another folder with --out.",
        ) from error


def write(report: Report, folder: Path) -> Path:
    """Write the report and its page; return the report's file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{report.report_id}.json"
    file.write_text(write_report(report), encoding="utf-8")
    file.with_suffix(".html").write_text(render(report), encoding="utf-8")
    return file
