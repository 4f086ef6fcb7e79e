"""The schema and the role that runs the product: what only the role admin may change."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from worldseat.bootstrap.cluster import prepared
from worldseat.domain.errors import BadRequest, Unavailable
from worldseat.settings import Settings
from worldseat.stores.dsql.endpoint import is_dsql
from worldseat.stores.dsql.migrate import SchemaBehind, migrate_through
from worldseat.stores.dsql.migrate import planned as planned_migration
from worldseat.stores.dsql.roles import (
    ROLE,
    BadRole,
    Granted,
    Grantee,
    RoleLacks,
    check_through,
    grant_through,
)

__all__ = ["ROLE", "bring_schema", "grant", "migrate", "planned_grant", "planned_migration"]


async def migrate(settings: Settings, report: Callable[[str], None]) -> int:
    """Bring the schema up to date and return how many statements ran; each step is reported.

    Without addresses the local cluster is started for it. Raises Unavailable or StoreError.
    """
    async with AsyncExitStack() as stack:
        ground = await prepared(stack, settings)
        return await bring_schema(ground.settings, report)


async def bring_schema(settings: Settings, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through the addresses of the settings, if their role may.

    A role that may not is checked for what the product needs of it. Raises Unavailable if there is
    something to do that it may not, or if it lacks anything; StoreError.
    """
    urls = _urls(settings)
    try:
        ran = await migrate_through(urls, report=report)
        await check_through(urls, report=report)
    except SchemaBehind as error:
        raise Unavailable(
            f"The schema is not up to date, and {error.user} may not change it.",
            next_step="Run `worldseat migrate` as admin, then `worldseat cluster grant`.",
            operator=str(error),
        ) from error
    except RoleLacks as error:
        raise Unavailable(
            f"The database role {error.role} may not do all that WorldSeat does.",
            next_step="Run `worldseat cluster grant` as admin.",
            operator=str(error),
        ) from error
    return ran


def planned_grant(*, role: str, arn: str, whole_tables: bool = False) -> Sequence[str]:
    """Return every statement that makes the role where there is none. Raises BadRequest."""
    return _grantee(role, arn, whole_tables=whole_tables).planned()


async def grant(
    settings: Settings,
    *,
    role: str,
    arn: str,
    whole_tables: bool = False,
    report: Callable[[str], None],
) -> Granted:
    """Make the role that runs the product, let an IAM identity in as it, and prove it.

    Without addresses the local cluster is started for it. Raises BadRequest, Unavailable or
    StoreError.
    """
    grantee = _grantee(role, arn, whole_tables=whole_tables)
    async with AsyncExitStack() as stack:
        urls = _urls((await prepared(stack, settings)).settings)
        if not all(is_dsql(url) for url in urls):
            raise BadRequest(
                "Plain PostgreSQL has no IAM.",
                next_step="Give the addresses of Aurora DSQL's endpoints, as admin.",
            )
        return await grant_through(urls, grantee, report=report)


def _grantee(role: str, arn: str, *, whole_tables: bool) -> Grantee:
    try:
        return Grantee(role=role, arn=arn, whole_tables=whole_tables)
    except BadRole as error:
        raise BadRequest(
            str(error),
            next_step="An ARN reads arn:aws:iam::111122223333:role/name; a role is lower case.",
        ) from error


def _urls(settings: Settings) -> Sequence[str]:
    return [settings.database_urls[region] for region in settings.regions]
