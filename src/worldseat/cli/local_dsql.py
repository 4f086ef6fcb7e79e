"""`worldseat local-dsql`: the local cluster by itself, for any program that targets Aurora DSQL."""

from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import Parameter

from worldseat import bootstrap
from worldseat.cli.terminal import console
from worldseat.ports.cluster import Opened

HOME = Path("var/dsql")


def local_dsql(
    *,
    home: Annotated[Path, Parameter(help="Folder of the cluster's files.")] = HOME,
    postgres_home: Annotated[
        Path | None, Parameter(help="Folder of the PostgreSQL behind; beside the other one.")
    ] = None,
    delays: Annotated[bool, Parameter(help="Take as long between Regions as AWS does.")] = True,
) -> None:
    """Start a local cluster that speaks as Aurora DSQL does in two Regions. Ctrl-C stops it.

    It needs no AWS account. Clients connect over TLS, with tokens signed by the credentials that
    the cluster makes for itself.
    """
    uvloop.run(
        bootstrap.run_local_dsql(
            home.absolute(),
            (postgres_home or home.parent / "pg").absolute(),
            delays=delays,
            on_ready=lambda at: _welcome(at, home),
        )
    )


def _welcome(at: Opened, home: Path) -> None:
    console.print("[bold]The local DSQL cluster[/bold] is open. Its witness Region is us-west-2.\n")
    for region, (host, address) in at.endpoints.items():
        console.print(f"  {region}  {host}", soft_wrap=True, markup=False)
        console.print(f"             at {address}", markup=False)
    console.print(
        f"""
  user {at.user}, database {at.database}; a token of AWS's form is the password
  authority    {at.ca_file}
  credentials  {at.credentials_file} (profile {at.profile})

From another terminal:
  worldseat psql --region us-east-1 --home {home.parent}
  worldseat db-url --region us-east-2 --json --home {home.parent}
  worldseat local status --home {home.parent}

Ctrl-C stops it. What was committed stays.""",
        soft_wrap=True,
        markup=False,
    )
