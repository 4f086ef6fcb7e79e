"""What the service does not take, as the error that it answers with."""

from __future__ import annotations

FEATURE_NOT_SUPPORTED = "0A000"


class Refused(Exception):
    """A statement (or a parameter) that Aurora DSQL does not take.

    `sqlstate` has five characters; `position` counts characters of the whole text from 1, None
    where it is not known. Texts are the service's own where one is recorded; elsewhere they follow
    the pattern of its recorded neighbours.
    """

    def __init__(
        self, sqlstate: str, message: str, hint: str | None = None, position: int | None = None
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.hint = hint
        self.position = position


def unsupported(message: str, hint: str | None = None) -> Refused:
    """The refusal of a feature, SQLSTATE 0A000."""
    return Refused(FEATURE_NOT_SUPPORTED, message, hint)
