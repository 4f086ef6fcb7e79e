"""Ids that can be derived again from what they stand for.

An id is a prefix and 26 characters of lower-case base32 (130 bits of SHA-256). Derived ids make a
retry find its own earlier attempt: the same fan, key and place always give the same `op_id`.
"""

import base64
import hashlib

ROOT = "root"
"""The transition that the first one of a seat names: nothing came before it."""

OUTSIDE = "outside"
"""What a void names as its predecessor: it stands outside the chain (design §5.6)."""

_LENGTH = 26


def digest(*parts: str) -> str:
    """Return 26 base32 characters that stand for these parts, in this order.

    Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
    """
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        hasher.update(len(raw).to_bytes(8, "big"))
        hasher.update(raw)
    return base64.b32encode(hasher.digest()).decode().lower()[:_LENGTH]


def claim_id(fan_id: str, key: str) -> str:
    """Return the id of the claim that this fan makes under this idempotency key."""
    return f"clm_{digest('claim', fan_id, key)}"


def op_id(claim: str, place: int) -> str:
    """Return the id of the transition of the seat at `place` (0-based) in the sorted claim."""
    return f"op_{claim.removeprefix('clm_')}_{place}"


def release_id(run: str, seat_index: int, prev_op_id: str) -> str:
    """Return the id of the release that reopens a seat for a run."""
    return f"op_{digest('release', run, str(seat_index), prev_op_id)}_0"


def request_hash(fan_id: str, event_id: str, seat_indexes: tuple[int, ...]) -> str:
    """Return what a claim asked for, so that one key cannot be used for two requests."""
    return digest("request", fan_id, event_id, *(str(index) for index in sorted(seat_indexes)))


def ticket_id(op: str) -> str:
    """Return the id of the ticket that this committed sale is."""
    return f"tkt_{op.removeprefix('op_')}"
