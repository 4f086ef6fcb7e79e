"""A panel that has nothing to show says why; the other panels stay whole."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from worldseat.domain.errors import WorldSeatError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a panel has nothing to show, and what to do about it."""

    message: str
    next_step: str


async def tried(part: Awaitable[T]) -> T | Trouble:
    """Await one part of a page; what went wrong with it becomes the text of its panel."""
    try:
        return await part
    except WorldSeatError as error:
        return Trouble(message=error.message, next_step=error.next_step)
