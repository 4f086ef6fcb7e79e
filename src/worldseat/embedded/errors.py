"""The one error of this package."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked: the text says what, why and what to do."""

    def __init__(self, what: str, *, why: str, remedy: str) -> None:
        super().__init__(f"{what}: {why.rstrip('.')}. {remedy}")
        self.what = what
        self.why = why
        self.remedy = remedy
