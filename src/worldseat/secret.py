"""The signing key: given by the platform, or made once and kept beside the data.

All processes of one on-sale share it, in both Regions: it signs the fans' cookies, and it keys the
confirmation codes, which would read differently under another one.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path

SECRET_BYTES = 32
SECRET_ENV = "WORLDSEAT_SECRET"  # noqa: S105 - a variable's name
SECRET_FILE = "secret.key"  # noqa: S105 - a file's name


def load_or_make(home: Path) -> bytes:
    """Return the key that WORLDSEAT_SECRET holds, or the one under `home`, made on first use.

    With WORLDSEAT_SECRET nothing is read or written under `home`. Raises ValueError if the variable
    holds no key, or if the file was damaged; the text never repeats what it found.
    """
    given = os.environ.get(SECRET_ENV)
    if given is not None:
        return _decoded(given)
    path = home / SECRET_FILE
    home.mkdir(parents=True, exist_ok=True)
    # Not the process id: two containers that share the folder can both be process 1.
    fresh = home / f".{SECRET_FILE}.{secrets.token_hex(8)}"
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(SECRET_BYTES))
    try:
        # A hard link appears whole or not at all, and never over an older key.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    key = bytes.fromhex(path.read_text().strip())
    if len(key) != SECRET_BYTES:
        message = f"{path} does not hold a key of {SECRET_BYTES} bytes; cookies would not verify"
        raise ValueError(message)
    return key


def _decoded(text: str) -> bytes:
    """Return the key that base64 text stands for; a platform may make it longer than our own."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < SECRET_BYTES:
        raise ValueError(
            f"{SECRET_ENV} is not base64 of {SECRET_BYTES} bytes or more. "
            f"Make one with: openssl rand -base64 {SECRET_BYTES}"
        ) from None
    return key
