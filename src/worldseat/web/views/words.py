"""Numbers, money and moments as people read them."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worldseat.domain.event import Money

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
_CENTS = 100
_LONG_ID = re.compile(r"\b[a-z]+_[a-z2-7]{20,}")


def count(number: float) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{number:,.0f}"


def spelled(number: int) -> str:
    """Return a small number as a word, a larger one in digits."""
    return _SMALL[number] if 0 <= number < len(_SMALL) else count(number)


def of(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun in the right form: `1 holder`, `60 holders`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def times(number: int) -> str:
    """Return how often: `once`, `twice`, `60 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{count(number)} times")


def short(identifier: str) -> str:
    """Return the beginning of a long id: enough to tell two apart by eye."""
    kept = 12
    return identifier if len(identifier) <= kept else f"{identifier[:kept]}…"


def short_ids(text: str) -> str:
    """Return a text with its long ids cut to their beginnings."""
    return _LONG_ID.sub(lambda found: short(found[0]), text)


def money(amount: "Money") -> str:
    """Return an amount as people write it; cents only where there are some."""
    whole, cents = divmod(amount.minor, _CENTS)
    text = f"{count(whole)}.{cents:02}" if cents else count(whole)
    sign = _SIGNS.get(amount.currency)
    return f"{sign}{text}" if sign else f"{amount.currency} {text}"


def dollars(amount: float) -> str:
    """Return US dollars with their cents; what is less than a cent says so."""
    cent = 0.01
    return "under $0.01" if 0 < amount < cent / 2 else f"${amount:,.2f}"


def between(low: str, high: str) -> str:
    """Return a range, or one number where both ends read alike."""
    return low if low == high else f"{low} to {high}"


def clock(moment: str) -> str:
    """Return the time of day of an RFC 3339 moment, in UTC and saying so."""
    return f"{_utc(moment):%H:%M:%S} UTC"


def day(moment: str) -> str:
    """Return the date of an RFC 3339 moment, in UTC."""
    return f"{_utc(moment):%Y-%m-%d}"


def milliseconds(duration_ms: float) -> str:
    """Return a duration: whole milliseconds, or seconds from ten thousand on."""
    ten_seconds = 10_000
    if duration_ms >= ten_seconds:
        return f"{duration_ms / 1000:,.1f} s"
    return f"{duration_ms:,.0f} ms"


def _utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC)
