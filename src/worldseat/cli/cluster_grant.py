"""`worldseat cluster grant`: the database role that runs the product, and who may log in as it."""

from typing import Annotated

import uvloop
from cyclopts import Parameter

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json


def grant(
    *,
    role_arn: Annotated[str, Parameter(help="The IAM role (or user) that the app runs as.")],
    role: Annotated[str, Parameter(help="The database role.")] = bootstrap.ROLE,
    whole_tables: Annotated[
        bool, Parameter(help="Grant UPDATE on tables, should DSQL refuse it on columns.")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Print each statement; touch nothing.")] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
    where: Where = HERE,
) -> int:
    """Make the database role of least privilege and let an IAM role log in as it.

    It may read, append and update what the product does, cannot change the schema, and can never
    change or remove a row of op_log. Safe to run twice: what it has beyond that is taken away, and
    where all is right nothing runs. Run it as admin after each `worldseat migrate`, and not during
    an on-sale: every grant makes purchases under way begin again.
    """
    if dry_run:
        statements = bootstrap.planned_grant(role=role, arn=role_arn, whole_tables=whole_tables)
        if json:
            print_json({"statements": statements})
        else:
            for statement in statements:
                console.print(f"{statement};", markup=False, soft_wrap=True)
        return 0
    done = uvloop.run(
        bootstrap.grant(
            where.settings(),
            role=role,
            arn=role_arn,
            whole_tables=whole_tables,
            report=lambda text: None if json else console.print(text, markup=False, soft_wrap=True),
        )
    )
    if json:
        print_json(
            {"role": role, "role_arn": role_arn, "ran": done.ran, "also_mapped": done.also_mapped}
        )
        return 0
    for arn in done.also_mapped:
        console.print(f"{arn} may log in as {role} too.", markup=False, soft_wrap=True)
    did = f"{len(done.ran)} statements ran" if done.ran else "Nothing to do"
    console.print(f"{did}: {role} may do what the product does, and nothing else.", soft_wrap=True)
    return 0
