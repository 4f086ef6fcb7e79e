"""The role of least privilege: what each privilege is for, and what the database refuses it."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from worldseat.local_dsql import credentials
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.ports.store import StoreRefused
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.stores.dsql import access, migrate, roles, statements
from worldseat.stores.dsql.endpoint import as_user
from worldseat.stores.dsql.migrate import SchemaBehind
from worldseat.stores.dsql.roles import NEEDS, BadRole, Grantee, RoleLacks

EAST_1, EAST_2 = REGIONS
OTHER_ARN = "arn:aws:iam::111122223333:role/other"
QUERIES = Path(statements.__file__).parent / "queries"

# The app of another test may use the real name at the same time; roles are the whole cluster's.
BOOTH = Grantee(role="booth", arn=credentials.ARN)

AsRole = Callable[[str], str]


def product_statements() -> dict[str, str]:
    """Return all SQL that the product runs, by name; what only admin runs is left out."""
    found = {"the ledger": migrate._APPLIED}
    for path in sorted(QUERIES.glob("*.sql")):
        if path.name != "roles.sql":
            found |= {f"{path.name}: {k}": v for k, v in statements.load(path.name).items()}
    return {name: text for name, text in found.items() if not text.startswith("SHOW")}


async def refused(line: asyncpg.Connection, table: str = "") -> dict[str, str]:
    """Return the product's statements on a table that the role may not run, and what each lacks.

    To plan a statement is to be asked for every privilege that it needs.
    """
    found = {}
    for name, text in product_statements().items():
        if table not in text:
            continue
        attempt = line.transaction()
        await attempt.start()
        try:
            await line.execute(f"EXPLAIN (GENERIC_PLAN) {text}")
        except asyncpg.InsufficientPrivilegeError as error:
            found[name] = str(error)
        await attempt.rollback()
    return found


@pytest_asyncio.fixture
async def acting(at: Descriptor, services: Services) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of PostgreSQL itself in which the role was made; it is never committed."""
    line = await asyncpg.connect(at.postgres_url)
    whole = line.transaction()
    await whole.start()
    await line.execute("CREATE ROLE understudy")
    understudy = Grantee(role="understudy", arn=credentials.ARN)
    for table, _, _ in NEEDS:
        await line.execute(understudy.grant(table))
    yield line
    await whole.rollback()
    await line.close()


async def test_the_role_may_run_every_statement_of_the_product(
    acting: asyncpg.Connection,
) -> None:
    await acting.execute("SET LOCAL ROLE understudy")
    assert await refused(acting) == {}
    await acting.execute("RESET ROLE")
    assert len(product_statements()) > 30


async def test_no_privilege_is_one_too_many(acting: asyncpg.Connection) -> None:
    for privilege in sorted(BOOTH.needed()):
        attempt = acting.transaction()
        await attempt.start()
        await acting.execute(privilege.revoked_from("understudy"))
        await acting.execute("SET LOCAL ROLE understudy")
        lacking = await refused(acting, privilege.table)
        await attempt.rollback()
        assert set(lacking.values()) == {f"permission denied for table {privilege.table}"}, (
            privilege
        )


# making it


@pytest_asyncio.fixture
async def booth(sql: asyncpg.Connection) -> AsyncIterator[Grantee]:
    """A role that is not there yet, and is gone afterwards."""
    yield BOOTH
    await sql.execute("DELETE FROM sys.iam_pg_role_mappings WHERE pg_role_name = $1", BOOTH.role)
    if await sql.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", BOOTH.role):
        await sql.execute(f"DROP OWNED BY {BOOTH.role}; DROP ROLE {BOOTH.role}")


@pytest.fixture
def as_role(at: Descriptor) -> AsRole:
    return lambda region: as_user(at.url(region), BOOTH.role)


async def make(at: Descriptor, grantee: Grantee = BOOTH) -> roles.Granted:
    said: list[str] = []
    done = await roles.grant_through([at.url(EAST_1)], grantee, report=said.append)
    assert said == list(done.ran)
    return done


@contextmanager
def denied(pattern: str) -> Iterator[None]:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=pattern) as caught:
        yield
    assert caught.value.sqlstate == "42501"


async def test_it_is_made_once_and_what_is_too_much_is_taken_away(
    at: Descriptor, booth: Grantee
) -> None:
    done = await make(at)
    assert list(done.ran) == booth.planned()
    assert (await make(at)).ran == []

    admin = await access.connect(at.url(EAST_2))
    await admin.execute("GRANT UPDATE, DELETE ON op_log TO booth")
    await admin.execute("GRANT UPDATE (title) ON event TO booth")
    await admin.execute("REVOKE UPDATE (fan_id) ON seat FROM booth")
    await admin.execute(f"AWS IAM GRANT booth TO '{OTHER_ARN}'")
    await admin.close()
    done = await make(at)
    assert done.ran == [
        "REVOKE UPDATE (title) ON event FROM booth",
        "REVOKE DELETE ON op_log FROM booth",
        "REVOKE UPDATE ON op_log FROM booth",
        "GRANT SELECT, INSERT, UPDATE (status, fan_id, op_id) ON seat TO booth",
    ]
    assert done.also_mapped == [OTHER_ARN]


async def test_whole_tables_may_be_granted_where_columns_cannot(
    at: Descriptor, booth: Grantee
) -> None:
    wide = Grantee(role=booth.role, arn=booth.arn, whole_tables=True)
    assert "GRANT SELECT, INSERT, UPDATE ON seat TO booth" in (await make(at, wide)).ran
    assert (await make(at, wide)).ran == []
    narrowed = (await make(at)).ran
    assert "REVOKE UPDATE ON seat FROM booth" in narrowed
    assert "GRANT SELECT, INSERT, UPDATE (status, fan_id, op_id) ON seat TO booth" in narrowed


async def test_what_it_has_from_elsewhere_is_told(
    at: Descriptor, booth: Grantee, sql: asyncpg.Connection
) -> None:
    await sql.execute("GRANT DELETE ON run_history TO PUBLIC")
    try:
        with pytest.raises(StoreRefused, match="it has DELETE on run_history from elsewhere"):
            await make(at)
    finally:
        await sql.execute("REVOKE DELETE ON run_history FROM PUBLIC")
    await sql.execute("CREATE ROLE manager; GRANT DELETE ON op_log TO manager")
    await sql.execute("GRANT manager TO booth")
    try:
        with pytest.raises(StoreRefused, match="it has DELETE on op_log from elsewhere"):
            await make(at)
    finally:
        await sql.execute("DROP OWNED BY manager; DROP ROLE manager")
    assert (await make(at)).ran == []


async def test_the_log_can_only_grow_and_the_schema_only_stay(
    at: Descriptor, booth: Grantee, as_role: AsRole
) -> None:
    await make(at)
    for region in REGIONS:
        line = await access.connect(as_role(region))
        assert await line.fetchval("SELECT current_user") == "booth"
        assert await line.fetchval("SELECT count(*) FROM op_log") is not None
        for statement in (
            "UPDATE op_log SET fan_id = 'somebody else'",
            "UPDATE op_log SET recorded_at = now()",
            "DELETE FROM op_log",
            "UPDATE seat SET event_id = 'another'",
            "DELETE FROM seat",
            "UPDATE event SET title = 'another'",
            "INSERT INTO schema_change (change_id, digest) VALUES ('x', 'y')",
        ):
            with denied("permission denied for table"):
                await line.execute(statement)
        with denied("permission denied for schema public"):
            await line.execute("CREATE TABLE mine (x integer PRIMARY KEY)")
        for statement in (
            "DROP TABLE op_log",
            "ALTER TABLE op_log DROP COLUMN run_id",
            "DROP INDEX op_log_by_fan",
            "CREATE INDEX ASYNC op_log_by_region ON op_log (region)",
        ):
            with denied("must be owner of"):
                await line.execute(statement)
        with denied("permission denied"):
            await line.execute(f"AWS IAM GRANT booth TO '{OTHER_ARN}'")
        with denied("permission denied"):
            await line.execute("CREATE ROLE another WITH LOGIN")
        await line.close()


async def test_only_admin_can_make_it(at: Descriptor, booth: Grantee, as_role: AsRole) -> None:
    with pytest.raises(StoreRefused, match="by its role admin"):
        await roles.grant_through([as_role(EAST_1)], booth, report=print)


async def test_a_role_that_may_not_log_in_is_left_alone(
    at: Descriptor, booth: Grantee, sql: asyncpg.Connection
) -> None:
    await sql.execute("CREATE ROLE booth NOLOGIN")
    with pytest.raises(StoreRefused, match="may not log in"):
        await make(at)


async def test_without_the_schema_there_is_nothing_to_grant(
    at: Descriptor, booth: Grantee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "NEEDS", (*NEEDS, ("refund", ("SELECT",), ())))
    with pytest.raises(StoreRefused, match="no table refund: run `worldseat migrate` first"):
        await make(at)


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("worldseat_app", "worldseat_app"),
        ("worldseat_app", "arn:aws:iam::1234:role/app"),
        ("worldseat_app", "arn:aws:iam::111122223333:role/"),
        ("worldseat_app", "arn:aws:iam::111122223333:role/a'; DROP ROLE b; --"),
        ("worldseat_app", "arn:aws:sts::111122223333:assumed-role/app/session"),
        ("worldseat_app", "arn:aws:iam::111122223333:group/app"),
        ("worldseat_app", OTHER_ARN + "\n"),
        ("admin", OTHER_ARN),
        ("public", OTHER_ARN),
        ("pg_read_all_data", OTHER_ARN),
        ("WorldSeat", OTHER_ARN),
        ("app; DROP TABLE op_log", OTHER_ARN),
        ("", OTHER_ARN),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(role: str, arn: str) -> None:
    with pytest.raises(BadRole, match=r"cannot be the product's|is not the ARN"):
        Grantee(role=role, arn=arn)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:role/worldseat/app-us-east-1",
        "arn:aws-us-gov:iam::111122223333:role/app",
        "arn:aws:iam::111122223333:user/ada+test@example",
    ],
)
def test_what_iam_calls_an_identity_is_taken(arn: str) -> None:
    assert f"TO '{arn}'" in Grantee(role="worldseat_app", arn=arn).let_in


def test_every_table_of_the_schema_is_thought_of() -> None:
    made = {
        found[1]
        for _, sql in migrate.planned()
        if (found := re.search(r"^CREATE TABLE (\w+)", sql, re.MULTILINE))
    }
    assert made == {table for table, _, _ in NEEDS}


# the schema, for a role that may not change it


async def test_another_role_only_asks_whether_the_schema_is_up_to_date(
    at: Descriptor, booth: Grantee, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(at)
    urls = [as_role(region) for region in REGIONS]
    assert await migrate.migrate_through(urls, report=print) == 0
    late = migrate.Change(change_id="9999_late/01.sql", sql="SELECT no_such_thing", verify=None)
    everything = migrate.changes()
    monkeypatch.setattr(migrate, "changes", lambda: [*everything, late])
    with pytest.raises(
        SchemaBehind, match=r"lacks 1 statements, from 9999_late/01\.sql on"
    ) as told:
        await migrate.migrate_through(urls, report=print)
    assert (told.value.user, told.value.missing) == ("booth", ("9999_late/01.sql",))


async def test_a_role_that_lacks_something_is_told_before_it_sells(
    at: Descriptor, booth: Grantee, as_role: AsRole
) -> None:
    await make(at)
    urls = [as_role(region) for region in REGIONS]
    await roles.check_through(urls, report=print)
    admin = await access.connect(at.url(EAST_1))
    await admin.execute("REVOKE UPDATE (closed_seq) ON lane FROM booth")
    await admin.execute("REVOKE INSERT ON run_history FROM booth")
    lacking = r"booth lacks UPDATE \(closed_seq\) on lane, INSERT on run_history$"
    with pytest.raises(RoleLacks, match=lacking):
        await roles.check_through(urls, report=print)
    # What is more than enough is enough, and admin may do anything.
    await admin.execute("GRANT UPDATE ON lane TO booth")
    await admin.execute("GRANT INSERT ON run_history TO booth")
    await admin.close()
    await roles.check_through(urls, report=print)
    await roles.check_through([at.url(EAST_1), at.postgres_url], report=print)


async def test_a_role_that_was_granted_nothing_is_told_what_gives_it_all(
    at: Descriptor, booth: Grantee, as_role: AsRole, sql: asyncpg.Connection
) -> None:
    await make(at)
    await sql.execute("REVOKE SELECT ON schema_change FROM booth")
    with pytest.raises(StoreRefused, match="`worldseat cluster grant` gives the role"):
        await migrate.migrate_through([as_role(EAST_1)], report=print)
