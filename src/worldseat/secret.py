"""The signing key: made once, kept beside the data, shared by all processes of that folder."""

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32
SECRET_FILE = "secret.key"  # noqa: S105 - a file's name


def load_or_make(home: Path) -> bytes:
    """Return the key under `home`, making it on first use. Raises ValueError if it was damaged."""
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
