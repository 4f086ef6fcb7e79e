"""Who may log in to the cluster: a credentials file in the form that every AWS SDK reads.

The cluster makes the file with one profile at its first start. Further profiles may be written into
it by hand, with temporary credentials (`aws_session_token`) or another `arn` for a custom role.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path

FILE = "credentials"
PROFILE = "worldseat-local"
ARN = f"arn:aws:iam::000000000000:user/{PROFILE}"

_KEY_ID_START = "AKIALOCAL"  # A key of AWS has 20 characters too, so every tool takes this one.
_KEY_ID_RANDOM = 11
_BASE32_BYTES = 7  # Fill 12 characters.
_SECRET_BYTES = 30  # Fill the 40 characters of a secret of AWS.


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What one access key id signs with, and whose it is."""

    secret: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)
    arn: str = ARN


def known(home: Path) -> Mapping[str, Secret]:
    """Return the secrets by access key id, as the file has them now; make it if there is none.

    Raises:
        ValueError: the file is damaged. OSError: it cannot be read or made.
    """
    path = home / FILE
    if not path.exists():
        _make(path)
    # No interpolation: a secret may contain a percent sign.
    profiles = RawConfigParser()
    try:
        profiles.read_string(path.read_text())
        return {
            profile["aws_access_key_id"]: Secret(
                secret=profile["aws_secret_access_key"],
                session_token=profile.get("aws_session_token"),
                arn=profile.get("arn", ARN),
            )
            for profile in (profiles[name] for name in profiles.sections())
        }
    except (Error, KeyError, UnicodeDecodeError) as error:
        # Not chained, and without the parser's text: that quotes lines, and a line may be a secret.
        message = (
            f"{path} is not a credentials file ({type(error).__name__}): "
            "mend it, or remove it and start the cluster again"
        )
        raise ValueError(message) from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    random = base64.b32encode(secrets.token_bytes(_BASE32_BYTES)).decode()[:_KEY_ID_RANDOM]
    fresh = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(
        f"# The local DSQL cluster beside this file knows these keys. AWS does not.\n"
        f"[{PROFILE}]\n"
        f"aws_access_key_id = {_KEY_ID_START}{random}\n"
        f"aws_secret_access_key = {secrets.token_urlsafe(_SECRET_BYTES)}\n"
        f"arn = {ARN}\n"
    )
    try:
        # A hard link appears whole or not at all, and never over an older file.
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
