"""The real clock and real chance."""

import base64
import random
import secrets
import time
from datetime import UTC, datetime

_ID_BYTES = 17
_ID_LENGTH = 26


class SystemClock:
    """This machine's clocks."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some fixed moment."""
        return time.monotonic_ns()

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)


class SystemChance:
    """Ids from the operating system's generator; jitter from a cheap one."""

    def new_id(self, prefix: str) -> str:
        """Return a fresh id of 130 random bits."""
        raw = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()
        return f"{prefix}_{raw[:_ID_LENGTH]}"

    def seed(self) -> int:
        """Return a seed for a run."""
        return secrets.randbelow(2**31)

    def jitter(self) -> float:
        """Return a number from 0 up to 1."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing
