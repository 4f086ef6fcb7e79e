"""Tokens for Aurora DSQL: what a connection shows as its password.

Signing takes 0.1 ms and no network. But whoever signs may first have to be found out over the
network (a role, single sign-on), so it happens in a thread of its own and never on the event loop.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials, SharedCredentialProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from worldseat.ports.store import NotCommitted
from worldseat.stores.dsql.endpoint import ADMIN, Endpoint

TOKEN_LIFE_S = 60
"""A token is shown only while a connection is opened; AWS's own connector takes 60 s too."""

SHOWN_TOKEN_LIFE_S = 900
"""A token that a person copies lives as long as one of AWS's command line."""

# One thread, so that what it keeps needs no lock.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="dsql-signing")
_signers: dict[tuple[str | None, str | None], Credentials] = {}

_Done = TypeVar("_Done")


async def token(there: Endpoint, *, life_s: int = TOKEN_LIFE_S) -> str:
    """Return a fresh token for an endpoint. It is a password: nobody may log it.

    Raises NotCommitted if there are no credentials to sign with: nothing was sent to any database.
    """
    try:
        return await _in_thread(partial(_sign, there, life_s))
    except (BotoCoreError, ClientError) as error:
        raise NotCommitted(_no_credentials(there, str(error))) from error


async def signer(there: Endpoint) -> ReadOnlyCredentials:
    """Return who signs for an endpoint. It is a secret: nobody may log it. Raises NotCommitted."""
    try:
        return await _in_thread(partial(_signer, there))
    except (BotoCoreError, ClientError) as error:
        raise NotCommitted(_no_credentials(there, str(error))) from error


async def look_again(there: Endpoint) -> None:
    """Read the credentials anew for the next token: the endpoint has refused the last one's."""
    await _in_thread(partial(_signers.pop, _source(there), None))


async def _in_thread(work: Callable[[], _Done]) -> _Done:
    return await asyncio.get_running_loop().run_in_executor(_THREAD, work)


def _source(there: Endpoint) -> tuple[str | None, str | None]:
    return there.credentials_file, there.profile


def _sign(there: Endpoint, life_s: int) -> str:
    """Presign the request that a token stands for.

    botocore's client for DSQL makes the same token (a test compares them), and takes 36 ms to
    build, mostly for reading the service's model.
    """
    action = "DbConnectAdmin" if there.user == ADMIN else "DbConnect"
    request = AWSRequest("GET", f"https://{there.host}/", params={"Action": action})
    SigV4QueryAuth(_signer(there), "dsql", there.region, expires=life_s).add_auth(request)
    return str(request.prepare().url).removeprefix("https://")


def _signer(there: Endpoint) -> ReadOnlyCredentials:
    source = _source(there)
    if source not in _signers:
        _signers[source] = _credentials(there)
    # Asking for the frozen ones renews those that are about to expire.
    frozen: ReadOnlyCredentials = _signers[source].get_frozen_credentials()
    return frozen


def _credentials(there: Endpoint) -> Credentials:
    """Find who signs: in the file that the address names, else along AWS's default chain."""
    if there.credentials_file is None:
        found = Session(profile=there.profile).get_credentials()
    else:
        found = SharedCredentialProvider(there.credentials_file, there.profile).load()
    if found is None:
        raise NotCommitted(_no_credentials(there, "there are none"))
    return found


def _no_credentials(there: Endpoint, why: str) -> str:
    source = there.credentials_file or "AWS's default chain (environment, ~/.aws, role)"
    profile = f", profile {there.profile}" if there.profile else ""
    return f"no token for {there.host} without credentials; looked in {source}{profile}: {why}"
