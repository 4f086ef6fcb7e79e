"""The endpoints file: each Region's address, as JSON. It holds no secret.

    {"us-east-1": "postgresql://admin@<id>.dsql.us-east-1.on.aws:5432/postgres", "us-east-2": …}

`worldseat cluster create` writes it, `worldseat accept` reads it. The addresses have the same form
as in WORLDSEAT_US_EAST_1_URL, so a local cluster's may stand in it too.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from worldseat.domain.endpoints import mixed_up
from worldseat.domain.errors import BadRequest
from worldseat.settings import REGIONS

_BYTES_MAX = 64 * 1024
_MEND = (
    "It is one JSON object that maps us-east-1 and us-east-2 each to a postgresql:// address; "
    "`worldseat cluster status --endpoints FILE` writes it."
)


def read(path: Path) -> dict[str, str]:
    """Return each Region's address, in the order of the Regions. Raises BadRequest."""
    try:
        with path.open("rb") as opened:
            text = opened.read(_BYTES_MAX + 1)
    except OSError as error:
        raise BadRequest(
            f"The endpoints file {path} cannot be read: {error.strerror}.", next_step=_MEND
        ) from error
    if len(text) > _BYTES_MAX:
        raise _refused(path, f"it is longer than {_BYTES_MAX:,} bytes")
    try:
        urls = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise _refused(path, str(error)) from error
    if fault := _fault(urls):
        raise _refused(path, fault)
    return {region: urls[region] for region in REGIONS}


def write(path: Path, urls: Mapping[str, str]) -> None:
    """Write the file in one step: whole, or not at all. Raises BadRequest."""
    if fault := _fault(urls):
        raise _refused(path, fault)
    ordered = {region: urls[region] for region in REGIONS}
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise BadRequest(
            f"The endpoints file {path} cannot be written: {error.strerror}.",
            next_step="Name another file with --endpoints.",
        ) from error


def _fault(urls: Mapping[str, str]) -> str:
    """Say what is wrong with the addresses, without repeating one: it may hold a password."""
    for region in urls:
        if region not in REGIONS:
            return f"{region[:40]!r} is not a Region of WorldSeat"
    for region in REGIONS:
        if region not in urls:
            return f"{region} is missing"
        try:
            parts = urlsplit(urls[region])
            password, host = parts.password, parts.hostname
        except ValueError:
            return f"the address of {region} cannot be read"
        if password is not None or "password" in parts.query:
            return f"the address of {region} has a password, which no file may hold"
        if parts.scheme not in {"postgresql", "postgres"} or not host:
            return f"the address of {region} is not of the form postgresql://…"
    return mixed_up({region: urlsplit(urls[region]).hostname or "" for region in REGIONS})


def _refused(path: Path, why: str) -> BadRequest:
    return BadRequest(f"The endpoints file {path} cannot be used: {why}.", next_step=_MEND)
