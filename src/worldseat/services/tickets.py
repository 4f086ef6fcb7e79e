"""A committed sale as the ticket that its fan shows at the door."""

import base64
import hashlib
import hmac

from worldseat.domain import ids
from worldseat.domain.event import Event, Ticket
from worldseat.domain.seats import LogRow

_CROCKFORD = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)


def confirmation_code(secret: bytes, op_id: str) -> str:
    """Return the code of a sale: 40 bits of a keyed hash, such as `WS-7Q4K-M2XD`.

    Crockford's alphabet has no I, L, O or U, so it can be read out at a door.
    """
    key = hmac.digest(secret, b"worldseat confirmation code", hashlib.sha256)
    raw = hmac.digest(key, op_id.encode(), hashlib.sha256)[:5]
    text = base64.b32encode(raw).translate(_CROCKFORD).decode()
    return f"WS-{text[:4]}-{text[4:]}"


def ticket(row: LogRow, event: Event, *, secret: bytes, valid: bool) -> Ticket:
    """Return the ticket that this committed row is."""
    return Ticket(
        ticket_id=ids.ticket_id(row.op_id),
        event_id=event.event_id,
        event_title=event.title,
        round_id=row.key.round_id,
        seat=event.chart.label(row.key.seat_index),
        code=confirmation_code(secret, row.op_id),
        region=row.region,
        price=event.price,
        sold_at=row.recorded_at,
        status="valid" if valid else "void",
    )
