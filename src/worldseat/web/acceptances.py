"""Acceptance reports over HTTP: the list, each as the file that its run wrote, and as a page."""

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from worldseat.domain.acceptance import Report, Standing, is_sealed
from worldseat.domain.acceptance_file import write_report
from worldseat.domain.errors import UnknownReport
from worldseat.web.acceptance_shapes import AcceptanceAnswer, AcceptancesAnswer
from worldseat.web.answers import JSON, json_answer
from worldseat.web.context import Context
from worldseat.web.query import path_id
from worldseat.web.views.acceptance import view


async def list_reports(context: Context, _request: Request) -> Response:
    """The newest reports, and which of them speak for AWS and for its stand-in."""
    acceptances = context.services.acceptances
    newest = await acceptances.newest()
    return json_answer(
        AcceptancesAnswer(
            aws=newest.aws.report_id if newest.aws else None,
            stand_in=newest.stand_in.report_id if newest.stand_in else None,
            reports=[_answer(each) for each in await acceptances.listed()],
        )
    )


async def show_report(context: Context, request: Request) -> Response:
    """One report, byte for byte as a file that `worldseat accept show` takes."""
    return Response(write_report(await _found(context, request)), media_type=JSON)


async def acceptance_page(
    templates: jinja2.Environment, context: Context, request: Request
) -> Response:
    """One report as a page."""
    page = view(await _found(context, request))
    return HTMLResponse(templates.get_template("acceptance.html").render(page=page))


async def _found(context: Context, request: Request) -> Report:
    return await context.services.acceptances.look(path_id(request, "report_id", UnknownReport))


def _answer(report: Report) -> AcceptanceAnswer:
    standings = [each.standing for each in report.promises]
    return AcceptanceAnswer(
        report_id=report.report_id,
        stand_in=report.stand_in,
        started_at=report.started_at,
        finished_at=report.finished_at,
        version=report.version,
        git_commit=report.git_commit,
        sealed=is_sealed(report),
        passed=report.passed,
        held_count=standings.count(Standing.HELD),
        broken_count=standings.count(Standing.BROKEN),
        not_tried_count=standings.count(Standing.NOT_TRIED),
        signed_off=report.signed_off,
    )
